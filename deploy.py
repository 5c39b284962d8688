#!/usr/bin/env python3
"""Creates change sets, shows them for review, executes what was reviewed, verifies the result."""

from pathlib import Path

from workerstack.command_line import run
from workerstack.commands.deploy import deploy

if __name__ == "__main__":
    run(deploy, Path(__file__).parent)
