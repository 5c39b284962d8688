#!/usr/bin/env python3
"""Shows how an emitted template will scale, before it runs: no AWS, no network."""

import sys
from pathlib import Path

try:
    from workerstack.command_line import run
    from workerstack.commands.simulate import simulate
except ModuleNotFoundError as error:
    sys.exit(
        f"This Python has no {error.name}: the project's environment, .venv, has it."
        " Run `make setup`, then `.venv/bin/python simulate.py`."
    )

if __name__ == "__main__":
    run(simulate, Path(__file__).parent)
