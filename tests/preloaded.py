"""The process from which programs of ours are forked: it has loaded what they import.

``python -m tests.preloaded`` answers one line of JSON with another: it begins a program, or
says whether one has ended. What it forks is a process as any other: it has its own folder,
environment and streams, can be killed, and ends as Python ends.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SERVICES = ("cloudformation", "ecs", "sqs", "sts", "logs", "cloudwatch", "application-autoscaling")
COMMANDS = (
    "review", "operation", "drift", "rollback", "discard", "adopt", "adoption_step", "smoke",
    "status", "logs", "prove",
)  # fmt: skip
POLL = 0.01
"""Seconds that a pause between two polls takes here."""


def quick_clocks() -> dict[str, Any]:
    """What each command's clock is here, by its name: it polls at once."""
    from workerstack.deployer.clock import Clock

    quick = partial(Clock, sleep=lambda _: time.sleep(POLL))
    return {f"workerstack.commands.{name}.Clock": quick for name in COMMANDS}


def load() -> None:
    """Imports what the programs do, and reads the models of the services."""
    for module in ("troposphere", "awacs", "cfnlint.api", "boto3", "rich.console"):
        importlib.import_module(module)
    for file in (ROOT / "workerstack/commands").glob("[a-z]*.py"):
        importlib.import_module(f"workerstack.commands.{file.stem}")
    from workerstack.deployer.aws import Clients

    os.environ.update(AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none")  # noqa: S106
    clients = Clients("us-west-2")
    for service in SERVICES:
        clients(service)
    gc.collect()
    gc.freeze()


def serve() -> dict[str, Any]:
    """Answers until it ends; gives, in a process that was forked, what to run there."""
    for line in iter(sys.stdin.buffer.readline, b""):
        asked = json.loads(line)
        if "ended" in asked:
            pid, status = os.waitpid(asked["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                return dict(asked)
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()
    raise SystemExit


def _is_ours(module: Any) -> bool:
    """Whether it is this checkout's own; another one has its own of that name."""
    file = Path(getattr(module, "__file__", None) or os.devnull)
    return file.is_relative_to(ROOT) and not file.is_relative_to(sys.prefix)


def become(asked: dict[str, Any]) -> None:
    """Makes this process the one that was asked for."""
    for number, file, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, asked["out"], os.O_WRONLY),
        (2, asked["err"], os.O_WRONLY),
    ):
        opened = os.open(file, flags)
        os.dup2(opened, number)
        os.close(opened)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    program = Path(asked["folder"], asked["words"][0])
    if program.parent != ROOT:
        for name in [name for name, module in sys.modules.items() if _is_ours(module)]:
            del sys.modules[name]
    elif asked["quick"]:
        for name, clock in quick_clocks().items():
            module, _, attribute = name.rpartition(".")
            setattr(importlib.import_module(module), attribute, clock)
    sys.path[0] = str(program.parent)
    sys.argv = asked["words"]
    runpy.run_path(str(program), run_name="__main__")


if __name__ == "__main__":
    load()
    become(serve())
