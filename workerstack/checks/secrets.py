"""E943x: secrets that stand where anybody who may look at a task definition reads them."""

import re
from collections.abc import Iterator
from typing import Any

from workerstack.checks.check import At, Violation, check
from workerstack.checks.worker import Container, containers, mapping
from workerstack.cloudformation import Stack, Unknown, text, unknowns

SECRETS = (
    "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html"
)
CREDENTIALS = (
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/security-best-practices.html"
    "#creds"
)
KEYS = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bgh[pousr]_[A-Za-z0-9]{36,}"
    r"|\bgithub_pat_[A-Za-z0-9_]{22,}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}"
    r"|\bsk_live_[A-Za-z0-9]{16,}"
    r"|\bAIza[A-Za-z0-9_-]{35}\b"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b[a-z][a-z0-9+.-]*://[^/\s:@{}$]+:[^/\s:@{}$]+@"
)
"""What access keys, tokens and URLs with a password look like."""

SECRET_NAME = re.compile(
    r"(?:^|_)(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|SECRETS|TOKEN|APIKEY|API_KEY|ACCESS_KEY"
    r"|SECRET_KEY|PRIVATE_KEY|CREDENTIALS?)(?:_VALUE)?$"
)
NOT_SECRET = re.compile(r"\s*|true|false|none|null|\d+|arn:.*|https?://.*|/.*|[A-Z_]+", re.DOTALL)
"""Values of variables named like a secret that are none: a number, a path, an ARN, a URL."""

SHOWN = ("Environment", "Command", "EntryPoint", "DockerLabels", "HealthCheck", "LogConfiguration")


@check("E9431", "No key in plain text", kind="access", source=CREDENTIALS,
       because="Whoever sees the template or the task definition has it.")  # fmt: skip
def no_key_in_plain_text(stack: Stack) -> Iterator[Violation]:
    """No access key, token or password stands in a container definition as text."""
    for container in containers(stack):
        for name in SHOWN:
            for place, value in _texts(container.at(name), container.get(name)):
                if KEYS.search(value):
                    yield place.wrong(
                        f"{name} of {container.name} has a key or password in plain text",
                        "whoever sees the template or the task definition has it",
                        "Make it invalid, and name a new one of Secrets Manager in Secrets",
                    )


def _texts(place: At, value: Any) -> Iterator[tuple[At, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(At(place.resource, (*place.path, key)), each)
    elif isinstance(value, list):
        for position, each in enumerate(value):
            yield from _texts(At(place.resource, (*place.path, position)), each)
    elif (whole := text(value)) is not None:
        yield place, whole


@check("E9432", "Secrets are given as Secrets", kind="access", source=SECRETS,
       because="A variable is shown by DescribeTaskDefinition and in the console.")  # fmt: skip
def secrets_are_given_as_secrets(stack: Stack) -> Iterator[Violation]:
    """No variable has a resolved secret, a hidden parameter, or the name of a secret."""
    for container in containers(stack):
        for position, variable in container.members("Environment"):
            place = container.at("Environment", position, "Value")
            name, value = text(variable.get("Name")) or "", variable.get("Value")
            if why := _is_hidden(value):
                yield place.wrong(
                    f"{name} of {container.name} shows {why}",
                    "the value stands in the task definition for all who may describe it",
                    "Name it in Secrets, which hides it",
                )
            elif SECRET_NAME.search(name.upper()) and _is_plain(value):
                yield place.wrong(
                    f"{name} of {container.name} is a variable",
                    "its name says that it is secret, and variables are shown",
                    "Name it in Secrets, which hides it",
                )
        yield from _resolved_elsewhere(container)


def _resolved_elsewhere(container: Container) -> Iterator[Violation]:
    for name in ("Command", "EntryPoint", "DockerLabels", "Image"):
        if why := _is_hidden(container.get(name)):
            yield container.at(name).wrong(
                f"{name} of {container.name} shows {why}",
                "the value stands in the task definition for all who may describe it",
                "Name it in Secrets, which hides it",
            )


def _is_hidden(value: Any) -> str:
    """What is secret in a value; empty where nothing is."""
    for each in unknowns(value):
        if each.kind == "secret":
            return "what CloudFormation reads from a secret"
        if each.kind == "no_echo":
            return "a parameter with NoEcho"
    return ""


def _is_plain(value: Any) -> bool:
    """Whether a value is text that somebody writes, in the template or as a parameter's value."""
    if isinstance(value, Unknown):
        return value.kind == "parameter" and "Ref" in mapping(value.expression)
    whole = text(value)
    return whole is not None and NOT_SECRET.fullmatch(whole) is None
