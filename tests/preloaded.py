"""What programs of ours import and read, done before: for the process from which they are forked.

`tests/interpreter.py` is that process, and runs ``CODE``. Their commands poll at once.
"""

import importlib
import os
import pkgutil
import sys
import time
from functools import partial
from typing import Any

SERVICES = (
    "cloudformation", "ecs", "sqs", "sts", "logs", "cloudwatch", "application-autoscaling", "ec2",
    "ecr", "efs", "iam", "s3", "secretsmanager",
)  # fmt: skip
COMMANDS = (
    "review", "operation", "drift", "rollback", "discard", "adopt", "adoption_step", "smoke",
    "status", "logs", "prove",
)  # fmt: skip
ROOMS = ("commands", "deployer", "lint", "review", "review.show", "simulator", "verifier")
POLL = 0.01
"""Seconds that a pause between two polls takes here."""

CODE = "from tests.preloaded import load; load()"


def quick_clocks() -> dict[str, Any]:
    """What each command's clock is here, by its name: it polls at once."""
    from workerstack.deployer.clock import Clock

    quick = partial(Clock, sleep=lambda _: time.sleep(POLL))
    return {f"workerstack.commands.{name}.Clock": quick for name in COMMANDS}


def load() -> None:
    """Imports what the programs do, reads the models of the services, and sets the clocks."""
    for module in ("troposphere", "awacs", "cfnlint.api", "boto3", "rich.console"):
        importlib.import_module(module)
    for room in ROOMS:
        package = importlib.import_module(f"workerstack.{room}")
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    from workerstack.commands.generate import HOUSE
    from workerstack.lint.lint import Linter, LintRequest

    # cfn-lint's rules, and what it reads and imports for the first template.
    text = (HOUSE.parent / "out/thumbnails.template.yaml").read_text()
    assert Linter(HOUSE / "lint/rules").lint(LintRequest("one", text, {})) == []
    # What a project's templates import; they themselves are each project's own.
    importlib.import_module("templates")
    for name in [name for name in sys.modules if name.partition(".")[0] == "templates"]:
        del sys.modules[name]
    from workerstack.deployer.aws import Clients

    os.environ.update(AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none")  # noqa: S106
    clients = Clients("us-west-2")
    for service in SERVICES:
        clients(service)
    for name, clock in quick_clocks().items():
        module, _, attribute = name.rpartition(".")
        setattr(importlib.import_module(module), attribute, clock)
