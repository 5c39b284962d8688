"""The live stack, in the same shape as a template's: ``cloudformation.Stack``.

::

    live = read_live(clients, stack)     # deployer.stack.Stack: what DescribeStacks says
    live.stack                           # what runs, for every check that reads a Stack
    live.deployed                        # what CloudFormation has been told, by the same names
    live.gone, live.not_allowed          # what is not there, and what could not be asked

Both name resources of the stack by references that carry the live names and ARNs. In ``stack`` a
value is literal only where it differs from the deployed one, so a check sees of a worker that is
as it was deployed what it sees of its template.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workerstack.cloudformation import (
    Reference,
    Resource,
    Stack,
    Text,
    Unknown,
    equal,
    read,
    resolve,
    surroundings,
    text,
)
from workerstack.cloudformation.attributes import names
from workerstack.cloudformation.compare import KEYS
from workerstack.cloudformation.values import concatenated
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.source import template_text
from workerstack.verifier.asking import (
    Ask,
    GoneError,
    NotAllowed,
    NotAllowedError,
    asked,
)
from workerstack.verifier.live_resources import (
    DEFAULTS,
    NOT_TOLD,
    READERS,
    LiveResource,
    managed_policy,
    policy_properties,
    rule_key,
)

RULES = {
    "AWS::EC2::SecurityGroupIngress": "SecurityGroupIngress",
    "AWS::EC2::SecurityGroupEgress": "SecurityGroupEgress",
}
"""Types of rules apart from their group, and the property of the group that has them, too."""

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
AS_TARGET = ("ResourceId", "ScalableDimension", "ServiceNamespace")

INLINE = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy")


@dataclass(frozen=True)
class Live:
    """What was read. ``found`` has what the calls gave, by logical id, as it was given.

    ``gone``: logical ids of what was deleted by hand. ``not_allowed``: IAM's action that the
    caller lacks, by logical id. ``assumed``: what is of a type that is not read.
    """

    stack: Stack
    deployed: Stack
    physical: Mapping[str, str]
    found: Mapping[str, LiveResource]
    gone: tuple[str, ...] = ()
    not_allowed: Mapping[str, str] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()

    def of(self, *types: str) -> Iterator[Resource]:
        """The resources as they were deployed, of these types."""
        return self.deployed.of(*types)


def read_live(
    clients: Clients, stack: stacks.StackDescription, ask: Ask | None = None, body: str = ""
) -> Live:
    """Everything of a stack that can be read. Raises botocore's errors but denials.

    ``ask`` and ``body``, the deployed template's text, are those of whoever has them already.
    """
    cloudformation = clients("cloudformation")
    physical = {
        each.logical_id: each.physical_id for each in stacks.resources(cloudformation, stack.id)
    }
    body = body or template_text(stacks.template_body(cloudformation, StackName=stack.id))
    _, _, _, region, account, *_ = stack.id.split(":")
    values = stack.parameters or {}
    resolved = resolve(
        read(body, f"the template of {stack.name}"), values,
        surroundings(account, region, stack.name) | {"AWS::StackId": stack.id}, stored=values,
    )  # fmt: skip
    return assemble(ask or asked(clients), resolved, physical)


def assemble(ask: Ask, resolved: Stack, physical: Mapping[str, str]) -> Live:
    """The live stack of a resolved template whose resources have these physical ids."""
    found: dict[str, LiveResource] = {}
    gone: list[str] = []
    not_allowed: dict[str, str] = {}
    assumed: list[str] = []
    attributes: dict[tuple[str, str], str] = {}
    waiting = [name for name in resolved.resources if physical.get(name)]
    # What is read by what it says, and not by an id, comes last: it names the others.
    waiting.sort(key=lambda name: resolved.resources[name].type in BY_CONTENT)
    for name in waiting:
        kind, identifier = resolved.resources[name].type, physical[name]
        attributes[name, ""] = identifier
        if names(kind).ref:
            attributes[name, names(kind).ref] = identifier
        if kind not in READERS:
            assumed.append(name)
            continue
        said = settled(resolved.resources[name].properties, _refer(resolved, attributes))
        try:
            found[name] = READERS[kind](ask, identifier, said)
        except GoneError:
            gone.append(name)
        except NotAllowedError as error:
            not_allowed[name] = error.action
        else:
            attributes |= {(name, each): of for each, of in found[name].attributes.items()}
    refer = _refer(resolved, attributes)
    deployed = replace(
        resolved,
        resources={
            name: replace(each, properties=named(each.properties, refer))
            for name, each in resolved.resources.items()
            if name in physical
        },
        refer=refer,
    )
    apart = _without_what_stands_apart(deployed, found)
    resources = {
        name: each
        for name, body in deployed.resources.items()
        if (each := _live(body, apart.get(name), not_allowed.get(name), assumed)) is not None
    }
    resources |= dict(_running_revisions(ask, deployed, found, resources))
    by_hand = (*_attached(ask, deployed, found), *_policies_by_hand(ask, deployed, found, physical))
    resources |= {each.logical_id: each for each in by_hand}
    return Live(
        stack=replace(deployed, resources=resources),
        deployed=deployed,
        physical=physical,
        found=found,
        gone=tuple(gone),
        not_allowed=not_allowed,
        assumed=tuple(assumed),
    )


def _live(
    deployed: Resource, live: Mapping[str, Any] | None, denied: str | None, assumed: list[str]
) -> Resource | None:
    """A resource as it runs; None where it is gone."""
    if denied:
        return replace(deployed, properties=NotAllowed(denied))
    if live is not None:
        return replace(deployed, properties=_woven(deployed, live))
    return deployed if deployed.logical_id in assumed else None


BY_CONTENT = frozenset({*RULES, *INLINE, "AWS::SQS::QueuePolicy", "AWS::IAM::ManagedPolicy"})


def _refer(resolved: Stack, attributes: Mapping[tuple[str, str], str]) -> Callable[[str, str], Any]:
    """``Ref`` and ``GetAtt`` with the live names."""

    def refer(logical_id: str, attribute: str) -> Any:
        found = resolved.reference(logical_id, attribute)
        value = attributes.get((logical_id, attribute))
        if value is None and isinstance(found, Reference):
            value = attributes.get((logical_id, found.means))
        if value is None:
            return found
        means = found.means if isinstance(found, Reference) else attribute
        return Reference(logical_id, attribute, means, value)

    return refer


def named(value: Any, refer: Callable[[str, str], Any]) -> Any:
    """A value whose references carry what they are called now."""
    if isinstance(value, Reference):
        return refer(value.logical_id, value.attribute)
    if isinstance(value, Text):
        return Text(tuple(named(piece, refer) for piece in value.pieces))
    if isinstance(value, dict):
        return {key: named(each, refer) for key, each in value.items()}
    if isinstance(value, list):
        return [named(each, refer) for each in value]
    return value


def settled(value: Any, refer: Callable[[str, str], Any]) -> Any:
    """A value with texts in the place of references; what is not known stays ``Unknown``."""
    if isinstance(value, Reference | Text):
        whole = text(named(value, refer))
        if whole is not None:
            return whole
        pieces = value.pieces if isinstance(value, Text) else (value,)
        return concatenated(
            piece if isinstance(piece, str | Unknown) else settled(piece, refer)
            if isinstance(piece, Reference) and text(named(piece, refer)) is not None
            else Unknown(piece, "its name is not known", "resource")
            for piece in pieces
        )  # fmt: skip
    if isinstance(value, dict):
        return {key: settled(each, refer) for key, each in value.items()}
    if isinstance(value, list):
        return [settled(each, refer) for each in value]
    return value


def _without_what_stands_apart(
    deployed: Stack, found: Mapping[str, LiveResource]
) -> dict[str, Any]:
    """Live properties without the rules and policies that are resources of the stack themselves."""
    known = {name: dict(each.properties) for name, each in found.items()}
    for name, each in deployed.resources.items():
        for apart in deployed.of(*RULES):
            listed = RULES[apart.type]
            if listed in known.get(name, ()) and _names(deployed, apart.get("GroupId"), each):
                wanted = rule_key(settled(apart.properties, deployed.reference))
                known[name][listed] = [
                    rule for rule in known[name][listed] if rule_key(rule) != wanted
                ]
        for apart in deployed.of(*INLINE):
            roles = [apart.get("RoleName"), *(apart.get("Roles") or [])]
            if each.type == "AWS::IAM::Role" and name in known and any(
                _names(deployed, role, each) for role in roles
            ):  # fmt: skip
                said = text(named(apart.get("PolicyName"), deployed.reference))
                known[name]["Policies"] = [
                    policy for policy in known[name]["Policies"] if policy["PolicyName"] != said
                ]
        for apart in deployed.of("AWS::IAM::ManagedPolicy"):
            roles = apart.get("Roles") or []
            if each.type == "AWS::IAM::Role" and name in known and any(
                _names(deployed, role, each) for role in roles
            ):  # fmt: skip
                arn = text(deployed.reference(apart.logical_id, ""))
                known[name]["ManagedPolicyArns"] = [
                    policy for policy in known[name]["ManagedPolicyArns"] if policy != arn
                ]
    return known


def _names(stack: Stack, value: Any, resource: Resource) -> bool:
    found = stack.referred(value, resource.type)
    return found is not None and found.logical_id == resource.logical_id


def _attached(ask: Ask, deployed: Stack, found: Mapping[str, LiveResource]) -> Iterator[Resource]:
    """Customer managed policies that roles have and the stack has not, as resources of it.

    What AWS's own managed policies allow, the evaluator of policies knows by their ARN.
    """
    ours = {
        text(deployed.reference(each.logical_id, ""))
        for each in deployed.of("AWS::IAM::ManagedPolicy")
    }
    for role in deployed.of("AWS::IAM::Role"):
        if role.logical_id not in found:
            continue
        for arn in found[role.logical_id].properties["ManagedPolicyArns"]:
            if arn in ours or ":iam::aws:" in arn:
                continue
            logical_id, kind = by_hand_id(role.logical_id, arn), "AWS::IAM::ManagedPolicy"
            roles = {"Roles": [deployed.reference(role.logical_id, "")]}
            try:
                properties = managed_policy(ask, arn, roles).properties
            except NotAllowedError as error:
                yield Resource(logical_id, kind, NotAllowed(error.action))
            else:
                yield Resource(logical_id, kind, properties)


def _policies_by_hand(
    ask: Ask, deployed: Stack, found: Mapping[str, LiveResource], physical: Mapping[str, str]
) -> Iterator[Resource]:
    """Scaling policies that somebody added to a target of the stack, as resources of it."""
    for target in deployed.of(TARGET):
        name = target.logical_id
        if name not in found:
            continue
        of = {each: found[name].properties[each] for each in AS_TARGET}
        try:
            answers = ask("application-autoscaling", "describe_scaling_policies", **of)
        except NotAllowedError as error:
            yield Resource(f"{name}/policies", POLICY, NotAllowed(error.action))
            continue
        for each in answers["ScalingPolicies"]:
            if each["PolicyARN"] not in physical.values():
                properties = {key: value for key, value in policy_properties(each).items()
                              if key not in AS_TARGET}  # fmt: skip
                properties["ScalingTargetId"] = deployed.reference(name, "")
                yield Resource(by_hand_id(name, each["PolicyName"]), POLICY, properties)


def _running_revisions(
    ask: Ask, deployed: Stack, found: Mapping[str, LiveResource], resources: Mapping[str, Resource]
) -> Iterator[tuple[str, Resource]]:
    """Where a service runs another revision than the stack's, that one is what runs."""
    for service in deployed.of("AWS::ECS::Service"):
        name, kind = service.logical_id, "AWS::ECS::TaskDefinition"
        task = deployed.referred(service.get("TaskDefinition"), kind)
        if task is None or name not in found:
            continue
        running = str(found[name].properties.get("TaskDefinition", ""))
        of_the_stack = text(deployed.reference(task.logical_id, ""))
        if not running or running == of_the_stack:
            continue
        try:
            live = READERS[kind](ask, running, {}).properties
        except NotAllowedError as error:
            yield task.logical_id, replace(task, properties=NotAllowed(error.action))
        else:
            yield task.logical_id, replace(task, properties=_woven(task, live))
        reference = Reference(task.logical_id, "", "TaskDefinitionArn", running)
        properties = {**resources[name].properties, "TaskDefinition": reference}
        yield name, replace(resources[name], properties=properties)


def by_hand_id(logical_id: str, name: str) -> str:
    """What stands for the logical id of what somebody added to a resource of the stack."""
    return f"{logical_id}/{name}"


def _woven(deployed: Resource, live: Mapping[str, Any]) -> dict[str, Any]:
    """Live properties, and as they were deployed what no call tells.

    Without what the template does not write and the service adds by itself: a check would take
    it for written.
    """
    written = deployed.properties
    not_told, defaults = NOT_TOLD.get(deployed.type, {}), DEFAULTS.get(deployed.type, {})
    # A policy names its target in one of two forms; DescribeScalingPolicies gives both.
    added = AS_TARGET if "ScalingTargetId" in written else ("ScalingTargetId",)
    return {
        name: woven_value(written.get(name), each, name)
        for name, each in live.items()
        if name in written
        or (name not in added and not (name in defaults and equal(each, defaults[name], name)))
    } | {name: each for name, each in written.items() if name in not_told and name not in live}


def woven_value(deployed: Any, live: Any, name: str = "") -> Any:
    """The live value, with the deployed one, and its references, wherever they are equal."""
    if isinstance(deployed, Unknown) and deployed.kind == "no_echo":
        return deployed  # a hidden value is hidden here, too
    if deployed is None:
        return live
    if equal(deployed, live, name):
        return deployed
    if isinstance(deployed, dict) and isinstance(live, Mapping):
        return {key: woven_value(deployed.get(key), each, key) for key, each in live.items()}
    if isinstance(deployed, list) and isinstance(live, list):
        return [woven_value(partner(each, deployed, at), each) for at, each in enumerate(live)]
    return live


def partner(member: Any, others: list[Any], at: int) -> Any:
    """The member of another list that is the same thing: by its key, else by its position."""
    if isinstance(member, Mapping):
        for key in KEYS:
            if key in member:
                same = [
                    each
                    for each in others
                    if isinstance(each, Mapping) and equal(each.get(key), member[key])
                ]
                return same[0] if same else None
    same = [each for each in others if equal(each, member)]
    if same:
        return same[0]
    return others[at] if at < len(others) and isinstance(member, Mapping) else None
