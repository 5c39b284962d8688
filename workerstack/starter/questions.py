"""The five questions about a first worker: what is asked, and which answers are possible."""

import re
from dataclasses import dataclass

from workerstack.problem import Problem

OWN = "own"
"""The answer for a queue that the worker's stack makes."""

LONGEST = 21_600
"""Seconds: half of the 12 hours for which SQS hides a message at most."""

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Answers:
    """A first worker: ``secrets`` are pairs of variable and name, ``longest_job`` in seconds."""

    name: str
    image: str
    queue: str
    secrets: tuple[tuple[str, str], ...]
    longest_job: int


def answered(name: str, image: str, queue: str, secrets: str, longest_job: str) -> Answers:
    """The answers as they were typed; raises Problem for the first that is impossible."""
    _check(
        "--name", name, r"[a-z][a-z0-9-]{0,39}",
        "it becomes part of file, cluster and role names",
        "Use up to 40 lower-case letters, digits and hyphens, starting with a letter",
    )  # fmt: skip
    _check(
        "--image", image, r"[a-z0-9]+([._/-][a-z0-9]+)*",
        "it is a repository of ECR in the worker's account, without host and version",
        "Give something like team/orders",
    )  # fmt: skip
    _check(
        "--queue", queue, r"[A-Za-z0-9_-]{1,80}",
        "it is the name of a standard queue, not its URL or ARN",
        f"Give its name, or `{OWN}` for a queue of the worker's own",
    )  # fmt: skip
    pairs = [each.strip() for each in secrets.split(",") if each.strip()]
    for pair in pairs:
        _check(
            "--secrets", pair, r"[A-Za-z_][A-Za-z0-9_]*=[A-Za-z0-9/_+=.@-]{1,512}",
            "a secret is given as VARIABLE=NAME, where NAME is how Secrets Manager knows it",
            "Give something like API_TOKEN=team/api-token, several with commas between",
        )  # fmt: skip
    found = tuple((variable, secret) for variable, _, secret in (p.partition("=") for p in pairs))
    parameters = [parameter(variable) for variable, _ in found]
    if len(set(parameters)) < len(parameters):
        raise Problem(
            f"--secrets {secrets} names a variable twice",
            "each is a variable of the container",
            "Give each its own name",
        )
    return Answers(name, image, queue, found, seconds(longest_job))


def seconds(text: str) -> int:
    """A duration such as ``90``, ``90s``, ``10m`` or ``2h`` in seconds."""
    found = re.fullmatch(r"(\d{1,6})\s*([smh]?)", text.strip())
    number = int(found[1]) * UNITS[found[2]] if found else 0
    if not 1 <= number <= LONGEST:
        raise Problem(
            f"--longest-job {text!r} is impossible",
            f"SQS hides a message while it is processed, and a job may take 1 to {LONGEST} seconds",
            "Give something like 90s, 10m or 2h",
        )
    return number


def parameter(variable: str) -> str:
    """The template's parameter for a secret: ``ApiTokenSecretArn`` for ``API_TOKEN``."""
    return "".join(part.capitalize() for part in variable.split("_")) + "SecretArn"


def _check(option: str, given: str, pattern: str, why: str, next_step: str) -> None:
    if not re.fullmatch(pattern, given):
        raise Problem(f"{option} {given!r} is impossible", why, next_step)
