"""What is to be deployed: the template's bytes and every parameter, spelled out."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployments import Deployment
from deployments.checking import problems
from deployments.template import Declared, declared_parameters, parse_template
from problem import Problem

SERVICE_EXISTS = "ServiceExists"
"""The parameter by which a template leaves the desired count alone; set from the stack."""


def template_text(body: Any) -> str:
    """A template's text from a GetTemplate answer: botocore gives a JSON template as data."""
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def digest(template: Any) -> str:
    """SHA-256 of a template's bytes, or of what botocore made of them."""
    return hashlib.sha256(template_text(template).encode()).hexdigest()


@dataclass(frozen=True)
class Source:
    """A deployment's template and values, ready to be sent.

    ``origin`` says where they are from: empty for the checkout's files, else an earlier
    deployment (``deployer.earlier``).
    """

    deployment: Deployment
    file: str
    text: str
    template: Mapping[str, Any]
    declared: Mapping[str, Declared]
    origin: str = ""

    @property
    def template_digest(self) -> str:
        """SHA-256 of the template's bytes."""
        return digest(self.text)

    @property
    def not_bound(self) -> tuple[str, ...]:
        """Secret parameters: never shown, hashed or written."""
        return tuple(sorted(name for name, each in self.declared.items() if each.secret))

    @property
    def parameters_digest(self) -> str:
        """SHA-256 of the params file's values and tags, the secret ones left out."""
        values = {
            name: value
            for name, value in self.deployment.parameters.items()
            if name not in self.not_bound
        }
        content = json.dumps([values, dict(self.deployment.tags)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def values(self, *, service_exists: bool) -> dict[str, str]:
        """Each declared parameter's value as the API takes it; lists joined by commas."""
        values = {
            name: each.default for name, each in self.declared.items() if each.default is not None
        }
        for name, value in self.deployment.parameters.items():
            values[name] = ",".join(value) if isinstance(value, tuple) else value
        if SERVICE_EXISTS in self.declared:
            values[SERVICE_EXISTS] = "true" if service_exists else "false"
        return values

    def descriptions(self) -> dict[str, str]:
        """What each resource is for, from its Metadata."""
        return descriptions_in(self.template)


def descriptions_in(template: Mapping[str, Any]) -> dict[str, str]:
    """The description of each resource that has one in its Metadata."""
    return {
        name: body["Metadata"]["Description"]
        for name, body in template["Resources"].items()
        if isinstance(body, dict) and "Description" in body.get("Metadata", {})
    }


def read_source(deployment: Deployment) -> Source:
    """The deployment's template and checked values.

    Raises Problem where the template is missing, or a value is not allowed.
    """
    place = deployment.source
    file = str(place.data["template-file-path"])
    try:
        text = deployment.template.read_bytes().decode()
    except FileNotFoundError:
        raise Problem(
            f"The template {file} does not exist",
            "only what was generated and committed is deployed",
            "Run `make generate`, or correct the path",
            file=place.file,
            line=place.line(("template-file-path",)),
        ) from None
    return checked_source(deployment, text)


def checked_source(deployment: Deployment, text: str, origin: str = "") -> Source:
    """A template's text with the deployment's values; raises Problem for one not allowed."""
    file = str(deployment.source.data["template-file-path"])
    template = parse_template(text, file)
    declared = declared_parameters(template)
    for problem in problems(deployment, declared):
        raise problem
    return Source(deployment, file, text, template, declared, origin)
