"""What is equal for CloudFormation and the services behind it, and where two values differ.

Numbers and numeric texts are equal, ``true`` and ``"true"`` too: every scalar of a template
reaches CloudFormation as a text. Lists of which a service makes a set have no order. A document
given as JSON text is the document.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from workerstack.cloudformation.values import (
    Reference,
    Text,
    Unknown,
    concatenated,
    pieces,
    scalar,
    text,
)

UNORDERED = frozenset({
    "Action", "Actions", "AlarmActions", "AllowedValues", "AvailabilityZones", "CapacityProviders",
    "Dimensions", "Environment", "Groups", "InsufficientDataActions", "LoadBalancers",
    "ManagedPolicyArns", "NotAction", "NotPrincipal", "NotResource", "OKActions", "Policies",
    "RequiresCompatibilities", "Resource", "Roles", "Secrets", "SecurityGroupEgress",
    "SecurityGroupIds", "SecurityGroupIngress", "SecurityGroups", "Statement", "StepAdjustments",
    "SubnetIds", "Subnets", "Tags", "Users", "VPCZoneIdentifier", "VpcSecurityGroupIds",
})  # fmt: skip
"""Lists that are sets to their service (``insertionOrder: false`` or so documented)."""

PRINCIPALS = frozenset({"AWS", "CanonicalUser", "Federated", "Service"})
ONE_OR_MORE = frozenset({"Action", "NotAction", "NotResource", "Resource"})
"""Of a statement: one text, or a list. Source: IAM user guide, "Grammar of the policy language"."""

DOCUMENTS = re.compile(r"(Policy|Policies|Document|PolicyText|Body|Pattern|DefinitionString)$")
"""Properties that take a document, or its JSON as a text."""

KEYS = ("Name", "Key", "Sid", "Id", "SourceVolume", "ContainerPort", "PolicyName")
"""What tells the members of a list apart, where each has one and they differ."""


def equal(one: Any, other: Any, name: str = "") -> bool:
    """Whether two values are the same; ``name`` is the property that they stand in.

    Two references are equal if they mean the same; a reference and a text if the text is what
    the reference gives. Unknown values are equal if their expressions are.
    """
    if one is other or (isinstance(one, str) and isinstance(other, str) and one == other):
        return True
    if canonical(one, name) == canonical(other, name):
        return True
    # Last, since it is the dearest: most values are equal as they are, or differ whatever
    # references give.
    given = _given(one), _given(other)
    return (given[0] is not one or given[1] is not other) and canonical(
        given[0], name
    ) == canonical(given[1], name)


def canonical(value: Any, name: str = "") -> str:
    """One text for all values that are equal, references taken by what they refer to."""
    return json.dumps(_normal(value, name), sort_keys=True, default=str)


def _given(value: Any) -> Any:
    """A value with what references give put in; the same object where there is none."""
    if isinstance(value, Reference | Text):
        found = concatenated(pieces(value))
        return value if found == value else found
    if isinstance(value, dict):
        made = {key: _given(each) for key, each in value.items()}
        return made if any(made[key] is not each for key, each in value.items()) else value
    if isinstance(value, list):
        items = [_given(each) for each in value]
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


def _normal(value: Any, name: str) -> Any:  # noqa: PLR0911 - one return a kind of value
    if isinstance(value, str):
        document = _document(value, name)
        return value if document is value else _normal(document, name)
    if isinstance(value, dict):
        return _normal_mapping(value)
    if isinstance(value, list | tuple):
        items = [_normal(each, "") for each in value]
        if name in UNORDERED or name in PRINCIPALS or name == "DependsOn":
            items.sort(key=lambda each: json.dumps(each, sort_keys=True, default=str))
        return items
    if isinstance(value, Reference):
        return {"reference": f"{value.logical_id}.{value.means}"}
    if isinstance(value, Text):
        return {"text": [_normal(piece, "") for piece in value.pieces]}
    if isinstance(value, Unknown):
        return {"unknown": _normal(value.expression, ""), "basis": str(value.basis)}
    found = scalar(value)
    return value if found is None else found


def _normal_mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    # A member that is null is none: CloudFormation has no such value.
    found = {str(key): _normal(each, str(key)) for key, each in value.items() if each is not None}
    if "Effect" in found:
        for name in ONE_OR_MORE & found.keys():
            found[name] = _listed(found[name])
        if isinstance(principal := found.get("Principal"), dict):
            found["Principal"] = {key: _listed(each) for key, each in principal.items()}
    elif isinstance(found.get("Statement"), dict):
        found["Statement"] = [found["Statement"]]
    return found


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | dict) else value


def _document(value: str, name: str) -> Any:
    """The document that a text is; the text itself where it is none."""
    if value[:1] not in ("{", "[") or not DOCUMENTS.search(name):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, dict | list) else value


def could_be_equal(one: Any, other: Any) -> bool | None:  # noqa: PLR0911 - one return a case
    """Whether two values are equal: True, False, or None where it is open.

    Of an unknown text the known pieces decide where they can: ``a-${X}`` is never ``b``.
    """
    if equal(one, other):
        return True
    if isinstance(one, dict | list) and isinstance(other, dict | list):
        return _could_be_equal(one, other)
    left, right = pieces(_given(one)), pieces(_given(other))
    if all(isinstance(each, str) for each in (*left, *right)):
        return False
    open_ = [each for each in (*left, *right) if isinstance(each, Unknown | Reference | Text)]
    if not open_:
        return None if _has_unknown(one) or _has_unknown(other) else False
    for these, those in ((left, right), (right, left)):
        whole = text(concatenated(those))
        if whole is not None:
            return None if matches(Text(these), whole) else False
    # Both have unknown pieces: only what surely stands at the ends of both can tell them apart.
    starts = [each[0] if isinstance(each[0], str) else "" for each in (left, right)]
    ends = [each[-1] if isinstance(each[-1], str) else "" for each in (left, right)]
    shared = min(map(len, starts)), min(map(len, ends))
    if starts[0][: shared[0]] != starts[1][: shared[0]]:
        return False
    if shared[1] and ends[0][-shared[1] :] != ends[1][-shared[1] :]:
        return False
    return None


def _could_be_equal(one: Any, other: Any) -> bool | None:
    """Two lists or mappings that are not equal as they stand."""
    # Written out, an unknown value looks like a mapping; what it comes to is not known.
    if is_function(one) or is_function(other):
        return None
    if isinstance(one, dict) and isinstance(other, dict):
        if any(isinstance(each, Unknown) for each in (*one.values(), *other.values())):
            shared = set(one) & set(other)
        elif one.keys() != other.keys():
            return False
        else:
            shared = set(one)
        answers = [could_be_equal(one[key], other[key]) for key in shared]
        return False if False in answers else None
    if type(one) is not type(other) or (
        len(one) != len(other) and not _has_open_member(one) and not _has_open_member(other)
    ):
        return False
    return None if _has_unknown(one) or _has_unknown(other) else False


def _has_open_member(value: list[Any]) -> bool:
    return any(isinstance(each, Unknown) for each in value)


def _has_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(_has_unknown, value))
    return isinstance(value, Unknown | Text | Reference)


def matches(value: Any, whole: str) -> bool:
    """Whether a text in pieces can be ``whole``: what is unknown may be anything."""
    parts = [re.escape(each) if isinstance(each, str) else ".*" for each in pieces(value)]
    return re.fullmatch("".join(parts), whole, re.DOTALL) is not None


class Difference(NamedTuple):
    """One value that differs; None where there is none.

    ``path`` names members of lists by their key or position, ``names`` leaves them out.
    """

    path: tuple[str, ...]
    names: tuple[str, ...]
    before: Any
    after: Any

    @property
    def pointer(self) -> str:
        """``/ContainerDefinitions/worker/Image``."""
        return "".join(f"/{part}" for part in self.path)


def differences(before: Any, after: Any, name: str = "") -> Iterator[Difference]:
    """Each deepest place at which two values are not equal."""
    yield from _differences(before, after, (), (), name)


def _differences(
    before: Any, after: Any, path: tuple[str, ...], names: tuple[str, ...], name: str
) -> Iterator[Difference]:
    if equal(before, after, name):
        return
    if isinstance(before, str) != isinstance(after, str) or isinstance(before, str):
        documents = [
            _document(each, name) if isinstance(each, str) else each for each in (before, after)
        ]
        if all(isinstance(each, dict | list) for each in documents):
            before, after = documents
    deeper: list[Difference] = []
    if isinstance(before, dict) and isinstance(after, Mapping) and not _functions(before, after):
        for key in {**before, **after}:
            deeper += _differences(
                before.get(key), after.get(key), (*path, str(key)), (*names, str(key)), str(key)
            )
    elif isinstance(before, list) and isinstance(after, list) and before and after:
        for key, left, right in _pairs(before, after) or ():
            deeper += _differences(left, right, (*path, key), names, "")
    # One more null differs, and yet at no place: what is not there reads as null.
    yield from deeper or [Difference(path, names, before, after)]


def is_function(value: Any) -> bool:
    """Whether plain data is one function of CloudFormation in its long form."""
    return (
        isinstance(value, Mapping)
        and len(value) == 1
        and all(str(name) == "Ref" or str(name).startswith("Fn::") for name in value)
    )


def _functions(*values: Any) -> bool:
    """Whether one is a function: then it is compared whole."""
    return any(map(is_function, values))


def _pairs(before: list[Any], after: list[Any]) -> list[tuple[str, Any, Any]] | None:
    """The members that belong together; None where only the order differs."""
    # By a key first, so that a container that moves within its list is no change of two containers.
    for key in KEYS:
        left, right = _keyed(before, key), _keyed(after, key)
        if left is not None and right is not None:
            if list(left) != list(right) and canonical(left) == canonical(right):
                return None
            return [(name, left.get(name), right.get(name)) for name in {**left, **right}]
    if len(before) == len(after) and any(
        isinstance(each, dict | list) for each in (*before, *after)
    ):
        return [
            (str(position), *pair) for position, pair in enumerate(zip(before, after, strict=True))
        ]
    gone = Counter(map(canonical, before)) - Counter(map(canonical, after))
    new = Counter(map(canonical, after)) - Counter(map(canonical, before))
    if not gone and not new:
        return None
    return [
        *((str(position), each, None) for position, each in _taken(before, gone)),
        *((str(position), None, each) for position, each in _taken(after, new)),
    ]


def _taken(values: Iterable[Any], wanted: Counter[str]) -> Iterator[tuple[int, Any]]:
    left = wanted.copy()
    for position, value in enumerate(values):
        if left[canonical(value)]:
            left[canonical(value)] -= 1
            yield position, value


def _keyed(values: list[Any], key: str) -> dict[str, Any] | None:
    if not all(isinstance(each, dict) and isinstance(each.get(key), str | int) for each in values):
        return None
    found = {str(each[key]): each for each in values}
    return found if len(found) == len(values) else None
