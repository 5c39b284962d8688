"""Writing params/ENV/STACK.yaml from a stack that runs, whatever made it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import deployments
from deployer import params_files, stack, stack_survey
from deployer.clients import Clients
from deployer.discovery import FILL_IN
from deployer.params_files import Found, Say
from deployer.surveying import Things
from deployments import ParameterValue
from deployments.checking import wrong
from deployments.template import Declared, declared_parameters, parse_template
from problem import Problem, Refusal

SERVICE = "AWS::ECS::Service"
EXISTS = "ServiceExists"


@dataclass(frozen=True)
class Request:
    """What is asked for: the environment, the stack, and the worker that it becomes."""

    environment: str
    stack: str
    worker: str | None
    force: bool


def initialize(request: Request, clients: Clients, root: Path, say: Say) -> bool:
    """Writes STACK.yaml, and target.yaml where there is none; False if values are missing.

    Nothing is changed in AWS. Raises Problem where the stack, its one service or the worker
    that it is to become cannot be told; Refusal before a file is overwritten.
    """
    folder = params_files.folder_of(request.environment, root)
    params_files.refuse_existing(folder, [request.stack], force=request.force)
    account, caller = clients.caller()
    say(f"Reading the stack {request.stack} in account {account}, {clients.region}, as {caller}.")
    _same_place(folder, account, clients.region)
    found = stack.read(clients("cloudformation"), request.stack)
    service = _service(clients("cloudformation"), found)
    worker, template = _worker(request, service, root)
    things = stack_survey.survey(clients, found.id, template)
    declared = declared_parameters(template)
    values = {name: _find(name, each, things, found) for name, each in declared.items()}
    for name, each in values.items():
        say(f"  {request.stack}: {name}: {each.why}")
    written = {
        name: each
        for name, each in values.items()
        if each.value is None or each.value != declared[name].default
    }
    own = {key: value for key, value in (found.tags or {}).items() if key != stack.OWNER}
    texts = {
        request.stack: params_files.deployment(
            worker, written, own or {"Environment": request.environment}
        )
    }
    if not (folder / "target.yaml").exists():
        guards = _guards(found)
        texts = {"target": params_files.target(account, clients.region, guards), **texts}
        for name, value in guards.items():
            say(f"  target: {name}: {', '.join(_each(value))}, as the stack has it")
    params_files.write(folder, texts, say)
    complete = all(each.value is not None for each in values.values())
    if not complete:
        say(FILL_IN)
    return complete


def _same_place(folder: Path, account: str, region: str) -> None:
    if not (folder / "target.yaml").exists():
        return
    target = deployments.load_target(folder)
    if (target.account, target.region) != (account, region):
        raise Refusal(
            f"This is account {account}, {region}, and {folder.name} is in {target.account},"
            f" {target.region}",
            f"params/{folder.name}/target.yaml says so",
            "Use another profile or region, or name another environment",
        )


def _service(cloudformation: Any, found: stack.Stack) -> str:
    """The ARN of the stack's one service."""
    if found.is_new:
        raise Problem(
            f"There is no stack {found.name}",
            "it is not in this account and region, or was never created",
            "Name one that exists; `aws cloudformation describe-stacks` lists them",
        )
    services = [
        resource["PhysicalResourceId"]
        for page in cloudformation.get_paginator("list_stack_resources").paginate(
            StackName=found.id
        )
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == SERVICE and resource.get("PhysicalResourceId")
        and resource["ResourceStatus"] != "DELETE_COMPLETE"
    ]  # fmt: skip
    if len(services) != 1:
        names = ", ".join(each.rpartition("/")[2] for each in services)
        raise Problem(
            f"The stack {found.name} has {f'{len(services)} services' if names else 'no service'}",
            names or "none of its resources is an ECS service",
            "A worker's stack has one; name another stack, or split this one first",
        )
    return str(services[0])


def _worker(request: Request, service: str, root: Path) -> tuple[str, dict[str, Any]]:
    """The worker of out/ that the stack becomes: named, called so, or with that service."""
    templates = {
        path.name.removesuffix(".template.yaml"): parse_template(
            path.read_text(encoding="utf-8"), path
        )
        for path in sorted((root / "out").glob("*.template.yaml"))
    }
    name = request.worker or request.stack
    if name in templates:
        return name, templates[name]
    service_name = service.rpartition("/")[2]
    same = [
        name
        for name, template in templates.items()
        if template.get("Parameters", {}).get("ServiceName", {}).get("Default") == service_name
    ]
    if request.worker or len(same) != 1:
        raise Problem(
            f"There is no worker {name}",
            f"out/ has {', '.join(templates) or 'none'}",
            "Name the one that the stack becomes with --worker",
        )
    return same[0], templates[same[0]]


def _find(name: str, declared: Declared, things: Things, found: stack.Stack) -> Found:
    if name == EXISTS:
        return Found("true", "true, since the stack has its service")
    own = _own(name, declared, found)
    if name in things.values:
        value, why = things.values[name], things.reasons[name]
        if own not in (None, value):
            why += f"; the stack's own value is {', '.join(_each(own))}"
    elif own:
        value, why = own, f"{', '.join(_each(own))}, the stack's own value of this name"
    elif name in things.reasons:
        return Found(None, things.reasons[name])
    elif declared.default is None:
        return Found(None, "not found: nothing in the stack tells")
    else:
        return Found(declared.default, f"{declared.default!r}, the default; nothing live tells")
    for each in _each(value):
        problem = wrong(each, declared)
        if problem:
            return Found(None, f"not taken: {why}; {problem}")
    return Found(value, why + ("; the default" if value == declared.default else ""))


def _own(name: str, declared: Declared, found: stack.Stack) -> ParameterValue | None:
    """The stack's parameter or output of the same name."""
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.answer.get("Outputs", ())}
    value = (found.parameters or {}).get(name) or outputs.get(name)
    if not value or declared.secret:
        return None
    return tuple(value.split(",")) if declared.is_list else str(value)


def _each(value: ParameterValue | None) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def _guards(found: stack.Stack) -> dict[str, ParameterValue]:
    """What target.yaml says of the stack itself, where it has it."""
    guards: dict[str, ParameterValue] = {}
    if found.answer.get("RoleARN"):
        guards["service-role"] = found.answer["RoleARN"]
    if found.answer.get("EnableTerminationProtection"):
        guards["termination-protection"] = "true"
    if found.answer.get("NotificationARNs"):
        guards["notification-topics"] = tuple(found.answer["NotificationARNs"])
    return guards
