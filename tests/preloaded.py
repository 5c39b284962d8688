"""The process from which programs of ours are forked: it has loaded what they import.

``python -m tests.preloaded`` answers one line of JSON with another: it begins a program, or
says whether one has ended. With the name of a socket it serves a shell instead: what connects
there (tests/forked.py) hands over its words, folder, environment and open streams, and is told
how the program ended. What it forks is a process as any other: it has its own folder,
environment and streams, can be killed, and ends as Python ends.
"""

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, cast

ROOT = Path(__file__).parent.parent
SERVICES = (
    "cloudformation", "ecs", "sqs", "sts", "logs", "cloudwatch", "application-autoscaling", "ec2",
    "ecr", "efs", "iam", "s3", "secretsmanager",
)  # fmt: skip
COMMANDS = (
    "review", "operation", "drift", "rollback", "discard", "adopt", "adoption_step", "smoke",
    "status", "logs", "prove",
)  # fmt: skip
ROOMS = ("commands", "deployer", "review", "review.show", "simulator", "verifier")
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
    for room in ROOMS:
        package = importlib.import_module(f"workerstack.{room}")
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
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


def serve_shell(path: str) -> dict[str, Any]:
    """Does so for what connects to a socket, until standard input ends."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            heard, _, _ = select.select([listening, sys.stdin.buffer], [], [])
            if sys.stdin.buffer in heard:
                raise SystemExit
            connection, _ = listening.accept()
            with connection:
                if os.fork() == 0:
                    listening.close()
                    return _told_how_it_ended(connection)
            _reap()


def _told_how_it_ended(connection: socket.socket) -> dict[str, Any]:
    """Forks what a shell asks for, and waits for it; gives, in the fork, what to run there."""
    message, streams, _, _ = socket.recv_fds(connection, 65536, 3)
    while part := connection.recv(65536):
        message += part
    running = os.fork()
    if running == 0:
        connection.close()
        return {**json.loads(message), "streams": streams}
    _, status = os.waitpid(running, 0)
    connection.sendall(bytes([os.waitstatus_to_exitcode(status) & 255]))
    os._exit(0)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _is_ours(module: Any) -> bool:
    """Whether it is this checkout's own; another one has its own of that name."""
    file = Path(getattr(module, "__file__", None) or os.devnull)
    return file.is_relative_to(ROOT) and not file.is_relative_to(sys.prefix)


def become(asked: dict[str, Any]) -> None:
    """Makes this process the one that was asked for."""
    for number, opened in enumerate(asked.get("streams") or _opened(asked)):
        os.dup2(opened, number)
        os.close(opened)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    words = asked["words"]
    named = words[0] in ("-m", "-c")
    folder = Path(asked["folder"]) if named else Path(asked["folder"], words[0]).parent
    if folder != ROOT:
        for name in [name for name, module in sys.modules.items() if _is_ours(module)]:
            if not (asked.get("tool") and name.split(".")[0] in ("workerstack", "tests")):
                del sys.modules[name]
    if asked["quick"] and (folder == ROOT or asked.get("tool")):
        for name, clock in quick_clocks().items():
            module, _, attribute = name.rpartition(".")
            setattr(importlib.import_module(module), attribute, clock)
    sys.path[0] = str(folder)
    sys.argv = words[1:] if words[0] == "-m" else words
    if words[0] == "-m":
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    elif words[0] == "-c":
        sys.argv = ["-c", *words[2:]]
        sys.modules["__main__"] = ModuleType("__main__")
        exec(words[1], vars(sys.modules["__main__"]))  # noqa: S102 - as `python -c` does
    else:
        runpy.run_path(str(Path(asked["folder"], words[0])), run_name="__main__")


def _opened(asked: dict[str, Any]) -> list[int]:
    """The three streams of a program whose output goes to files."""
    return [
        os.open(file, flags)
        for file, flags in (
            (os.devnull, os.O_RDONLY),
            (asked["out"], os.O_WRONLY),
            (asked["err"], os.O_WRONLY),
        )
    ]


def end(program: Callable[[], None]) -> NoReturn:
    """Runs a program and ends as it does, without taking apart all that was preloaded."""
    try:
        program()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
    except BaseException:
        code = 1
        sys.excepthook(*cast("Any", sys.exc_info()))
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    os._exit(code & 255)


if __name__ == "__main__":
    load()
    if len(sys.argv) > 1:
        end(partial(become, serve_shell(sys.argv[1])))
    become(serve())
