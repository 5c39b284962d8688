"""Whoever sits in front of a deployment over an unreliable network."""

import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.proxy import Proxy
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.problem import Problem

NAME = "dev/small"
STACK = "small"
QUICK = Clock(sleep=lambda _: time.sleep(0.002))
MAKERS = ("options", "aiming")
TRIES, UNQUIET = 10, 3
"""How often somebody tries, and how often the faults go on after the first of them."""


@dataclass
class Person:
    """Whoever sits in front of it: runs commands, does what they say, and nothing else."""

    root: Path
    proxy: Proxy
    said: str = ""
    codes: list[int] = field(default_factory=list)
    is_told_to_drop_earlier_ones: bool = False

    @property
    def review(self) -> str:
        """The review's file."""
        return str(self.root / "review.json")

    def run(self, *words: str) -> int:
        """One command; its exit code."""
        code, self.said = self._ran(words)
        self.codes.append(code)
        return code

    def aside(self, *words: str) -> None:
        """A command that tidies up after the one that counts."""
        code, said = self._ran(words)
        if code:
            raise RuntimeError(said)

    def again(self, attempt: int) -> None:
        """Before another attempt: signs in; and after some of them, the faults are over."""
        self.proxy.sign_in()
        if attempt >= UNQUIET:
            self.proxy.quiet()

    def persist(self, *words: str, until: Callable[[int], bool]) -> None:
        """A command, again and again until it has ended as it should."""
        for attempt in range(TRIES):
            if until(self.run(*words)):
                return
            self.again(attempt)
        raise RuntimeError(f"it never ends: {self.said}")

    def _ran(self, words: tuple[str, ...]) -> tuple[int, str]:
        from workerstack.commands import deploy

        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                arguments = [*words, "--root", str(self.root)]
                code = deploy.deploy.main(arguments, standalone_mode=False) or 0
            except Problem as problem:
                err.write(str(problem))
                code = problem.code
        return int(code), out.getvalue() + err.getvalue()


def _clients(region: str, profile: str | None = None, endpoint_url: str | None = None) -> Clients:
    return _kept(region, profile, endpoint_url, os.environ["AWS_ACCESS_KEY_ID"])


@lru_cache(2)
def _kept(region: str, profile: str | None, endpoint_url: str | None, _key: str) -> Clients:
    """A caller's clients: each command makes its own, and takes as long for it as it works."""
    return Clients(region, profile, endpoint_url)


@cache
def _loader() -> Any:
    from botocore.loaders import Loader

    return Loader()


@contextmanager
def impatient() -> Iterator[None]:
    """Nobody sleeps: not our polls, not botocore's attempts; models and clients are made once."""
    import botocore.endpoint
    import botocore.loaders

    loader = _loader()

    class Time:
        time = staticmethod(time.time)
        sleep = staticmethod(lambda _: None)

    names = ("review", "operation", "discard", "rollback", "prove", "drift")
    patches: list[Any] = [
        patch(f"workerstack.commands.{name}.Clock", lambda **_: QUICK) for name in names
    ]
    patches += [patch(f"workerstack.commands.{name}.Clients", _clients) for name in MAKERS]
    with (
        patch.object(botocore.endpoint, "time", Time),
        patch.object(botocore.loaders, "create_loader", lambda *_: loader),
    ):
        for each in patches:
            each.start()
        try:
            yield
        finally:
            for each in patches:
                each.stop()
