"""What is wrong with a worker's specification."""

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
