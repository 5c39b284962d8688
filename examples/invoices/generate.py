"""Builds the example's templates, as the project's generate.py builds its own.

Run in the project's folder: python -m examples.invoices.generate
"""

import importlib
from pathlib import Path
from typing import Any

from workerstack.command_line import run
from workerstack.commands.generate import generating


def templates() -> list[tuple[str, dict[str, Any]]]:
    """What each worker is built to; the import is late: it may be wrong."""
    from templates import build_all

    return build_all(lambda: importlib.import_module("examples.invoices.workers"))


generate = generating(templates, Path(__file__).parent, "examples/invoices/workers.py")

if __name__ == "__main__":
    run(generate)
