#!/usr/bin/env python3
"""Creates change sets, shows them for review, executes what was reviewed, verifies the result."""

import sys
from pathlib import Path

try:
    from workerstack.command_line import run
    from workerstack.commands.deploy import deploy
except ModuleNotFoundError as error:
    sys.exit(
        f"This Python has no {error.name}: the project's environment, .venv, has it."
        " Run `make setup`, then `.venv/bin/python deploy.py`."
    )

if __name__ == "__main__":
    run(deploy, Path(__file__).parent)
