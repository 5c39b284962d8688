"""A whole Review from two templates, without AWS: predicted, and saying what it cannot know."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workerstack.cloudformation.schemas import Names, is_tagged, recreation
from workerstack.cloudformation.template import declared_parameters
from workerstack.cloudformation.values import differences
from workerstack.review import case as cases
from workerstack.review import compare, findings, simulate_change
from workerstack.review.case import Facts
from workerstack.review.compare import HIDDEN, Beside
from workerstack.review.model import (
    UNKNOWN,
    Binding,
    ChangeSet,
    Notice,
    PropertyChange,
    ResourceChange,
    Review,
    Where,
)
from workerstack.review.prediction_functions import Resolved, parts, references, resolve
from workerstack.review.simulate_change import Deployed

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


def fill(
    changes: tuple[ResourceChange, ...], before: Resolved, after: Resolved
) -> tuple[ResourceChange, ...]:
    """The changes; those without bodies get them, and their properties' values.

    Which resources change, how and why remains what AWS said.
    """
    silent = [change for change in changes if change.before is None and change.after is None]
    if not silent:
        return changes
    predicted = {change.logical_id: change for change in predict(before, after)}
    return tuple(
        _filled(change, predicted.get(change.logical_id), before, after)
        if change.before is None and change.after is None
        else change
        for change in changes
    )


def _filled(
    change: ResourceChange, predicted: ResourceChange | None, before: Resolved, after: Resolved
) -> ResourceChange:
    old = None if change.action == "Add" else before.resources.get(change.logical_id)
    new = None if change.action == "Remove" else after.resources.get(change.logical_id)
    if old is None and new is None:
        return change
    told = tuple(_valued(each, old or {}, new or {}) for each in change.properties)
    return change.model_copy(
        update={
            "before": None if old is None else dict(old),
            "after": None if new is None else dict(new),
            "properties": told or (predicted.properties if predicted else ()),
            "from_templates": True,
        }
    )


def _valued(
    change: PropertyChange, before: Mapping[str, Any], after: Mapping[str, Any]
) -> PropertyChange:
    if change.values_given or not change.attribute:
        return change
    old, new = before.get(change.attribute), after.get(change.attribute)
    if change.name:
        old = old.get(change.name) if isinstance(old, Mapping) else None
        new = new.get(change.name) if isinstance(new, Mapping) else None
    if old is None and new is None:
        return change
    return change.model_copy(update={"before": old, "after": new, "values_given": True})


PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}
SSM = "AWS::SSM::Parameter::"
NOT_ASKED = "what runs, waits or imports in the account: nobody was asked"


@dataclass(frozen=True)
class Side:
    """One of the two templates with its values; empty where there is no stack."""

    template: Mapping[str, Any] = field(default_factory=lambda: {"Resources": {}})
    values: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, str]:
        """Each declared parameter's value; of a secret nothing, of one in SSM its name."""
        found = {}
        for name, declared in declared_parameters(dict(self.template)).items():
            value = self.values.get(name, declared.default)
            if value is not None and not declared.secret:
                stored = declared.type.startswith(SSM)
                found[name] = f"{{{{resolve:ssm:{value}}}}}" if stored else value
        return found

    @property
    def shown(self) -> dict[str, str]:
        """The parameters with the secret ones hidden."""
        return {**self.parameters, **dict.fromkeys(self.secrets, HIDDEN)}

    @property
    def secrets(self) -> set[str]:
        """Its secret parameters."""
        declared = declared_parameters(dict(self.template))
        return {name for name, each in declared.items() if each.secret}


def predict_review(
    before: Side, after: Side, *, name: str, account: str = "", region: str = "", stack: str = ""
) -> Review:
    """What a change set from ``before`` to ``after`` would say; nothing in it can be executed.

    ``account``, ``region`` and ``stack`` are empty where they are not known.
    """
    known = surroundings(account, region, stack)
    old, new = (resolve(each.template, each.parameters, known) for each in (before, after))
    is_new = not before.template["Resources"]
    case = cases.Case(
        is_new=is_new,
        resources=predict(old, new, tags_differ=before.tags != after.tags and not is_new),
        others=tuple(
            compare.compare(
                Beside(before.template, before.shown, before.tags) if not is_new else Beside(),
                Beside(after.template, after.shown, after.tags),
                before.secrets | after.secrets,
            )
        ),
        before=old.resources,
        after=new.resources,
        facts=Facts(account=account),
    )
    access = findings.access(case)
    case = cases.Case(**{**vars(case), "access": access})
    return Review(
        where=Where(
            deployment=name, account=account, region=region, caller="", stack_name=stack,
            stack_id="",
        ),
        change_set=ChangeSet(
            arn="", name="", type="CREATE" if is_new else "UPDATE", created="",
            status="PREDICTED", execution_status="UNAVAILABLE",
        ),
        resources=case.resources,
        others=case.others,
        findings=findings.judge(case),
        access=access,
        notices=tuple(_refused(old, new)),
        parts=parts(old, new),
        unknown=tuple(dict.fromkeys((*old.unknown, *new.unknown, NOT_ASKED))),
        predicted=True,
        scaling=simulate_change.effect(
            case.resources,
            Deployed(before.template, before.parameters),
            Deployed(after.template, after.parameters),
        ),
        binding=Binding(),
    )  # fmt: skip


def surroundings(account: str, region: str, stack: str) -> dict[str, str]:
    """The pseudo parameters that follow from where a stack is; only those that are known."""
    partition = next((p for start, p in PARTITIONS.items() if region.startswith(start)), "aws")
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    found = {
        "AWS::AccountId": account,
        "AWS::Region": region,
        "AWS::StackName": stack,
        "AWS::Partition": partition if region else "",
        "AWS::URLSuffix": suffix if region and partition != "aws-eusc" else "",
    }
    return {name: value for name, value in found.items() if value}


def _refused(old: Resolved, new: Resolved) -> list[Notice]:
    """What CloudFormation refuses before it begins."""
    return [
        Notice(
            source="prediction",
            mode="FAIL",
            logical_id=name,
            text="CloudFormation refuses to change the type of a resource, here from"
            f" {old.resources[name].get('Type')} to {body.get('Type')}",
            next_step="Give the new resource another logical id",
        )
        for name, body in new.resources.items()
        if name in old.resources and old.resources[name].get("Type") != body.get("Type")
    ]
