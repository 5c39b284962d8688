"""The one kind of error that a person is meant to read."""

from pathlib import Path


class Problem(Exception):  # noqa: N818 - it is shown to people as what it is
    """Something that the reader can put right: what happened, why, what to do next.

    Shown as ``[file:line: ]What: why. Next step.`` and ends a command with ``code``:
    1 for an error, 3 for a refusal, 4 when we stopped watching (DESIGN, "Commands").
    """

    code = 1

    def __init__(
        self,
        what: str,
        why: str,
        next_step: str,
        *,
        file: Path | str | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(what, why, next_step)
        self.what = what
        self.why = why
        self.next_step = next_step
        self.file = file
        self.line = line

    def __str__(self) -> str:
        """One line for the terminal."""
        sentence = f"{self.what}: {_ended(self.why)} {_ended(self.next_step)}"
        if self.file is None:
            return sentence
        file = Path(self.file)
        shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
        return f"{shown}:{self.line}: {sentence}" if self.line else f"{shown}: {sentence}"


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


class Refusal(Problem):
    """A guard that held: nothing was done, and it will not be without consent."""

    code = 3


class Detached(Problem):
    """We stopped watching; what runs in AWS goes on."""

    code = 4
