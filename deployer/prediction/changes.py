"""From two resolved templates to the resource changes that CloudFormation would report."""

from collections.abc import Iterator, Mapping
from typing import Any

from deployer.differences import differences
from deployer.prediction.resolving import Resolved, references
from deployer.prediction.schemas import Names, is_tagged, recreation
from deployer.review import UNKNOWN, PropertyChange, ResourceChange

ATTRIBUTES = (
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
    "DeletionPolicy",
    "UpdateReplacePolicy",
)
"""What may change beside the properties, as the API's scopes name it."""

SNAPSHOT_BY_DEFAULT = frozenset({"AWS::RDS::DBCluster", "AWS::RDS::DBInstance"})
"""Source: CloudFormation template reference, DeletionPolicy."""

Body = Mapping[str, Any]


def predict(
    before: Resolved, after: Resolved, *, tags_differ: bool = False
) -> tuple[ResourceChange, ...]:
    """Each change, by logical id in the order of the templates.

    A replacement is followed through the references to what is replaced, until nothing
    more follows.
    """
    added = [_added(name, body) for name, body in after.resources.items()
             if name not in before.resources]  # fmt: skip
    removed = [_removed(name, body) for name, body in before.resources.items()
               if name not in after.resources]  # fmt: skip
    kept = {
        name: (before.resources[name], body)
        for name, body in after.resources.items()
        if name in before.resources
    }
    direct = {name: tuple(_direct(*bodies)) for name, bodies in kept.items()}
    replaced: dict[str, str] = {}
    while True:
        found = {
            name: (*direct[name], *_following(body, replaced)) for name, (_, body) in kept.items()
        }
        now = {name: how for name, each in found.items() if (how := _replacement(each)) != "False"}
        if now == replaced:
            break
        replaced = now
    modified = [
        _modified(name, *kept[name], each, replaced.get(name, "False"), tags_differ=tags_differ)
        for name, each in found.items()
    ]
    return (*removed, *(change for change in modified if change.scope), *added)


def _added(name: str, body: Body) -> ResourceChange:
    return ResourceChange(
        action="Add", logical_id=name, type=str(body.get("Type")), after=dict(body),
        description=_description(body), from_templates=True,
    )  # fmt: skip


def _removed(name: str, body: Body) -> ResourceChange:
    return ResourceChange(
        action="Remove", logical_id=name, type=str(body.get("Type")), before=dict(body),
        policy_action=_policy(body, "DeletionPolicy"), description=_description(body),
        from_templates=True,
    )  # fmt: skip


def _modified(
    name: str,
    before: Body,
    after: Body,
    changes: tuple[PropertyChange, ...],
    replacement: str,
    *,
    tags_differ: bool,
) -> ResourceChange:
    kind = str(after.get("Type"))
    if tags_differ and is_tagged(kind):
        tags = PropertyChange(
            attribute="Tags", requires_recreation="Never", evaluation="Static",
            change_source="DirectModification",
        )  # fmt: skip
        changes = (*changes, tags)
    policy = _policy(after, "UpdateReplacePolicy")
    return ResourceChange(
        action="Modify",
        logical_id=name,
        type=kind,
        replacement=replacement,
        policy_action=f"ReplaceAnd{policy}" if replacement != "False" else None,
        scope=tuple(dict.fromkeys(str(change.attribute) for change in changes)),
        properties=changes,
        before=dict(before),
        after=dict(after),
        description=_description(after),
        from_templates=True,
    )


def _policy(body: Body, attribute: str) -> str:
    kind = body.get("Type")
    snapshot = kind in SNAPSHOT_BY_DEFAULT and "DBClusterIdentifier" not in (
        body.get("Properties") or {}
    )
    default = "Snapshot" if snapshot and attribute == "DeletionPolicy" else "Delete"
    return str(body.get(attribute, default)).replace("RetainExceptOnCreate", "Retain")


def _description(body: Body) -> str | None:
    found = (body.get("Metadata") or {}).get("Description")
    return None if found is None else str(found)


def _direct(before: Body, after: Body) -> Iterator[PropertyChange]:
    """What is written differently."""
    kind = str(after.get("Type"))
    if before.get("Type") != kind:
        yield PropertyChange(
            attribute="Type", name=None, path="/Type", before=before.get("Type"), after=kind,
            values_given=True, requires_recreation="Always", evaluation="Static",
            change_source="DirectModification",
        )  # fmt: skip
    for found in differences(before.get("Properties") or {}, after.get("Properties") or {}):
        names = found.names if found.names else found.path
        yield PropertyChange(
            attribute="Properties",
            name=found.path[0] if found.path else None,
            path=f"/Properties{found.pointer}",
            before=found.before,
            after=found.after,
            values_given=True,
            requires_recreation=recreation(kind, names),
            evaluation="Dynamic" if UNKNOWN in str(found.after) else "Static",
            change_source="DirectModification",
            change_type=_change_type(found.before, found.after),
        )
    for attribute in ATTRIBUTES:
        if before.get(attribute) != after.get(attribute):
            for found in differences(before.get(attribute), after.get(attribute)):
                yield PropertyChange(
                    attribute=attribute, path=f"/{attribute}{found.pointer}",
                    before=found.before, after=found.after, values_given=True,
                    requires_recreation="Never", evaluation="Static",
                    change_source="DirectModification",
                )  # fmt: skip


def _change_type(before: Any, after: Any) -> str:
    return "Add" if before is None else "Remove" if after is None else "Modify"


def _following(body: Body, replaced: Mapping[str, str]) -> Iterator[PropertyChange]:
    """The properties whose value comes from a resource that is, or may be, replaced."""
    kind = str(body.get("Type"))
    for path, names, value in _leaves(body.get("Properties") or {}, (), ()):
        for target, attribute in references(value):
            if target in replaced:
                yield PropertyChange(
                    attribute="Properties",
                    name=names[0],
                    path="/Properties" + "".join(f"/{part}" for part in path),
                    before=value,
                    after=UNKNOWN,
                    values_given=True,
                    requires_recreation=recreation(kind, names),
                    evaluation="Dynamic",
                    change_source="ResourceAttribute" if attribute else "ResourceReference",
                    causing_entity=f"{target}.{attribute}" if attribute else target,
                )


def _leaves(value: Any, path: Names, names: Names) -> Iterator[tuple[Names, Names, Any]]:
    """Each deepest place of a body with a reference in it; a function is such a place."""
    if isinstance(value, Mapping):
        function = len(value) == 1 and str(next(iter(value))).startswith(("Ref", "Fn::"))
        if function and path:
            yield path, names, value
            return
        for name, each in value.items():
            yield from _leaves(each, (*path, str(name)), (*names, str(name)))
    elif isinstance(value, list):
        for position, each in enumerate(value):
            yield from _leaves(each, (*path, str(position)), names)


def _replacement(changes: tuple[PropertyChange, ...]) -> str:
    """``True`` for a change that is sure and forces it, ``Conditional`` for one that may."""
    answers = {(change.requires_recreation, change.evaluation) for change in changes}
    if ("Always", "Static") in answers:
        return "True"
    may = ("Always", "Dynamic") in answers or any(how == "Conditionally" for how, _ in answers)
    return "Conditional" if may else "False"
