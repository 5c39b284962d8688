"""What is wrong with a worker's specification."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong: what, why, and what to write instead.

    ``owner`` and ``field`` are the class and its field in which it stands; ``file`` and ``line``
    are where that object is made.
    """

    what: str
    why: str
    next_step: str
    field: str = ""
    owner: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        end = "" if self.next_step.endswith("?") else "."
        return f"{self.what}: {self.why}. {self.next_step}{end}"


class SpecificationError(ValueError):
    """A worker that cannot be built, with everything that is wrong with it."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


def wrong(what: str, why: str, next_step: str) -> SpecificationError:
    """One mistake, to be raised."""
    return SpecificationError(Mistake(what, why, next_step))


_waiting: ContextVar[list[Mistake] | None] = ContextVar("mistakes that wait", default=None)


@contextmanager
def together() -> Iterator[None]:
    """What is wrong with workers that are made inside is raised at its end, all of it at once.

    An error of another kind inside is the cause of what is raised.
    """
    found: list[Mistake] = []
    token = _waiting.set(found)
    try:
        yield
    except Exception as error:
        if not found:
            raise
        raise SpecificationError(*dict.fromkeys(found)) from error
    finally:
        _waiting.reset(token)
    if found:
        raise SpecificationError(*dict.fromkeys(found))


def tell(*mistakes: Mistake) -> None:
    """Raises SpecificationError; inside of `together`, at its end."""
    waiting = _waiting.get()
    if waiting is None:
        raise SpecificationError(*mistakes)
    waiting += mistakes
