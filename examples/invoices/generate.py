"""Builds the example's templates, as the project's generate.py builds its own.

Run in the project's folder: python -m examples.invoices.generate
"""

from pathlib import Path

from examples.invoices.workers import ALL
from templates import build
from workerstack.command_line import run
from workerstack.commands.generate import generating


def templates():
    """What each worker is built to."""
    return [(worker.name, build(worker).to_dict()) for worker in ALL]


generate = generating(templates, Path(__file__).parent)

if __name__ == "__main__":
    run(generate)
