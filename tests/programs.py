"""Runs programs of ours, each in a process of its own that need not import anything first."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, Self

ROOT = Path(__file__).parent.parent
LONGEST = 60.0
"""Seconds after which a program is held to hang."""


class Program:
    """One that runs, as far as subprocess.Popen is asked here."""

    def __init__(self, programs: "Programs", words: tuple[str, ...], pid: int, folder: str) -> None:
        self.words, self.pid = words, pid
        self.returncode: int | None = None
        self._programs, self._folder = programs, Path(folder)

    def poll(self) -> int | None:
        """How it ended; None while it runs."""
        with self._programs.lock:
            if self.returncode is None:
                self.returncode = self._programs.ask(ended=self.pid)
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
        return (self._folder / "out").read_text(), (self._folder / "err").read_text()

    def send_signal(self, number: int) -> None:
        """Signals it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kills it, unless it has ended."""
        self.send_signal(9)


class Programs:
    """The preloaded process, begun when it is first needed."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._server: subprocess.Popen[str] | None = None
        self._folder = tempfile.TemporaryDirectory()

    def begin(
        self, *words: str, folder: Path = ROOT, quick: bool = True, tool: bool = False,
        **environment: str,
    ) -> Program:  # fmt: skip
        """Begins a program in a checkout; ``quick`` is its clock, where that is this checkout.

        ``tool``: the checkout's own is the same as this one's, so that it need not be loaded.
        """
        streams = tempfile.mkdtemp(dir=self._folder.name)
        out, err = (Path(streams, name) for name in ("out", "err"))
        for file in (out, err):
            file.touch()
        with self.lock:
            pid = self.ask(
                words=words, folder=str(folder), out=str(out), err=str(err), quick=quick,
                tool=tool, environment={**os.environ, **environment},
            )  # fmt: skip
        return Program(self, words, pid, streams)

    def run(
        self, *words: str, folder: Path = ROOT, quick: bool = True, tool: bool = False,
        **environment: str,
    ) -> CompletedProcess[str]:  # fmt: skip
        """Runs a program to its end."""
        program = self.begin(*words, folder=folder, quick=quick, tool=tool, **environment)
        out, err = program.communicate()
        return CompletedProcess(words, program.wait(), out, err)

    def ask(self, **question: Any) -> Any:
        """One question to the preloaded process, and its answer."""
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tests.preloaded"], cwd=ROOT, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(f"{json.dumps(question)}\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.communicate()
        self._folder.cleanup()
