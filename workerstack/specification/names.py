"""What names may look like, and how one is made of another."""

import re
from collections.abc import Iterator

from workerstack.specification.mistakes import Mistake

REGION = r"[a-z]{2}(-[a-z]+)+-\d"
ACCOUNT = r"\d{12}"


def camel(name: str) -> str:
    """``otel-collector`` as a part of a logical id: ``OtelCollector``."""
    return "".join(each[:1].upper() + each[1:] for each in re.split("[^A-Za-z0-9]+", name))


def parameter_name(name: str, field: str = "parameter") -> Iterator[Mistake]:
    """Wrong where it cannot be a template's parameter (CloudFormation: "Parameters")."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,254}", name):
        yield Mistake(
            f"Parameter {name!r} is impossible",
            "CloudFormation allows letters and digits, at most 255, a letter first",
            'Write something like "ApiTokenArn"',
            field=field,
        )


def variable_name(name: str, field: str = "variable") -> Iterator[Mistake]:
    """Wrong where a shell or a program could not read it as an environment variable."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        yield Mistake(
            f"Variable {name!r} is impossible",
            "a variable's name has letters, digits and underscores, and no digit first",
            'Write something like "API_TOKEN"',
            field=field,
        )


def labelled(name: str, field: str = "name") -> Iterator[Mistake]:
    """Wrong where it cannot be a container's or an action's name that we use in logical ids."""
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,79}", name):
        yield Mistake(
            f"{field} {name!r} is impossible",
            "it becomes part of logical ids and parameters",
            "Use lower-case letters, digits and hyphens, starting with a letter",
            field=field,
        )


def between(low: int, value: int, high: int, what: str, unit: str, why: str) -> Iterator[Mistake]:
    """Wrong where a number is beyond what AWS allows."""
    if not low <= value <= high:
        yield Mistake(f"{what} of {value}{unit} is impossible", why, f"Give {low} to {high}{unit}")
