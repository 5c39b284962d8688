"""An interpreter that stands where Python would, forked from a process that has imported.

`python tests/interpreter.py SOCKET CODE` runs the code, which imports things, in the folder where
it is, and then becomes, once for each connection, the process that is asked for: one that has its
own folder, environment and streams, can be signalled, and ends as Python ends. Two things ask:

- ``Interpreter.program``, a program for scripts, which takes Python's words (`-m NAME ...`,
  `-c CODE ...`, `FILE ...`) and takes a fiftieth of what a command's imports do;
- ``Interpreter.begin`` and ``run``, for tests.

What is imported is the file that Python would have imported in the folder where it began. What
proves something of a fresh process is run by Python itself.
"""

import atexit
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess
from types import ModuleType
from typing import Any, NoReturn, Self, cast

ROOT = Path(__file__).parent.parent
LONGEST = 60.0
"""Seconds after which a program is held to hang."""

PROGRAM = """#!{python} -IS
import json, os, socket, sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    asked = {{"words": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
    text = json.dumps({{**asked, "program": sys.argv[0]}}).encode()
    socket.send_fds(server, [len(text).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(text)
    told = server.recv(8, socket.MSG_WAITALL)
if len(told) < 8:
    sys.exit("the interpreter is gone")
code = int.from_bytes(told[4:], "big", signed=True)
sys.exit(code if code >= 0 else 128 - code)
"""


class Program:
    """One that runs, as far as subprocess.Popen is asked here."""

    def __init__(self, words: tuple[str, ...], server: socket.socket, streams: Path) -> None:
        self.words = words
        self.pid = int.from_bytes(server.recv(4, socket.MSG_WAITALL), "big")
        self.returncode: int | None = None
        self._server, self._streams = server, streams
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        with self._lock:
            if self.returncode is None and select.select([self._server], [], [], 0)[0]:
                with self._server as server:
                    told = server.recv(4, socket.MSG_WAITALL)
                assert told, "the interpreter is gone"
                self.returncode = int.from_bytes(told, "big", signed=True)
            return self.returncode

    def wait(self, timeout: float = LONGEST) -> int:
        """Waits until it has ended; raises TimeoutError where it does not."""
        end = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise TimeoutError(f"{' '.join(self.words)} still runs after {timeout:g} s")
            time.sleep(0.002)
        return code

    def communicate(self, timeout: float = LONGEST) -> tuple[str, str]:
        """What it printed, once it has ended."""
        self.wait(timeout)
        return (self._streams / "out").read_text(), (self._streams / "err").read_text()

    def send_signal(self, number: int) -> None:
        """Signals it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kills it, unless it has ended."""
        self.send_signal(signal.SIGKILL)


class Interpreter:
    """The process that has run this code in a folder, begun when it is made."""

    def __init__(
        self, folder: Path, code: str, environment: Mapping[str, str] | None = None
    ) -> None:
        # Not in pytest's folder: the address of a socket has at most 107 characters.
        self._own = tempfile.TemporaryDirectory()
        self._address = f"{self._own.name}/socket"
        self.program = Path(self._own.name, "python")
        self.program.write_text(PROGRAM.format(python=sys.executable, address=self._address))
        self.program.chmod(0o755)
        self._server = subprocess.Popen(
            [sys.executable, __file__, self._address, code], cwd=folder, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._server.stdout
        assert self._server.stdout.readline() == "ready\n"

    def begin(self, *words: str, folder: Path = ROOT, **environment: str) -> Program:
        """Begins a program in a folder, in the test's environment and with these variables."""
        streams = Path(tempfile.mkdtemp(dir=self._own.name))
        asked = {
            "words": words, "folder": str(folder), "environment": {**os.environ, **environment},
            "program": str(self.program),
        }  # fmt: skip
        text = json.dumps(asked).encode()
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._address)
        with (
            Path(os.devnull).open() as nothing,
            (streams / "out").open("w") as out,
            (streams / "err").open("w") as err,
        ):
            opened = [each.fileno() for each in (nothing, out, err)]
            socket.send_fds(server, [len(text).to_bytes(4, "big")], opened)
            server.sendall(text)
        return Program(words, server, streams)

    def run(self, *words: str, folder: Path = ROOT, **environment: str) -> CompletedProcess[str]:
        """Runs a program to its end."""
        program = self.begin(*words, folder=folder, **environment)
        out, err = program.communicate()
        return CompletedProcess(words, program.wait(), out, err)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.communicate()
        self._own.cleanup()


def serve(address: str) -> dict[str, Any]:
    """Answers until nobody holds its input any more; gives, in a fork, what to run there."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        running: set[int] = set()
        while server in select.select([server, sys.stdin], [], [])[0]:
            connection, _ = server.accept()
            running -= {pid for pid in running if os.waitpid(pid, os.WNOHANG)[0]}
            if (pid := os.fork()) == 0:
                break
            running.add(pid)
            connection.close()
        else:
            raise SystemExit
    with connection:
        size, streams, _, _ = socket.recv_fds(connection, 4, 3)
        text = connection.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
        if pid := os.fork():
            for stream in streams:
                os.close(stream)
            connection.send(pid.to_bytes(4, "big"))
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            connection.send(code.to_bytes(4, "big", signed=True))
            os._exit(0)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return dict(json.loads(text))


def become(asked: Mapping[str, Any]) -> None:
    """Makes this process the one that was asked for."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.executable = asked["program"]
    first, *words = asked["words"]
    if first == "-m":
        sys.path[0] = asked["folder"]
        sys.argv = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.path[0] = ""
        sys.argv = ["-c", *words[1:]]
        main = sys.modules["__main__"] = ModuleType("__main__")
        exec(words[0], vars(main))  # noqa: S102 - as `python -c` does
    else:
        file = Path(asked["folder"], first)
        sys.path[0] = str(file.resolve().parent)
        sys.argv = [first, *words]
        runpy.run_path(str(file), run_name="__main__")


def end(program: Callable[[], None]) -> NoReturn:
    """Runs a program and ends as Python does, without taking apart all that was imported.

    That would touch, and so copy, the memory that this process shares with what it came from.
    """
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


def load(code: str) -> None:
    """Runs it, and freezes what that made, so that no process copies it when it collects."""
    sys.path[0] = str(Path.cwd())
    exec(code, {})  # noqa: S102 - a test's own
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    load(sys.argv[2])
    end(partial(become, serve(sys.argv[1])))
