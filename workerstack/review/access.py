"""IAM statements and network rules that a change gains or loses, as rows of a table.

Two documents that say the same in other words have the same atoms: an Allow of two actions
on two resources is four. The table puts atoms that differ in the action only back together.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from workerstack.cloudformation import Stack, written
from workerstack.cloudformation.compare import is_function
from workerstack.review import network
from workerstack.review.model import AccessChange, ResourceChange

TRUST = "AssumeRolePolicyDocument"
ATTACHED = {
    "ManagedPolicyArns": ("Allow", "managed policy"),
    "PermissionsBoundary": ("Deny", "beyond the boundary"),
}
"""Policies that are only named, as effect and what stands for their actions."""


class Atom(NamedTuple):
    """The smallest thing that a policy says."""

    kind: str
    effect: str
    action: str
    resource: str
    principal: str
    condition: str


def atoms(body: Any) -> frozenset[Atom]:
    """Every atom of every policy document anywhere in a resource's body."""
    return frozenset(_walk(body, ""))


def _walk(value: Any, key: str) -> Iterator[Atom]:
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, key)
    elif isinstance(value, Mapping):
        for statement in _listed(value.get("Statement")):
            if isinstance(statement, Mapping):
                yield from _statement("trust" if key == TRUST else "permission", statement)
        for name, item in value.items():
            if name in ATTACHED:
                effect, action = ATTACHED[name]
                for arn in _listed(item):
                    yield Atom("permission", effect, action, written(arn), "", "")
            elif name != "Statement":
                yield from _walk(item, name)


def _statement(kind: str, statement: Mapping[str, Any]) -> Iterator[Atom]:
    effect = str(statement.get("Effect", "Allow"))
    condition = written(statement["Condition"]) if statement.get("Condition") else ""
    actions = [written(each) for each in _listed(statement.get("Action"))]
    actions += [f"all but {written(each)}" for each in _listed(statement.get("NotAction"))]
    resources = [written(each) for each in _listed(statement.get("Resource"))]
    resources += [f"all but {written(each)}" for each in _listed(statement.get("NotResource"))]
    principals = list(_principals(statement.get("Principal")))
    principals += [f"all but {each}" for each in _principals(statement.get("NotPrincipal"))]
    for action in actions:
        for resource in resources or [""]:
            for principal in principals or [""]:
                yield Atom(kind, effect, action, resource, principal, condition)


def _principals(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and not is_function(value):
        for kind, names in value.items():
            for name in _listed(names):
                yield f"{kind} {written(name)}" if name != "*" else "*"
    elif value is not None:
        yield written(value)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def compared_policies(change: ResourceChange) -> Iterator[AccessChange]:
    """What a resource's change gains and loses, grouped; lost first."""
    before, after = atoms(change.before), atoms(change.after)
    for gained, difference in ((False, before - after), (True, after - before)):
        yield from _grouped(change.logical_id, difference, gained=gained)


def _grouped(logical_id: str, found: frozenset[Atom], *, gained: bool) -> Iterator[AccessChange]:
    by_actions: dict[tuple[str, ...], list[str]] = {}
    for atom in sorted(found):
        rest = (atom.kind, atom.effect, atom.resource, atom.principal, atom.condition)
        by_actions.setdefault(rest, []).append(atom.action)
    by_resources: dict[tuple[Any, ...], list[str]] = {}
    for (kind, effect, resource, principal, condition), actions in by_actions.items():
        rest_of_all = (kind, effect, tuple(actions), principal, condition)
        by_resources.setdefault(rest_of_all, []).append(resource)
    for (kind, effect, listed, principal, condition), resources in by_resources.items():
        yield AccessChange(
            kind="trust" if kind == "trust" else "permission",
            gained=gained,
            logical_id=logical_id,
            effect=effect,
            actions=listed,
            resources=tuple(each for each in resources if each),
            principal=principal,
            condition=condition,
        )


def compared_rules(before: Stack, after: Stack) -> Iterator[AccessChange]:
    """What is closed and what is opened by security groups and public addresses."""
    old, new = network.rules(before), network.rules(after)
    for gained, difference in (
        (False, network.not_covered(old, new)),
        (True, network.not_covered(new, old)),
    ):
        for rule in difference:
            yield AccessChange(
                kind="network", gained=gained, logical_id=rule.logical_id, effect="Allow",
                actions=(f"{rule.direction} {rule.traffic}",), resources=(rule.group,),
                principal=rule.side,
            )  # fmt: skip
    sides = network.public(before), network.public(after)
    for gained, these, those in ((False, sides[0], sides[1]), (True, sides[1], sides[0])):
        for name in sorted(these.keys() - those.keys()):
            yield AccessChange(
                kind="network", gained=gained, logical_id=name, effect="Allow",
                actions=(f"public: {these[name]}",), resources=(name,),
                principal="the internet",
            )  # fmt: skip
