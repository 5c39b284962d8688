"""`make soak` and `make test`: the same tests, with all of what is long or with a share of it.

A test that has a long form is marked with ``soak``, and so is, by tests/conftest.py, each one with
made-up examples. ``SOAK=1`` asks for the long form.
"""

import os
import random
from collections.abc import Sequence
from typing import Any

IS_ON = bool(os.environ.get("SOAK"))
TIMES = 25
"""How many times as many made-up examples a soak looks at."""


def examples(few: int) -> int:
    """How many examples to make up: a few, or that many times more."""
    return few * TIMES if IS_ON else few


def share(rows: Sequence[Any], count: int) -> list[Any]:
    """All rows, or ``count`` of them: the same each time, and in their order."""
    if IS_ON:
        return list(rows)
    chosen = set(random.Random(0).sample(range(len(rows)), count))
    return [row for number, row in enumerate(rows) if number in chosen]
