"""The plan of an adoption: what is what, what must hold, what is next, and how it ends."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from workerstack.adopter import mapping as deciding
from workerstack.adopter.deployed_template import (
    DeployedResource,
    DeployedTemplate,
    resolved,
    resources,
)
from workerstack.adopter.mapping import AdoptionMapping, Given
from workerstack.adopter.match import NAMES, Matching, match
from workerstack.adopter.rename import rename
from workerstack.adopter.retain_import import imported, is_retained
from workerstack.cloudformation import read, text
from workerstack.cloudformation.functions import PLACE
from workerstack.deployer import stack
from workerstack.deployer.source import Source
from workerstack.problem import Problem, Refusal
from workerstack.review.model import PropertyChange, ResourceChange, Review
from workerstack.review.predict import TemplateSide, predict_review

Step = Literal["retain", "remove", "rename", "import", "done"]

SAID: dict[Step, str] = {
    "retain": "sets {} to be retained, and writes down what refers to it",
    "remove": "takes {} out of the stack; nothing happens to them",
    "rename": "renames {} by stack refactoring",
    "import": "imports {}, as they are called from now on",
    "done": "",
}


def next_step(mapping: AdoptionMapping, deployed: DeployedTemplate) -> tuple[Step, tuple[str, ...]]:
    """The step, and which of ours it is about.

    Imports frame the renaming: what cannot be refactored leaves before it, and comes back after.
    """
    live = deployed.resources
    moving = {
        ours: entry
        for ours, entry in mapping.resources.items()
        if ours not in live and entry.by == "import"
    }
    there = tuple(ours for ours, entry in moving.items() if entry.is_ in live)
    loose = tuple(
        ours for ours in there if not is_retained(deployed.template, mapping.resources[ours].is_)
    )
    renamed = tuple(
        ours
        for ours, entry in mapping.resources.items()
        if entry.by == "refactoring" and entry.waits(ours, live)
    )
    ordered: tuple[tuple[Step, tuple[str, ...]], ...] = (
        ("retain", loose),
        ("remove", there),
        ("rename", renamed),
        ("import", tuple(moving)),
    )
    return next(((step, names) for step, names in ordered if names), ("done", ()))


SAME_AS_REF = {
    "AWS::EC2::SecurityGroup": "GroupId",
    "AWS::ECS::Service": "ServiceArn",
    "AWS::ECS::TaskDefinition": "TaskDefinitionArn",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "TargetGroupArn",
}
"""Attributes whose value is that of Ref (template reference: each type's return values)."""


def foresee(renamed: Mapping[str, Any], deployed: DeployedTemplate, source: Source) -> Review:
    """The predicted review of what remains to be done once the stack has our names."""
    before = TemplateSide(as_refs(renamed), deployed.parameters, deployed.tags)
    after = TemplateSide(as_refs(source.template), source.values(), source.deployment.tags)
    target = source.deployment.target
    return predict_review(
        before,
        after,
        name=source.deployment.name,
        account=target.account,
        region=target.region,
        stack=source.deployment.stack,
    )


def as_refs(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template with attributes that are the same as Ref written so, for comparison."""
    same = {
        (name, SAME_AS_REF[body["Type"]])
        for name, body in template["Resources"].items()
        if isinstance(body, Mapping) and body.get("Type") in SAME_AS_REF
    }
    found: dict[str, Any] = _as_refs(dict(template), same)
    return found


def _as_refs(value: Any, same: set[tuple[str, str]]) -> Any:
    match value:
        case {"Fn::GetAtt": [str() as name, str() as attribute]} if (name, attribute) in same:
            return {"Ref": name}
        case {"Fn::Sub": str() as text}:
            return {"Fn::Sub": PLACE.sub(lambda place: _place(place, same), text)}
        case Mapping():
            return {key: _as_refs(each, same) for key, each in value.items()}
        case list():
            return [_as_refs(each, same) for each in value]
        case _:
            return value


def _place(place: Any, same: set[tuple[str, str]]) -> str:
    name, _, attribute = place[2].partition(".")
    return "${" + name + "}" if not place[1] and (name, attribute) in same else str(place[0])


DESCRIPTIONS = {"AWS::EC2::SecurityGroup": ("GroupDescription",), "AWS::IAM::Role": ("Path",)}
"""Properties beside the names that a worker's specification may keep (Worker, kept)."""


@dataclass(frozen=True)
class Replaced:
    """One property that replaces its resource, and how its old value can be kept.

    ``parameter``: by giving this parameter the old value; ``kept``: by the field of that name
    of the worker's specification. Neither, where nothing can: it is made of another thing.
    """

    logical_id: str
    type: str
    sure: bool
    path: str
    name: str
    before: Any
    after: Any
    because: str
    parameter: str = ""
    kept: bool = False


def replaced(end: Review, template: Mapping[str, Any]) -> Iterator[Replaced]:
    """What ``end`` replaces, in its order; ``template`` is that of out/."""
    for change in end.resources:
        if change.replaces not in ("True", "Conditional"):
            continue
        forcing = [
            _one(change, each, template)
            for each in change.properties
            if each.requires_recreation != "Never" and not each.proof
        ]
        # A value that can be kept does not help where another one forces it as well; what
        # only follows another replacement is told there.
        helped = all(each.parameter or each.kept or each.because for each in forcing)
        yield from (each if helped else replace(each, parameter="", kept=False) for each in forcing)


def _one(change: ResourceChange, forcing: PropertyChange, template: Mapping[str, Any]) -> Replaced:
    name, before = forcing.name or "", forcing.before
    followed = forcing.change_source in ("ResourceReference", "ResourceAttribute")
    found = Replaced(
        logical_id=change.logical_id,
        type=change.type,
        sure=change.replacement == "True",
        path=forcing.label.removeprefix("/Properties/"),
        name=name,
        before=before,
        after=forcing.after,
        because=f"{forcing.causing_entity} is replaced" if followed else "",
    )
    if before is None and name == NAMES.get(change.type):
        # CloudFormation made the name: to keep it is to leave it out.
        return replace(found, kept=True)
    if not isinstance(before, str):
        return found
    body = template["Resources"].get(change.logical_id, {})
    match (body.get("Properties") or {}).get(name):
        case {"Ref": str() as parameter} if parameter in template.get("Parameters", {}):
            return replace(found, parameter=parameter)
    keepable = (NAMES.get(change.type), *DESCRIPTIONS.get(change.type, ()))
    return replace(found, kept=name in keepable)


def specification(found: Iterable[Replaced]) -> str:
    """The field of a worker's specification that keeps them; empty where it keeps none."""
    kept: dict[str, dict[str, str | None]] = {}
    for each in found:
        if each.kept:
            kept.setdefault(each.logical_id, {})[each.name] = each.before
    lines = (
        f"    {json.dumps(name)}: {{{', '.join(map(_member, values.items()))}}},"
        for name, values in kept.items()
    )
    return "\n".join(["kept={", *lines, "},"]) if kept else ""


def _member(kept: tuple[str, str | None]) -> str:
    """A member of the field as Python has it; None leaves the name out."""
    name, value = kept
    said = "None" if value is None else json.dumps(value, ensure_ascii=False)
    return f"{json.dumps(name)}: {said}"


MOVABLE = "FULLY_MUTABLE"
"""What DescribeType says of a type that can be refactored.

Source: CloudFormation user guide, "Stack refactoring", resource limitations. The list of
further types there has none of those of out/; what the service itself refuses is told when
the refactoring is made.
"""


def check(deployed: DeployedTemplate, source: Source, cloudformation: Any) -> None:
    """Raises Refusal for a stack that is another's, takes no change, or is imported from."""
    name = source.deployment.name
    stack.check_owner(deployed.stack, name)
    stack.check_updatable(deployed.stack, name)
    for export in _lost_exports(deployed, source):
        importing = _imports(cloudformation, export)
        if importing:
            raise Refusal(
                f"The export {export} is imported by {', '.join(importing)}",
                "out/ does not have it, and CloudFormation removes no export that is in use",
                "Make that stack independent of it first (a parameter in place of"
                " Fn::ImportValue), then adopt",
            )


def check_no_policy(deployed: DeployedTemplate, cloudformation: Any) -> None:
    """Raises Refusal for a stack policy, with which no stack can be refactored.

    Source: CloudFormation user guide, "Stack refactoring", considerations.
    """
    if cloudformation.get_stack_policy(StackName=deployed.stack.id).get("StackPolicyBody"):
        raise Refusal(
            f"The stack {deployed.stack.name} has a stack policy",
            "CloudFormation refactors no stack that has one, whatever it allows, and it cannot"
            " be taken off again",
            "Rename with --import LOGICAL_ID for each, or leave the stack to its tool",
        )


def _lost_exports(deployed: DeployedTemplate, source: Source) -> Iterator[str]:
    """Names that the deployed stack exports and ours does not."""
    deployment = source.deployment
    before = resolved(deployed.template, deployed.parameters, deployment).outputs
    after = resolved(source.template, source.values(), deployment).outputs
    kept = {text(each.export) for each in after.values()}
    for each in before.values():
        export = text(each.export)
        if export is not None and export not in kept:
            yield export


def _imports(cloudformation: Any, export: str) -> list[str]:
    from botocore.exceptions import ClientError

    try:
        pages = cloudformation.get_paginator("list_imports").paginate(ExportName=export)
        return [name for page in pages for name in page["Imports"]]
    except ClientError as error:
        # An export that nobody imports is an error of its own to CloudFormation.
        if "not imported by any stack" in str(error):
            return []
        raise


def immovable(kinds: Collection[str], cloudformation: Any) -> dict[str, str]:
    """The types that cannot be refactored, each with what the registry says of it."""
    found = {}
    for kind in sorted(set(kinds)):
        answer = cloudformation.describe_type(Type="RESOURCE", TypeName=kind)
        said = answer.get("ProvisioningType", MOVABLE)
        if said != MOVABLE:
            found[kind] = f"its provisioning type is {said}"
    return found


@dataclass(frozen=True)
class AdoptionPlan:
    """``end`` is the predicted change set from the renamed stack to out/.

    With questions there is no end yet: what is what must be answered first.
    """

    source: Source
    deployed: DeployedTemplate
    matching: Matching
    mapping: AdoptionMapping
    end: Review | None = field(default=None, repr=False)

    @property
    def step(self) -> tuple[Step, tuple[str, ...]]:
        """What is next, and which of ours it is about."""
        return next_step(self.mapping, self.deployed)

    @property
    def names(self) -> dict[str, str]:
        """The ids that stack refactoring changes now, old ones to new ones."""
        return self.mapping.renames(self.deployed.resources)

    @property
    def renamed(self) -> str:
        """The deployed template's text with those ids changed, and nothing else."""
        return rename(self.deployed.text, self.names, self.deployed.file)


def plan(
    source: Source,
    deployed: DeployedTemplate,
    known: AdoptionMapping,
    given: Given,
    importing: Collection[str] = (),
) -> AdoptionPlan:
    """Matches, decides and predicts; raises Problem or Refusal for what is impossible.

    ``known`` is what the mapping's file says, ``given`` what was said now and goes before it.
    """
    deployment = source.deployment
    ours = resources(resolved(source.template, source.values(), deployment))
    decided = {**deciding.given(known, deployed, deployment), **given}
    deciding.check(decided, ours, deployed.resources)
    waiting = {
        name for name, entry in known.resources.items()
        if entry.by == "import" and name not in decided
    }  # fmt: skip
    matching = match(
        {name: each for name, each in ours.items() if name not in waiting},
        deployed.resources,
        decided,
    )
    _check_cluster(matching, ours, deployed)
    undecided = match(ours, deployed.resources, {}) if decided else matching
    deciding.check_no_swap(matching, ours, deployed.resources, undecided)
    mapping = deciding.updated(known, matching)
    found = AdoptionPlan(source, deployed, matching, _by_import(mapping, importing))
    return found if matching.questions else replace(found, end=_end(found))


def _check_cluster(
    matching: Matching, ours: Mapping[str, DeployedResource], deployed: DeployedTemplate
) -> None:
    """Raises Refusal where ours would make the cluster again that the service runs in.

    ECS answers with the cluster of that name that is there (API reference: CreateCluster), so
    that this stack would own, and one day delete, what another stack or a person made.
    """
    running = {
        each.physical_id.split("/")[-2]
        for each in deployed.resources.values()
        if each.type == "AWS::ECS::Service" and each.physical_id.count("/") > 1
    }
    for name in matching.new:
        cluster = ours[name].properties.get("ClusterName")
        if ours[name].type == "AWS::ECS::Cluster" and cluster in running:
            raise Refusal(
                f"The cluster {cluster} is not one of the stack {deployed.stack.name}",
                f"its service runs in it, and {name} of out/ would be a second one of this name,"
                " for which ECS gives the same",
                'Leave it where it is: cluster="imported" in the Worker, then `./generate.py`;'
                f" ClusterName in params/ stays {cluster}",
            )


def _by_import(mapping: AdoptionMapping, names: Collection[str]) -> AdoptionMapping:
    for name in names:
        if name not in mapping.resources:
            raise Problem(
                f"{name} cannot be imported",
                "it is not one of the matched resources",
                f"Take one of {', '.join(mapping.resources)}",
            )
    resources = {
        name: entry.model_copy(update={"by": "import"}) if name in names else entry
        for name, entry in mapping.resources.items()
    }
    return mapping.model_copy(update={"resources": resources})


def _end(found: AdoptionPlan) -> Review:
    """Predicted with everything renamed, and what waits for its import in its place."""
    names = found.matching.names
    text = rename(found.deployed.text, names, found.deployed.file)
    waiting = {
        name: entry.body
        for name, entry in found.mapping.resources.items()
        if entry.body and name not in names.values() and name not in found.deployed.resources
    }
    template = imported(read(text, found.deployed.file).data, waiting)
    return foresee(template, found.deployed, found.source)
