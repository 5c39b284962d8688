#!/usr/bin/env python3
"""Builds every worker's template, lints it, and writes out/ (or checks that it is current)."""

import gc
import importlib
from pathlib import Path
from typing import Any

from workerstack.command_line import run
from workerstack.commands.generate import generating


def templates() -> list[tuple[str, dict[str, Any]]]:
    """What each worker of templates/workers.py is built to; the import is late: it may be wrong."""
    from templates import build_all

    return build_all(lambda: importlib.import_module("templates.workers"))


generate = generating(templates, Path(__file__).parent)

if __name__ == "__main__":
    gc.disable()  # a second's work makes little garbage, and importing makes none
    run(generate, Path(__file__).parent)
