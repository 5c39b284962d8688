"""The review files that go from the job that made them to the one that executes them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workerstack.problem import Refusal
from workerstack.review import file as review_file
from workerstack.review.model import Review
from workerstack.review.show.markdown import code, row


@dataclass(frozen=True)
class Reviewed:
    """A review file: where it is, the SHA-256 of its bytes, and what it says."""

    file: Path
    digest: str
    review: Review

    @property
    def deployment(self) -> str:
        """``ENV/STACK``."""
        return self.review.where.deployment


def read(folder: Path) -> list[Reviewed]:
    """The review files of a folder, by name; raises Refusal for one that was edited."""
    return [
        Reviewed(file, hashlib.sha256(file.read_bytes()).hexdigest(), review_file.read(file))
        for file in sorted(folder.glob("*.json"))
    ]


def digests(found: Sequence[Reviewed]) -> dict[str, str]:
    """Each file's digest by its name: what the second job is told beside the files."""
    return {each.file.name: each.digest for each in found}


def environment(found: Sequence[Reviewed]) -> str:
    """The environment of all these deployments; raises Refusal where they have several."""
    names = {each.deployment.partition("/")[0] for each in found}
    if len(names) != 1:
        raise Refusal(
            f"The reviews are of {', '.join(sorted(names)) or 'no environment'}",
            "one approval is for one environment",
            "Review one environment at a time",
        )
    return names.pop()


def check_same(found: Sequence[Reviewed], approved: Mapping[str, str]) -> None:
    """Raises Refusal where the files are not those that were shown to who approved."""
    now = digests(found)
    for name in sorted(now.keys() | approved.keys()):
        if now.get(name) != approved.get(name):
            raise Refusal(
                f"{name} is not what was approved",
                f"its digest was {approved.get(name, 'none')} and is {now.get(name, 'none')}",
                "Run the workflow again, and have the new review approved",
            )


def table(found: Sequence[Reviewed]) -> str:
    """The reviews by digest, in Markdown: the same below the review and the execution."""
    head = ("deployment", "change set", "SHA-256 of the review", "SHA-256 of the template")
    lines = [row(*head), row(*("---" for _ in head))]
    for each in found:
        cells = (
            each.deployment,
            each.review.change_set.name,
            each.digest,
            each.review.binding.template_digest,
        )
        lines.append(row(*map(code, cells)))
    return "\n".join(lines)
