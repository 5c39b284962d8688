"""How far a command is: one live line on a terminal, nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(number: int, doing: str) -> Iterator[Callable[[str], None]]:
    """Gives what is to be called with each name that is done; ``number`` are to be done."""
    if number < 2 or not sys.stderr.isatty():  # noqa: PLR2004 - one is waited for in silence
        yield lambda _: None
        return
    from rich.console import Console
    from rich.text import Text

    done: list[str] = []
    with Console(stderr=True).status(f"{doing} 0 of {number}") as status:

        def one(name: str) -> None:
            done.append(name)
            status.update(Text(f"{doing} {len(done)} of {number}: {', '.join(done)}"))

        yield one
