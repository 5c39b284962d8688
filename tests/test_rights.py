"""Everything runs with exactly the rights that `deploy.py rights` prints, and none is decoration."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_deploy import NAME, change
from tests.conftest import Run
from tests.smoke_worker import Account
from workerstack.cloudformation.policies import Answer, Request, decide, read
from workerstack.localaws import enforcement, walkthrough
from workerstack.localaws.enforcement import Caller

Client = Callable[[str], Any]
ROLE = "arn:aws:iam::{}:role/cloudformation"


class Callers:
    """The four, each with its policy, and who is at the keyboard."""

    def __init__(
        self, command: Run, account: str, monkeypatch: pytest.MonkeyPatch, *options: str
    ) -> None:
        self.command, self.account, self.monkeypatch = command, account, monkeypatch
        code, out, err = command("rights", "dev", *options)
        assert code == 0, err
        self.policies: dict[str, Any] = json.loads(out)
        self.callers: dict[str, Caller] = {}
        for name, policy in self.policies.items():
            if name == "service-role":
                arn = ROLE.format(account)
                self.callers[name] = enforcement.admit_role(arn, [policy])
            else:
                key = f"{name.upper()}{account}"
                self.callers[name] = enforcement.admit(key, account, [policy])

    def run(self, name: str, *words: str) -> tuple[int, str, str]:
        """A command, by one of them."""
        with self.monkeypatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", f"{name.upper()}{self.account}")
            return self.command(*words)
