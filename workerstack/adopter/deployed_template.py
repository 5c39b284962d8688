"""The stack as it is deployed: its template, values, and what each resource really is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workerstack import cloudformation
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.deployed_stack import physical_ids
from workerstack.deployer.source import digest, template_text
from workerstack.deployer.stack import StackDescription
from workerstack.deployments import Deployment
from workerstack.problem import Problem
from workerstack.review.predict import TemplateSide


@dataclass(frozen=True)
class DeployedResource:
    """A resource of a stack: its body with the values that are known, and its physical id.

    Without AWS the physical id is empty.
    """

    logical_id: str
    type: str
    body: Mapping[str, Any] = field(repr=False)
    physical_id: str = ""

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its properties; none where it has none."""
        found = self.body.get("Properties")
        return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True)
class DeployedTemplate:
    """A template's text as it is deployed, with its values and resources."""

    file: str
    text: str
    template: Mapping[str, Any]
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    resources: Mapping[str, DeployedResource]
    stack: StackDescription

    @property
    def template_digest(self) -> str:
        """SHA-256 of the template's text."""
        return digest(self.text)

    @property
    def side(self) -> TemplateSide:
        """It as one side of a prediction."""
        return TemplateSide(self.template, self.parameters, self.tags)


def read(deployment: Deployment, clients: Clients) -> DeployedTemplate:
    """The deployment's stack from AWS; raises Problem where nothing is deployed."""
    cloudformation = clients("cloudformation")
    stack = stacks.existing(cloudformation, deployment)
    text = template_text(stacks.template_body(cloudformation, StackName=stack.id))
    physical = physical_ids(cloudformation, stack)
    return _deployed(f"the template of {stack.name}", text, deployment, stack, physical)


def read_file(file: Path, deployment: Deployment) -> DeployedTemplate:
    """A template without AWS; its parameters have their defaults."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(
            f"{file} cannot be read",
            getattr(error, "strerror", None) or "it is no UTF-8 text",
            "Give the file of the deployed template (`aws cloudformation get-template`)",
        ) from None
    return _deployed(str(file), text, deployment, StackDescription(deployment.stack), None)


def _deployed(
    file: str,
    text: str,
    deployment: Deployment,
    stack: StackDescription,
    physical: Mapping[str, str] | None,
) -> DeployedTemplate:
    template = cloudformation.read(text, file).data
    values = TemplateSide(template, stack.parameters or {}).parameters
    found = resolved(template, values, deployment)
    return DeployedTemplate(
        file=file,
        text=text,
        template=template,
        parameters=values,
        tags=stack.tags if stack.tags is not None else deployment.tags,
        resources=resources(found, physical),
        stack=stack,
    )


def resolved(
    template: Mapping[str, Any], values: Mapping[str, str], deployment: Deployment
) -> cloudformation.Stack:
    """A template with the values that are known at the deployment's place."""
    target = deployment.target
    known = cloudformation.surroundings(target.account, target.region, deployment.stack)
    return cloudformation.resolve(cloudformation.from_data(template), values, known)


def resources(
    found: cloudformation.Stack, physical: Mapping[str, str] | None = None
) -> dict[str, DeployedResource]:
    """The resources by logical id; with physical ids, only those that have one."""
    return {
        name: DeployedResource(name, str(body.get("Type")), body, (physical or {}).get(name, ""))
        for name, body in found.bodies.items()
        if physical is None or name in physical
    }
