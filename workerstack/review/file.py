"""A review on the disk, or a renaming: written in one step, and refused when it was edited."""

import hashlib
import json
from pathlib import Path

from pydantic import ValidationError

from workerstack import files
from workerstack.problem import Problem, Refusal
from workerstack.review.model import Review
from workerstack.review.renaming import Renaming

KINDS: dict[str, type[Review] | type[Renaming]] = {"review": Review, "renaming": Renaming}
"""What such a file can hold, by the key under which it does."""


def write(review: Review | Renaming, file: Path) -> None:
    """Writes the review with its own digest, whole or not at all."""
    content = review.model_dump(mode="json")
    [key] = [key for key, kind in KINDS.items() if isinstance(review, kind)]
    text = json.dumps({"digest": digest(content), key: content}, indent=2) + "\n"
    next_step = "Name another file with --output; `deploy.py discard ENV/STACK` drops what waits"
    files.write(file, text, next_step, private=True)


def read(file: Path) -> Review:
    """The review in a file; raises Refusal where it is not the one that was written."""
    found = read_any(file)
    if isinstance(found, Renaming):
        raise Problem(
            "This is a renaming and no review", "`adopt` wrote it", "Execute it", file=file
        )
    return found


def read_any(file: Path) -> Review | Renaming:
    """The review or the renaming in a file, like `read`."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        [key] = content.keys() & KINDS
        review, written = content[key], content["digest"]
    except FileNotFoundError:
        raise Problem(
            "No such review", "`review` writes one and prints its name", "Review first", file=file
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise Problem(
            "This is no review", f"it cannot be read: {error}", "Review again", file=file
        ) from error
    expected = KINDS[key].model_fields["version"].default
    if not isinstance(review, dict) or review.get("version") != expected:
        raise Refusal(
            f"The {key} has another format",
            f"this version reads format {expected}",
            "Review again",
            file=file,
        )
    if digest(review) != written:
        raise Refusal(
            "The review was edited",
            "it is no longer the one that was shown",
            "Review again",
            file=file,
        )
    try:
        return KINDS[key].model_validate(review)
    except ValidationError as error:
        raise Problem("This is no review", str(error), "Review again", file=file) from error


def digest(content: object) -> str:
    """SHA-256 of a review's JSON: it shows an accident or a careless edit.

    An edit that mends the digest is caught when the change set is read and judged again.
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
