"""Policies as documents: of rights, in few statements; cut so that each fits where IAM takes it.

Source: IAM User Guide, "IAM and AWS STS quotas": blanks are not counted.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workerstack.cloudformation.service_authorization import fits, scope
from workerstack.deployer.resource_rights import OF_STACK, Place, ResourceRight

INLINE = 10_240
"""Characters of all inline policies of a role together."""

MANAGED = 6_144
"""Characters of a managed policy, of which a role has ten."""


def document(grants: Iterable[ResourceRight], place: Place) -> dict[str, Any]:
    """One statement for all actions that are allowed on the same, under the same condition."""
    together: Together = {}
    conditions: dict[str, Mapping[str, Any]] = {}
    on: dict[tuple[str, str], set[str]] = {}
    for grant in _joined(grants):
        key = repr(sorted(grant.condition.items()))
        conditions[key] = grant.condition
        on.setdefault((grant.action, key), set()).update(grant.resources)
    for (action, key), resources in on.items():
        together.setdefault((tuple(sorted(_widest(resources))), key), set()).add(action)
    statements = []
    for (resources, key), actions in sorted(
        _gathered(together, place).items(), key=lambda each: _order(*each)
    ):
        statement: dict[str, Any] = {
            "Sid": "",
            "Effect": "Allow",
            "Action": sorted(actions),
            "Resource": list(resources),
        }
        if conditions[key]:
            statement["Condition"] = dict(conditions[key])
        statements.append(statement)
    _name(statements)
    return {"Version": "2012-10-17", "Statement": statements}


def _joined(grants: Iterable[ResourceRight]) -> Iterator[ResourceRight]:
    """Grants that differ only in the stack whose tag they ask for, as one that takes any of them.

    A role's policies have 10,240 characters together. (IAM User Guide, "Conditions with multiple
    context keys or values": several values of one key are joined by OR.)
    """
    values: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for grant in grants:
        wanted = grant.condition.get("StringEquals", {})
        if len(grant.condition) == 1 and list(wanted) == [OF_STACK]:
            values.setdefault((grant.action, grant.resources), set()).add(wanted[OF_STACK])
        else:
            yield grant
    for (action, resources), names in values.items():
        found = sorted(names)
        value = found if len(found) > 1 else found[0]
        yield ResourceRight(action, resources, {"StringEquals": {OF_STACK: value}})


Together = dict[tuple[Any, ...], set[str]]
"""Actions by what they are allowed on, and the condition."""


def _gathered(together: Together, place: Place) -> Together:
    """Statements that share resources as one, where none of its actions gains any by it.

    An action is on resources of its own types only, so others that stand beside them give it
    nothing (Service Authorization Reference, "Resource types").
    """
    found: Together = {}
    for (resources, key), actions in together.items():
        mine, own = resources, set(actions)
        for (theirs, other), those in list(found.items()):
            if (
                other == key
                and set(mine) & set(theirs) - {"*"}
                and _gain_nothing(own, mine, theirs, place)
                and _gain_nothing(those, theirs, mine, place)
            ):
                del found[theirs, other]
                mine, own = tuple(sorted({*mine, *theirs})), own | those
        found.setdefault((mine, key), set()).update(own)
    return found


def _gain_nothing(
    actions: Iterable[str], resources: Iterable[str], more: Iterable[str], place: Place
) -> bool:
    added = set(more) - set(resources)
    return not any(
        fits(arn, each) for action in actions for each in scope(action, *place).all for arn in added
    )


def _order(key: tuple[Any, ...], actions: set[str]) -> tuple[Any, ...]:
    return (min(actions).partition(":")[0], key[0] == ("*",), key)


def _widest(resources: set[str]) -> set[str]:
    """Without those that another one with a `*` at its end holds already."""
    return {
        each
        for each in resources
        if not any(
            other != each and other.endswith("*") and each.startswith(other[:-1])
            for other in resources
        )
    }


def _name(statements: list[dict[str, Any]]) -> None:
    """Sids that say which service: letters and digits (IAM: Sid). They count for the limit."""
    taken: dict[str, int] = {}
    for statement in statements:
        service = statement["Action"][0].partition(":")[0]
        words = ["Any"] if statement["Resource"][0] == "*" else service.split("-")
        sid = "".join(_capital(word) for word in words)
        taken[sid] = taken.get(sid, 0) + 1
        statement["Sid"] = sid if taken[sid] == 1 else f"{sid}{taken[sid]}"


def _capital(word: str) -> str:
    plain = "".join(letter for letter in word if letter.isalnum())
    return plain[:1].upper() + plain[1:]


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
