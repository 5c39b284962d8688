"""The smoke test: one task starts, one message is processed, and all is as it was before."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from deployer import consumption, network_errors, rights, rollout, tasks, verification
from deployer.check import Check, Status, judged
from deployer.clients import Clients
from deployer.clock import Clock
from deployer.consumption import Consumption
from deployer.interrupts import Interrupts
from deployer.smoke_plan import CRITERIA, NOT_DONE, Object, Plan
from deployer.touched import Touched

LOG_LINES = 10
"""How many of the newest log lines are shown."""

Version = tuple[Any, ...]


def before(plan: Plan, deployment: str, clients: Clients) -> list[Check]:
    """What is known without touching anything."""
    sqs, worker = clients("sqs"), plan.worker
    arn = sqs.get_queue_attributes(QueueUrl=plan.queue_url, AttributeNames=["QueueArn"])
    queue = arn["Attributes"]["QueueArn"]
    partition = queue.split(":")[1]
    wanted = plan.expected
    object_arn = f"arn:{partition}:s3:::{wanted.bucket}/{wanted.key}" if wanted else ""
    needed = list(rights.needs(worker.task_definition, queue, object_arn))
    role = worker.task_definition["taskRoleArn"]
    return [
        verification.check_state(plan.stack, deployment),
        rights.check(clients("iam"), role, needed),
    ]


class Smoke:
    """One run; ``checks`` and ``log`` are there even when it was interrupted."""

    def __init__(
        self, plan: Plan, clients: Clients, clock: Clock, say: Callable[[str], None]
    ) -> None:
        self.plan, self.clients, self.say = plan, clients, say
        self.clock = replace(clock, limit=plan.timeout)
        self.log: list[str] = []
        self._found = {name: Check(name, text, "unknown", NOT_DONE) for name, text in
                       CRITERIA.items()}  # fmt: skip
        self._touched = Touched(clients, plan.worker.service, plan.worker.scalable_target)
        self._known = frozenset[str]()
        self._message_id = ""
        self._own = 0

    @property
    def checks(self) -> list[Check]:
        """In order, each with what is known of it until now."""
        return list(self._found.values())

    def run(self, interrupts: Interrupts) -> None:
        """Does it all; whatever happens, what was touched is put back before this ends."""
        began = self.clock.now()
        try:
            with interrupts.may_end():
                self._known = frozenset(task.arn for task in self._tasks())
                self._touched.suspend_scale_in()
                if self._start(began):
                    self._process()
        finally:
            self._take_back()
            restored = self._touched.put_back(self.clock, self.plan.queue_url, self._own)
            self._found[restored.id] = restored
            self._read_log(began)

    def _tasks(self) -> list[tasks.Task]:
        return tasks.of_service(self.clients("ecs"), self.plan.worker.service)

    def _note(self, name: str, status: Status, evidence: str, next_step: str = "") -> None:
        self._found[name] = Check(name, CRITERIA[name], status, evidence, next_step)

    def _start(self, began: datetime) -> bool:
        service = self.plan.worker.service
        if self.plan.raises_count:
            self._touched.scale(1)
        self.say(f"Waiting for a task of {service['serviceName']} ...")
        waits = self.clock.waits()
        while True:
            found = self._tasks()
            if self._has_failed(found):
                return False
            for task in found:
                current = task.task_definition == service["taskDefinition"]
                if task.status == "RUNNING" and current:
                    already = task.arn in self._known
                    how = "was running already" if already else "runs"
                    self._note("start", "green", f"task {task.name} {how}")
                    return True
            if not waits.wait(news=True):
                break
        states = ", ".join(f"{task.name} is {task.status}" for task in found) or "no task came"
        said = "; ".join([states, *self._events(began)])
        self._note(
            "start", "red", f"not within {self.plan.timeout} s: {said}",
            "Mend what it says, or allow more time with --timeout",
        )  # fmt: skip
        return False

    def _has_failed(self, found: Iterable[tasks.Task]) -> bool:
        failed = [task for task in found if task.failed and task.arn not in self._known]
        if failed:
            self._note(
                "start", "red", f"task {failed[0].name} stopped: {failed[0].reason}",
                "Mend the image, the roles or the network that it names, and deploy again",
            )  # fmt: skip
        return bool(failed)

    def _events(self, began: datetime) -> list[str]:
        """What ECS itself says, where it could not even place a task."""
        service = self.plan.worker.service
        answer = self.clients("ecs").describe_services(
            cluster=service["clusterArn"], services=[service["serviceArn"]]
        )["services"][0]
        new = [each for each in answer.get("events", ()) if each["createdAt"] >= began]
        return [each["message"] for each in new[:2]]

    def _process(self) -> None:
        sqs, url, wanted = self.clients("sqs"), self.plan.queue_url, self.plan.expected
        old, refused = self._version(wanted)
        seen = Consumption(consumption.depth(sqs, url))
        self._consumption = seen
        self._own = 1  # the call may be cut off, and the message be there
        self._message_id = sqs.send_message(QueueUrl=url, MessageBody=self.plan.message)[
            "MessageId"
        ]
        self.say(f"Sent message {self._message_id}; waiting for what becomes of it ...")
        waits, appeared = self.clock.waits(), False
        while True:
            seen.look(consumption.depth(sqs, url))
            new = self._version(wanted)[0] if wanted and not refused else None
            appeared = appeared or (new is not None and new != old)
            gone = seen.is_gone(proved=appeared)
            failed = self._has_failed(self._tasks())
            ended = gone and (appeared or wanted is None or bool(refused))
            if ended or failed or seen.is_dead or not waits.wait(news=True):
                break
        self._own = 0 if gone else 1
        self._judge_message(seen, gone=gone, appeared=appeared)
        self._judge_object(wanted, refused, appeared=appeared)

    def _judge_message(self, seen: Consumption, *, gone: bool, appeared: bool) -> None:
        see = "Read the log lines below; the message must be deleted once its job is done"
        if seen.is_dead:
            dead = f"{seen.before.dead} to {seen.last.dead}"
            self._note("message", "red", f"the dead letters went from {dead}",
                       f"{see}. Look at it in the dead-letter queue, and delete it there")  # fmt: skip
        elif gone:
            evidence = f"{self._message_id}: the queue is empty again"
            self._note("message", "green", evidence)
        elif appeared and seen.before.outstanding:
            said = f"processed, but others' messages hide whether it was deleted ({seen.last})"
            self._note("message", "unknown", said, "Run it again while the queue is quiet")
        else:
            what = "processed, but not deleted" if appeared else "not consumed"
            said = f"{what} within {self.plan.timeout} s: {seen.last}"
            self._note("message", "red", said, see)

    def _judge_object(self, wanted: Object | None, refused: str, *, appeared: bool) -> None:
        if wanted is None:
            self._note("object", "unknown", "none is named", "Name it with --expect-object")
        elif refused:
            self._note("object", "unknown", f"{wanted} could not be looked at: {refused}",
                       "Give the caller s3:GetObject and s3:ListBucket")  # fmt: skip
        elif appeared:
            self._note("object", "green", f"{wanted} is there, and newer than the message")
        else:
            self._note("object", "red", f"{wanted} is not there, or older than the message",
                       "Read the log lines below; compare the name with what the worker writes")  # fmt: skip

    def _version(self, wanted: Object | None) -> tuple[Version | None, str]:
        """What identifies the object as it is now, and why we may not look."""
        from botocore.exceptions import ClientError

        if wanted is None:
            return None, ""
        try:
            found = self.clients("s3").head_object(Bucket=wanted.bucket, Key=wanted.key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in {"404", "NoSuchKey"}:
                return None, ""
            if code in {"403", "AccessDenied"}:
                return None, code
            raise
        return (found["LastModified"], found["ETag"], found.get("VersionId")), ""

    def _take_back(self) -> None:
        """What we sent is taken out again, where it is certain that it is ours."""
        from botocore.exceptions import BotoCoreError, ClientError

        if not self._own:
            return
        try:
            gone, said = consumption.take_back(
                self.clients("sqs"), self.plan.queue_url, self._message_id, self._consumption
            )
        except (BotoCoreError, ClientError) as error:
            gone, said = False, f"message {self._message_id} could not be taken back: {error}"
        self._own = 0 if gone else 1
        self.say(f"{said[0].upper()}{said[1:]}.")

    def _read_log(self, began: datetime) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            lines = rollout.lines(self.clients("logs"), self.plan.worker.task_definition, began)
        except (BotoCoreError, ClientError) as error:
            self._note("network", "unknown", f"the log could not be read: {error}")
            return
        self.log = lines[-LOG_LINES:]
        if not lines:
            self._note("network", "unknown", "nothing was logged in this run",
                       "See that the container writes to standard output")  # fmt: skip
            return
        self._found["network"] = judged(
            "network", CRITERIA["network"], network_errors.found(lines)[:3],
            f"{len(lines)} lines since the start",
            "See the security group's egress, the subnets' routes and public addresses, and DNS",
        )  # fmt: skip
