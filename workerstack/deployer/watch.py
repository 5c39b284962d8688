"""Finding the operation that a stack is in, and watching it until it has really ended."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from workerstack.cloudformation import read
from workerstack.deployer import change_set, history, stack
from workerstack.deployer import service as rollout
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import code_of, explained
from workerstack.deployer.clock import Clock
from workerstack.deployer.operation import (
    CANCEL,
    Events,
    Operation,
    OperationOutcome,
    Screen,
    Snapshot,
    StackEvent,
    event_of,
    outcome,
)
from workerstack.deployer.patience import Patience
from workerstack.deployer.service import Rollout
from workerstack.deployer.source import descriptions_in
from workerstack.deployer.stack_states import CHANGED, DELETED, TAKEN_BACK
from workerstack.deployments import Deployment
from workerstack.problem import Problem


def latest(cloudformation: Any, deployment: Deployment) -> Operation:
    """The operation to watch, whoever began it; raises Problem where there is none."""
    stack = stacks.read(cloudformation, deployment.stack)
    found = [] if stack.is_new else list(history.last(_of_stack(cloudformation, stack.id)))
    if not found:
        raise Problem(
            f"There is nothing to watch at {deployment.stack}",
            "there is no such stack, or nothing was executed yet",
            f"Begin with `deploy.py review {deployment.name}`",
        )
    begun = found[-1]
    # The newest event may be of a cancellation, which is part of the operation that it cancels.
    token = begun.token.removesuffix(CANCEL)
    return Operation(
        deployment=deployment.name,
        stack_id=stack.id,
        stack_name=stack.name,
        token=token,
        since=begun.time,
        wanted=_wanted(begun),
        expected=_expected(cloudformation, stack.id, token),
        descriptions=_descriptions(deployment),
    )


def _of_stack(cloudformation: Any, stack_id: str) -> Iterator[StackEvent]:
    """The events of the stack itself, newest first."""
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    events = (event_of(each) for page in pages for each in page["StackEvents"])
    return (event for event in events if event.is_of_stack)


def _wanted(begun: StackEvent) -> frozenset[str]:
    if begun.status.startswith("DELETE"):
        return DELETED
    return TAKEN_BACK if "ROLLBACK" in begun.status else CHANGED


def _expected(cloudformation: Any, stack_id: str, token: str) -> int | None:
    """How many resources change, where the token is the name of a change set of ours."""
    from botocore.exceptions import ClientError

    if not token.startswith(change_set.PREFIX):
        return None
    try:
        found = cloudformation.describe_change_set(ChangeSetName=token, StackName=stack_id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ChangeSetNotFound":
            raise
        return None
    changes = change_set.describe(cloudformation, found["ChangeSetId"], values=False)["Changes"]
    return len(changes) or None


def _descriptions(deployment: Deployment) -> dict[str, str]:
    """What the resources are for, as the checkout says; it may be another version."""
    if not deployment.template.is_file():
        return {}
    text = deployment.template.read_text(encoding="utf-8")
    return descriptions_in(read(text, str(deployment.template)).data)


ABSENT = "ABSENT"
"""A stack that somebody deleted and whose id AWS no longer knows."""

SERVICE = "AWS::ECS::Service"

SETTLED = 5
"""Polls in a row with the same end state that stand for a missing last event."""


def watch(operation: Operation, clients: Clients, clock: Clock, screen: Screen) -> OperationOutcome:
    """Shows the operation until it has ended; gives how it ended.

    Raises Detached, where it goes on without us: asked for, time over, credentials expired,
    network lost.
    """
    try:
        with explained(resume=operation.resume, profile=clients.profile):
            return _Watcher(operation, clients, clock, screen).run()
    finally:
        screen.close()


class _Watcher:
    def __init__(
        self, operation: Operation, clients: Clients, clock: Clock, screen: Screen
    ) -> None:
        self.operation, self.clients = operation, clients
        self.clock, self.screen = clock, screen
        self.cloudformation = clients("cloudformation")
        self.feed = Events(self.cloudformation, operation)
        self.events: list[StackEvent] = []
        self.stopped: dict[str, None] = {}
        self.started = clock.now()
        self.patience = Patience()
        self.settled = 0
        self.status = ""
        self.last_status = ""

    def run(self) -> OperationOutcome:
        waits = self.clock.waits()
        while True:
            try:
                fresh = self._look()
                ended = self._end() if self._ended() else None
                if ended:
                    return ended
                going_on = waits.wait(news=bool(fresh))
            except KeyboardInterrupt:
                self._interrupted()
                continue
            if not going_on:
                raise self.operation.left(
                    f"the stack is still in {self.status} after {self.clock.limit / 3600:g} hours"
                )

    def _look(self) -> list[StackEvent]:
        from botocore.exceptions import BotoCoreError, ClientError

        trouble = ""
        fresh: list[StackEvent] = []
        try:
            self.status = stack.read(self.cloudformation, self.operation.stack_id).status
            fresh = self.feed.new() if self.status != ABSENT else []
            self.patience.answered()
        except (BotoCoreError, ClientError) as error:
            self._failed(error)
            trouble = str(error)
        self.events += fresh
        service = self._service()
        found = self._rollout(service) if service else None
        self.stopped.update(dict.fromkeys(found.stopped if found else ()))
        # Shown also where nothing came: a screen that stands still would look like a stack that
        # does.
        self.screen.show(self._snapshot(found, trouble), fresh)
        return fresh

    def _rollout(self, service: str) -> Rollout:
        # The clocks of ECS and CloudFormation are not one, and some times are whole seconds.
        since = self._began().replace(microsecond=0)
        return rollout.read_rollout(self.clients, service, since, self.clock.now())

    def _snapshot(self, found: Rollout | None, trouble: str = "") -> Snapshot:
        return Snapshot(
            self.operation, self.clock.now(), self._began(), self.status, tuple(self.events),
            found, trouble,
        )  # fmt: skip

    def _began(self) -> datetime:
        """When the operation began, which may be long before we looked."""
        first = [datetime.fromisoformat(event.time) for event in self.events[:1]]
        return min([self.started, *first])

    def _service(self) -> str:
        """The ECS service that is rolling out now, if one is."""
        going = self._snapshot(None).in_progress().values()
        arns = [each.physical_id for each in going if each.type == SERVICE]
        return next((arn for arn in arns if arn.startswith("arn:")), "")

    def _ended(self) -> bool:
        """Whether the stack's last event and its status agree on an end.

        DescribeStacks alone may still answer as before the operation began; where the last
        event stays away, only a status that has settled counts.
        """
        if self.patience.failed or not self.status or self.status.endswith("_IN_PROGRESS"):
            self.settled = 0
            return False
        of_stack = [event for event in self.events if event.is_of_stack]
        if of_stack and of_stack[-1].status == self.status:
            return True
        self.settled = self.settled + 1 if self.status == self.last_status else 0
        self.last_status = self.status
        return (bool(self.events) or self.status == ABSENT) and self.settled >= SETTLED

    def _failed(self, error: Exception) -> None:
        """The operation goes on, so one answer that is missing is no reason to stop."""
        # A stack that was just created, or just deleted, is not known everywhere at once.
        is_young = code_of(error) == "ValidationError" and "does not exist" in str(error)
        self.patience.bear(error, passes=is_young)

    def _end(self) -> OperationOutcome | None:
        """How it ended; None where its events cannot be read now, which the next poll may."""
        from botocore.exceptions import BotoCoreError, ClientError

        known = {event.id for event in self.events}
        try:
            # Read once more from the start: while pages move under the reader, events may have been
            # missed.
            self.events = self.feed.all() if self.status != ABSENT else self.events
        except (BotoCoreError, ClientError) as error:
            self._failed(error)
            return None
        fresh = [event for event in self.events if event.id not in known]
        found = outcome(self.status, self.events, self.operation.wanted)
        failed = self._failed_service(found)
        rolled = self._rollout(failed) if failed else None
        self.stopped.update(dict.fromkeys(rolled.stopped if rolled else ()))
        self.screen.show(self._snapshot(rolled), fresh)
        return replace(found, stopped=tuple(self.stopped), went_back=rolled.back if rolled else ())

    def _failed_service(self, found: OperationOutcome) -> str:
        """The ARN of the ECS service whose failure started it all; empty where there is none.

        Its tasks may have failed between two looks, or before the first.
        """
        names = {each.logical_id: each for each in found.causes if each.type == SERVICE}
        for name, cause in names.items():
            if cause.physical_id.startswith("arn:"):
                return cause.physical_id
            for each in stack.resources(self.cloudformation, self.operation.stack_id):
                if each.logical_id == name and each.physical_id.startswith("arn:"):
                    return each.physical_id
        return ""

    def _interrupted(self) -> None:
        """Asks what to do; a second Ctrl-C, at any moment of this, detaches."""
        try:
            if self.screen.interrupted() == "detach":
                raise self.operation.left("you asked for it")
            # CancelUpdateStack takes no other state: not a creation, an import or the cleaning up.
            if self.status != "UPDATE_IN_PROGRESS":
                raise self.operation.left(
                    f"a stack in {self.status} cannot be cancelled, only an update in progress can"
                )
            self._cancel()
        except KeyboardInterrupt:
            raise self.operation.left("you asked for it twice") from None

    def _cancel(self) -> None:
        from botocore.exceptions import ClientError

        try:
            self.cloudformation.cancel_update_stack(
                StackName=self.operation.stack_id, ClientRequestToken=self.operation.cancellation
            )
        except ClientError as error:
            # It ended, or turned back by itself, while we asked: the next look tells.
            if code_of(error) != "ValidationError":
                raise
