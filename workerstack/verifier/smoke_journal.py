"""What a smoke test is about to touch, written down before: so that SIGKILL loses nothing.

A second run reads it, puts back what still differs, and only then begins. The file is removed
once all is as it was.
"""

import os
import socket
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from workerstack import files
from workerstack.deployer import service as live
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.deployments import Deployment
from workerstack.problem import Problem, Refusal, as_typed
from workerstack.verifier import smoke_message, smoke_undo
from workerstack.verifier.check import Verdict


class Notes(BaseModel):
    """What was found and is going to be changed; None stands for what was not touched.

    ``before`` and ``suspended``: the scaling's suspended state as found, and as set. ``count``: the
    desired count as found. ``message`` is the SHA-256 of the message's body, ``message_id`` its id
    where SQS has answered; ``outstanding``: the queue's messages before it was sent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stack_id: str
    cluster: str
    service: str
    queue_url: str
    began: datetime
    process: int
    host: str
    resource: str = ""
    before: dict[str, bool] | None = None
    suspended: dict[str, bool] | None = None
    count: int | None = None
    message: str = ""
    message_id: str = ""
    outstanding: int = 0

    @property
    def sentence(self) -> str:
        """What it may have left."""
        parts = [
            *(["scale-in suspended"] if self.suspended is not None else []),
            *(["a desired count of 1"] if self.count is not None else []),
            *(["a message in the queue"] if self.message else []),
        ]
        return ", ".join(parts) or "nothing"


class Journal:
    """The file of one deployment; each note is on the disk before it is acted upon."""

    def __init__(self, deployment: Deployment, root: Path) -> None:
        self.file = root / ".reviews" / f"{deployment.name.replace('/', '-')}.smoke.json"
        self._notes: Notes | None = None

    def read(self) -> Notes | None:
        """What a run that was killed has left; None where none was.

        Raises Refusal while that run still goes on, Problem where the file is not one of ours.
        """
        try:
            text = self.file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self._unreadable(str(error)) from None
        try:
            notes = Notes.model_validate_json(text)
        except ValidationError as error:
            raise self._unreadable(f"it has {error.error_count()} wrong members") from None
        if _lives(notes):
            raise Refusal(
                "A smoke test of this worker is running",
                f"process {notes.process} began it at {notes.began:%Y-%m-%d %H:%M} UTC",
                "Wait for its end, or end it with Ctrl-C: it puts back what it touched",
            )
        return notes

    def _unreadable(self, why: str) -> Problem:
        return Problem(
            "What an earlier smoke test touched cannot be read", why,
            f"See the desired count and the suspended scaling yourself, then delete"
            f" {as_typed(self.file)}",
        )  # fmt: skip

    def begin(
        self, stack_id: str, cluster: str, service: str, queue_url: str, now: datetime
    ) -> None:
        """The first note; nothing is touched yet."""
        self._write(Notes(
            stack_id=stack_id, cluster=cluster, service=service, queue_url=queue_url, began=now,
            process=os.getpid(), host=socket.gethostname(),
        ))  # fmt: skip

    def note(self, **facts: object) -> None:
        """Writes down what is going to be changed; before ``begin``, nothing."""
        if self._notes is not None:
            self._write(Notes.model_validate(self._notes.model_dump() | facts))

    def done(self) -> None:
        """All is as it was."""
        self._notes = None
        files.remove(self.file)

    def _write(self, notes: Notes) -> None:
        self._notes = notes
        self.file.parent.mkdir(parents=True, exist_ok=True)
        files.write(self.file, notes.model_dump_json(indent=2), private=True)


def digest(message: str) -> str:
    """What is written down of a message: its body may be nobody's business."""
    return sha256(message.encode()).hexdigest()


def _lives(notes: Notes) -> bool:
    # A process of another machine cannot be asked for, and one with our own number is a number
    # given anew.
    if notes.host != socket.gethostname() or notes.process == os.getpid():
        return False
    try:
        os.kill(notes.process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def restore(notes: Notes, clients: Clients, clock: Clock, say: Callable[[str], None]) -> Verdict:
    """Puts back what a killed run has left, and says what still differs."""
    answer = clients("ecs").describe_services(cluster=notes.cluster, services=[notes.service])
    services = [each for each in answer["services"] if each.get("status") != "INACTIVE"]
    if not services:
        return Verdict("restored", smoke_undo.AS_BEFORE, "PASS", "the service of that run is gone")
    own, left = _message(notes, clients, say)
    touched = smoke_undo.Touched(clients, services[0], lambda **_: None)
    touched.remember(
        live.target(clients("application-autoscaling"), services[0]),
        notes.before, notes.suspended, notes.count,
    )  # fmt: skip
    return touched.put_back(clock, notes.queue_url, own, left)


def _message(notes: Notes, clients: Clients, say: Callable[[str], None]) -> tuple[int, str]:
    """How many messages of that run may be left, and a sentence where one may."""
    if not notes.message:
        return 0, ""
    gone, said = smoke_message.take_back(
        clients("sqs"), notes.queue_url,
        lambda each: each["MessageId"] == notes.message_id
        if notes.message_id else digest(each["Body"]) == notes.message,
        notes.message_id or "of that run", notes.outstanding,
    )  # fmt: skip
    say(said)
    return (0, "") if gone else (0 if notes.outstanding else 1, said.removesuffix("."))
