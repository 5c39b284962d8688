"""What must hold of a worker's stack: one table, asked by lint, review and verify.

::

    for found in run(stack):              # a cloudformation.Stack
        found.check.id, found.violation.sentence, found.place(stack)

``CHECKS`` is the table, in order of id; docs/checks.md lists it. Pure: no AWS, no cfn-lint.
"""

from collections.abc import Iterable, Sequence
from types import ModuleType

from workerstack.checks import (
    acceptance,
    access,
    alarms,
    behaviour,
    containers,
    queues,
    scaling,
    secrets,
    starting,
    tasks,
)
from workerstack.checks.check import Check, CheckedViolation, Violation
from workerstack.cloudformation import Resource, Stack

__all__ = ["CHECKS", "Check", "CheckedViolation", "Violation", "ignored", "run"]

MODULES: Sequence[ModuleType] = (
    acceptance, access, alarms, behaviour, containers, queues, scaling, secrets, starting, tasks,
)  # fmt: skip
"""Where the rows stand; a module's own rows, or a tuple ``ROWS`` that it makes."""

CHECKS: tuple[Check, ...] = tuple(
    sorted(
        (
            each
            for module in MODULES
            for each in (*vars(module).values(), *getattr(module, "ROWS", ()))
            if isinstance(each, Check)
        ),
        key=lambda row: row.id,
    )
)


def run(
    stack: Stack, *, live: bool = False, checks: Iterable[Check] = CHECKS
) -> list[CheckedViolation]:
    """Everything that does not hold, each once, in order of the table.

    With ``live`` only those that can be asked of a stack that was read from AWS. What a
    resource's Metadata ignores (``cfn-lint: {config: {ignore_checks: [E9204]}}``) is left out.
    """
    found = (
        CheckedViolation(check, violation)
        for check in checks
        if check.live or not live
        for violation in check.find(stack)
    )
    return [each for each in dict.fromkeys(found) if not ignored(stack, each)]


def ignored(stack: Stack, found: CheckedViolation) -> bool:
    """Whether Metadata says that this check is not meant: of the resource, or of its role."""
    resource = stack.resources.get(found.violation.logical_id)
    if resource is None:
        return False
    beside = [resource.get("RoleName"), *_listed(resource.get("Roles"))]
    roles = [stack.referred(each, "AWS::IAM::Role") for each in beside]
    return any(_ignores(each, found.check.id) for each in (resource, *filter(None, roles)))


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _ignores(resource: Resource, identifier: str) -> bool:
    settings = resource.metadata.get("cfn-lint")
    config = settings.get("config") if isinstance(settings, dict) else None
    listed = config.get("ignore_checks") if isinstance(config, dict) else None
    return any(
        isinstance(each, str) and bool(each) and identifier.startswith(each)
        for each in _listed(listed)
    )
