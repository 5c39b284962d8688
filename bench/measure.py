"""Seconds and memory of commands, and how they are shown."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROUNDS = 5
"""How often each thing is measured; the median counts."""


def seconds(command: Sequence[str], folder: Path) -> float:
    """The wall time of a command, with compiled modules kept as on any machine."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=kept, check=True, capture_output=True)
    return time.perf_counter() - started


def peak_of_children() -> float:
    """MiB that the largest of the ended child processes had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 2**20


def show(what: str, value: float, limit: float, unit: str = "") -> int:
    """Prints one line; 1 when the value is above its limit."""
    verdict = "ok" if value <= limit else "ABOVE THE LIMIT"
    sys.stdout.write(f"{what:<64} {value:8.3f}{unit}  (at most {limit:g}{unit})  {verdict}\n")
    sys.stdout.flush()
    return int(value > limit)
