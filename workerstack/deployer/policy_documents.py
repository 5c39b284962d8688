"""A policy cut into documents that each fit where IAM takes them, and allow together the same.

Source: IAM User Guide, "IAM and AWS STS quotas": blanks are not counted.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

INLINE = 10_240
"""Characters of all inline policies of a role together."""

MANAGED = 6_144
"""Characters of a managed policy, of which a role has ten."""


def size(document: Any) -> int:
    """The characters that IAM counts."""
    return len(json.dumps(document, separators=(",", ":")))


def fitting(document: Mapping[str, Any], limit: int = MANAGED) -> list[dict[str, Any]]:
    """The document's statements in as few documents as they take below ``limit``, in their order.

    A statement that is too long by itself is cut by its resources, each half with all actions:
    what is allowed is the same. One that cannot be cut stands alone, above the limit.
    """
    base = {key: value for key, value in document.items() if key != "Statement"}
    most = limit - size({**base, "Statement": []})
    found: list[list[dict[str, Any]]] = []
    parts = [part for each in document["Statement"] for part in _cut(each, most)]
    # The largest first: what is small fills the gaps that are left (first-fit decreasing).
    for part in sorted(parts, key=size, reverse=True):
        # With its comma: one behind each statement but the last.
        room = (each for each in found if sum(map(size, each)) + len(each) + size(part) <= most)
        into = next(room, None)
        if into is None:
            found.append([part])
        else:
            into.append(part)
    return [{**base, "Statement": sorted(each, key=parts.index)} for each in found]


def _cut(statement: dict[str, Any], most: int) -> Iterator[dict[str, Any]]:
    resources = statement["Resource"]
    if size(statement) <= most or len(resources) < 2:  # noqa: PLR2004 - halves
        yield statement
        return
    middle = len(resources) // 2
    for letter, half in (("a", resources[:middle]), ("b", resources[middle:])):
        yield from _cut({**statement, "Sid": statement["Sid"] + letter, "Resource": half}, most)
