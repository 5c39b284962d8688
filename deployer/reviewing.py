"""From a deployment to its Review: a change set made, read twice, and compared."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from deployer import change_set, guards, reading
from deployer import stack as stacks
from deployer.binding import bind
from deployer.clients import Clients
from deployer.clock import Clock
from deployer.review import OtherChange, Review, Where
from deployer.source import Source, read_source
from deployer.stack import Stack
from deployments import Deployment
from deployments.template import parse_template
from problem import Problem

HIDDEN = "****"
"""What stands for a secret value; CloudFormation itself answers so."""


def review(deployment: Deployment, clients: Clients, clock: Clock) -> Review | None:
    """Makes a change set and reads it; None when there is nothing to change.

    An empty or failed change set is deleted, and so is the empty stack that it left.
    Raises Problem or Refusal; nothing is executed.
    """
    source = read_source(deployment)
    caller = guards.identify(deployment, clients)
    cloudformation = clients("cloudformation")
    stack = stacks.read(cloudformation, deployment.stack)
    stacks.check_updatable(stack)
    name = change_set.change_set_name(source, clock)
    arn = change_set.create(cloudformation, source, stack, name=name)
    plain = change_set.wait(cloudformation, arn, clock)
    if plain["Status"] != "CREATE_COMPLETE":
        _clean_up(cloudformation, arn, stack)
        if change_set.is_empty(plain):
            return None
        raise Problem(
            "CloudFormation could not make the change set",
            plain.get("StatusReason") or f"it is in {plain['Status']} and gives no reason",
            "Correct the template or the parameters and review again",
        )
    detailed = change_set.describe(cloudformation, arn, values=True)
    where = Where(
        deployment=deployment.name,
        account=deployment.target.account,
        region=clients.region,
        caller=caller,
        stack_name=deployment.stack,
        stack_id=plain["StackId"],
    )
    return Review(
        where=where,
        change_set=reading.read_change_set(plain, "CREATE" if stack.is_new else "UPDATE"),
        resources=reading.read_resources(plain, detailed, source.descriptions()),
        others=tuple(_others(cloudformation, source, stack, plain)),
        binding=bind(source, stack, plain),
    )


def _clean_up(cloudformation: Any, arn: str, stack: Stack) -> None:
    change_set.delete(cloudformation, arn)
    if stack.status == "ABSENT":
        change_set.delete_shell(cloudformation, stacks.read(cloudformation, stack.name))


def _others(
    cloudformation: Any, source: Source, stack: Stack, plain: Mapping[str, Any]
) -> Iterator[OtherChange]:
    """Parameters, tags, outputs and the description, which no resource change mentions."""
    given = {each["ParameterKey"]: each for each in plain.get("Parameters", ())}
    after = {
        name: str(each.get("ResolvedValue", each.get("ParameterValue", "")))
        for name, each in given.items()
    }
    secret = set(source.not_bound)
    for name in secret & after.keys():
        yield OtherChange(kind="secret parameter", name=name, before=HIDDEN, after=HIDDEN)
    before = dict(stack.parameters or {}) if not stack.is_new else {}
    yield from _differences(
        "parameter",
        {name: value for name, value in before.items() if name not in secret},
        {name: value for name, value in after.items() if name not in secret},
    )
    tags = {each["Key"]: each["Value"] for each in plain.get("Tags", ())}
    yield from _differences("tag", {} if stack.is_new else dict(stack.tags or {}), tags)
    old = {} if stack.is_new else _deployed_template(cloudformation, stack)
    yield from _differences("output", _outputs(old), _outputs(source.template))
    described = (
        {"": str(each["Description"])} if "Description" in each else {}
        for each in (old, source.template)
    )
    yield from _differences("description", *described)


def _differences(
    kind: str, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[OtherChange]:
    for name in sorted({**before, **after}):
        if before.get(name) != after.get(name):
            yield OtherChange(kind=kind, name=name, before=before.get(name), after=after.get(name))


def _outputs(template: Mapping[str, Any]) -> dict[str, str]:
    """Each output's value as it is written, intrinsics and all."""
    return {
        name: json.dumps(body.get("Value"), sort_keys=True)
        for name, body in template.get("Outputs", {}).items()
    }


def _deployed_template(cloudformation: Any, stack: Stack) -> dict[str, Any]:
    body = cloudformation.get_template(StackName=stack.id, TemplateStage="Original")["TemplateBody"]
    text = body if isinstance(body, str) else json.dumps(body)
    return parse_template(text, f"the template of {stack.name}")
