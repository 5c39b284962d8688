"""An interpreter for scripts that stands where Python would, forked from one that has imported.

`python tests/interpreter.py SOCKET CODE` runs the code, which imports things, in the folder where
it is, and then becomes, once for each connection, the process that is asked for. What asks is a
program at ``Interpreter.program``, which takes Python's words (`-m NAME ...`, `FILE ...`), and
hands over its folder, environment and streams. What is imported is the file that Python would
have imported in that folder. What proves something of a fresh process is run by Python itself.
"""

import gc
import json
import os
import runpy
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

PROGRAM = """#!{python} -IS
import json, os, socket, sys

with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    asked = {{"words": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
    text = json.dumps({{**asked, "program": sys.argv[0]}}).encode()
    socket.send_fds(server, [len(text).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(text)
    code = server.recv(1)
sys.exit(code[0] if code else "the interpreter is gone")
"""


class Interpreter:
    """The process that has run this code in a folder, begun when it is made."""

    def __init__(
        self, folder: Path, code: str, environment: Mapping[str, str] | None = None
    ) -> None:
        # Not in pytest's folder: the address of a socket has at most 107 characters.
        self._own = tempfile.TemporaryDirectory()
        address = f"{self._own.name}/socket"
        self.program = Path(self._own.name, "python")
        self.program.write_text(PROGRAM.format(python=sys.executable, address=address))
        self.program.chmod(0o755)
        self._server = subprocess.Popen(
            [sys.executable, __file__, address, code], cwd=folder, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._server.stdout
        assert self._server.stdout.readline() == "ready\n"

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
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            connection.send((code % 256).to_bytes())
            os._exit(0)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return dict(json.loads(text))


def become(asked: Mapping[str, Any]) -> None:
    """Makes this process the one that was asked for."""
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.executable = asked["program"]
    words = list(asked["words"])
    code: object = None
    try:
        if words[0] == "-m":
            sys.path[0] = asked["folder"]
            sys.argv = words[1:]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = str(Path(words[0]).parent)
            sys.argv = words
            runpy.run_path(words[0], run_name="__main__")
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    # Python would first take apart all that was imported, and so copy it.
    os._exit(code if isinstance(code, int) else int(code is not None))


def load(code: str) -> None:
    """Runs it, and freezes what that made, so that no process copies it when it collects."""
    sys.path[0] = str(Path.cwd())
    exec(code, {})  # noqa: S102 - a test's own
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    load(sys.argv[2])
    become(serve(sys.argv[1]))
