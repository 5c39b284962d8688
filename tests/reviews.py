"""Made-up reviews: any depth, any text; and what must be found in whatever shows them."""

from collections.abc import Iterator
from string import ascii_letters, digits
from typing import Any

from hypothesis import strategies as st

from workerstack.review.model import (
    UNKNOWN,
    AccessChange,
    Binding,
    ChangeSet,
    Finding,
    Notice,
    OtherChange,
    PropertyChange,
    ResourceChange,
    Review,
    Where,
)

TEXT = st.text(max_size=20)
NASTY = st.sampled_from(
    [
        "<script>alert(1)</script>", "</script>", "``````", "```\n# heading", "@everyone",
        "| a | b |", "\x1b[31mred", "\u202eright to left", "a\nb", "[x](javascript:alert(1))",
        "</details>", "<!-- -->", "{{ 7 * 7 }}", "-- >", "&lt;", "%0A::error::x", "'\"", "~~~",
    ]
)  # fmt: skip
WORDS = TEXT | NASTY
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,15}", fullmatch=True, alphabet=ascii_letters + digits)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=10,
)
BODIES = st.none() | st.fixed_dictionaries(
    {"Type": st.just("AWS::A::B"), "Properties": st.dictionaries(NAMES, VALUES, max_size=4)}
)
PROPERTIES = st.builds(
    PropertyChange,
    attribute=st.sampled_from(["Properties", "Tags", "Metadata", None]),
    name=st.none() | NAMES,
    path=st.none() | WORDS,
    before=VALUES | st.just(UNKNOWN),
    after=VALUES | st.just(UNKNOWN),
    values_given=st.booleans(),
    requires_recreation=st.sampled_from(["Always", "Conditionally", "Never", "Sometimes", None]),
    evaluation=st.sampled_from(["Static", "Dynamic", None]),
    change_source=st.sampled_from(
        ["DirectModification", "ParameterReference", "ResourceReference", "ResourceAttribute",
         "Automatic", "Whim", None]
    ),
    causing_entity=st.none() | WORDS,
    drift=st.none() | st.dictionaries(NAMES, VALUES, max_size=2),
    extra=st.dictionaries(NAMES, VALUES, max_size=2),
)  # fmt: skip
ACTIONS = st.sampled_from(
    ["Add", "Modify", "Remove", "Import", "Dynamic", "SyncWithActual", "Teleport"]
)
RESOURCES = st.builds(
    ResourceChange,
    action=ACTIONS,
    logical_id=NAMES,
    physical_id=st.none() | WORDS,
    type=st.just("AWS::A::B") | WORDS,
    replacement=st.sampled_from(["True", "False", "Conditional", "Maybe", None]),
    policy_action=st.sampled_from(["Delete", "Retain", "ReplaceAndSnapshot", "Shred", None]),
    properties=st.lists(PROPERTIES, max_size=3).map(tuple),
    before=BODIES,
    after=BODIES,
    description=st.none() | WORDS,
    extra=st.dictionaries(NAMES, VALUES, max_size=2),
)
ACCESS = st.builds(
    AccessChange,
    kind=st.sampled_from(["permission", "trust", "network"]),
    gained=st.booleans(),
    logical_id=NAMES,
    effect=st.sampled_from(["Allow", "Deny"]),
    actions=st.lists(WORDS, min_size=1, max_size=4).map(tuple),
    resources=st.lists(WORDS, max_size=3).map(tuple),
    principal=WORDS,
    condition=WORDS,
)
FINDINGS = st.builds(
    Finding,
    id=st.sampled_from(["iam-broadened", "replaces-stateful"]),
    level=st.sampled_from(["blocking", "warning", "note"]),
    logical_id=NAMES,
    what=WORDS,
    why=WORDS,
    next_step=WORDS,
)
NOTICES = st.builds(Notice, source=WORDS, mode=WORDS, logical_id=NAMES, text=WORDS)
OTHERS = st.builds(
    OtherChange,
    kind=st.sampled_from(["parameter", "tag", "output", "description", "weather"]),
    name=NAMES,
    before=st.none() | WORDS,
    after=st.none() | WORDS,
)


def _several(strategy: st.SearchStrategy[Any], most: int) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=most).map(tuple)


REVIEWS = st.builds(
    Review,
    where=st.builds(
        Where, deployment=WORDS, account=st.just("111122223333"), region=st.just("us-west-2"),
        caller=WORDS, stack_name=WORDS,
        stack_id=st.just("arn:aws:cloudformation:us-west-2:111122223333:stack/x/1"),
    ),
    change_set=st.builds(
        ChangeSet, arn=WORDS, name=WORDS, type=st.sampled_from(["CREATE", "UPDATE"]),
        created=st.just(""), status=st.just("CREATE_COMPLETE"), execution_status=WORDS,
        reason=WORDS, extra=st.dictionaries(NAMES, VALUES, max_size=2),
    ),
    resources=_several(RESOURCES, 3),
    others=_several(OTHERS, 3),
    findings=_several(FINDINGS, 3),
    access=_several(ACCESS, 3),
    notices=_several(NOTICES, 2),
    unknown=_several(WORDS, 2),
    predicted=st.booleans(),
    binding=st.just(Binding()),
)  # fmt: skip
"""Any review; logical ids are what CloudFormation allows, all other text is anything."""


def said(review: Review) -> Iterator[Any]:
    """Every value that must be found in whatever shows a review whole."""
    yield from (review.where.deployment, review.change_set.reason, *review.unknown)
    for change in review.resources:
        yield from (change.logical_id, change.type, change.description or "")
        for each in change.properties:
            yield from _texts(each.before if each.values_given else None)
            yield from _texts(each.after if each.values_given else None)
        if change.action != "Modify":
            yield from _texts(change.after if change.before is None else change.before)
    for finding in review.findings:
        yield from (finding.id, finding.what, finding.why, finding.next_step)
    for access in review.access:
        yield from (*access.actions, *access.resources, access.principal, access.condition)
    for notice in review.notices:
        yield from (notice.source, notice.mode, notice.text)
    for other in review.others:
        yield from (other.name, other.after or "")


def _texts(value: Any) -> Iterator[str]:
    return (each for each in leaves(value) if isinstance(each, str))


def leaves(value: Any) -> Iterator[Any]:
    """The scalars of a value, however deep."""
    if isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value
