#!/usr/bin/env python3
"""Builds every worker's template, lints it, and writes out/ (or checks that it is current)."""

import gc
import importlib
import sys
from pathlib import Path
from typing import Any

try:
    from workerstack.command_line import run
    from workerstack.commands.generate import generating
except ModuleNotFoundError as error:
    sys.exit(
        f"This Python has no {error.name}: the project's environment, .venv, has it."
        " Run `make setup`, then `.venv/bin/python generate.py`."
    )


def templates() -> list[tuple[str, dict[str, Any]]]:
    """What each worker of templates/workers.py is built to; the import is late: it may be wrong."""
    from templates import build_all

    return build_all(lambda: importlib.import_module("templates.workers"))


generate = generating(templates, Path(__file__).parent)

if __name__ == "__main__":
    gc.disable()  # a second's work makes little garbage, and importing makes none
    run(generate, Path(__file__).parent)
