"""What a check of the live stack is: what it may look at, its faults, and how it is judged."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workerstack.deployer.aws import Clients
from workerstack.verifier.asking import Ask, NotAllowedError
from workerstack.verifier.check import Verdict
from workerstack.verifier.live_stack import Live
from workerstack.verifier.mend import NotKnownError, command, put_back


@dataclass(frozen=True)
class Fault:
    """What is not as it should be, and the command that mends it; of which resource."""

    what: str
    mend: str
    logical_id: str = ""


@dataclass(frozen=True)
class Look:
    """Everything that a check may look at."""

    deployment: str
    clients: Clients
    ask: Ask
    live: Live
    now: datetime

    @property
    def revert(self) -> str:
        """The command for what no single call puts back."""
        return f"./deploy.py review {self.deployment} --revert-drift"

    def mend(self, service: str, operation: str, values: Mapping[str, Any], /) -> str:
        """One call that puts back, or the revert where a value is not known here."""
        try:
            return put_back(self.clients, service, operation, values, self.clients.region)
        except NotKnownError:
            return self.revert

    def call(self, service: str, operation: str, /, **request: Any) -> str:
        """One call with these very members."""
        return command(service, operation, request, self.clients.region)


Faults = Iterator[Fault]


@dataclass(frozen=True)
class LiveCheck:
    """One check; ``types`` are those that it cannot judge unless it may read them."""

    id: str
    criterion: str
    faults: Callable[[Look], Faults]
    holds: Callable[[Look], str]
    types: tuple[str, ...]


def judge(row: LiveCheck, look: Look) -> tuple[Verdict, list[Fault]]:
    """A row as a line of the report; SKIP where something could not be asked."""
    missing = [
        look.live.not_allowed[each.logical_id]
        for each in look.live.of(*row.types)
        if each.logical_id in look.live.not_allowed
    ]
    found: list[Fault] = []
    try:
        for fault in row.faults(look):
            found.append(fault)
    except NotAllowedError as error:
        missing.append(error.action)
    if found:
        said = "; ".join(each.what for each in found)
        mends = " && ".join(dict.fromkeys(each.mend for each in found if each.mend))
        return Verdict(row.id, row.criterion, "FAIL", said, mends), found
    if missing:
        return not_allowed(row.id, row.criterion, missing), []
    try:
        return Verdict(row.id, row.criterion, "PASS", row.holds(look)), []
    except NotAllowedError as error:
        return not_allowed(row.id, row.criterion, [error.action]), []
    except NotKnown as unknown:
        return Verdict(row.id, row.criterion, "SKIP", str(unknown)), []


class NotKnown(Exception):  # noqa: N818 - no error: the reason why a check is skipped
    """Nothing proves the criterion, and nothing speaks against it."""


def not_allowed(identifier: str, criterion: str, actions: Sequence[str]) -> Verdict:
    """A check that the caller has no permission to make."""
    named = ", ".join(dict.fromkeys(actions))
    return Verdict(
        identifier, criterion, "SKIP", f"not known: no permission for {named}",
        f"Ask for {named}, or use a profile that has it (--profile)",
    )  # fmt: skip
