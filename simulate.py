#!/usr/bin/env python3
"""Shows how an emitted template will scale, before it runs: no AWS, no network."""

from pathlib import Path

from workerstack.command_line import run
from workerstack.commands.simulate import simulate

if __name__ == "__main__":
    run(simulate, Path(__file__).parent)
