"""Proving a revision while the service stands at zero: one task of it is started, and stopped.

It is started as the service would start it, by RunTask with what the service has. What counts is
what ECS then says: a task that is RUNNING has pulled its image, read its secrets, mounted its file
systems and opened its log; one that stays up, or ends with 0, can work.

It is a worker like any other, so it may receive a message. It is stopped while none is in flight
that was not before; ECS protects only tasks of a service, so nothing else would keep a job. One
that goes on for too long is stopped all the same, and its message comes back after the visibility
timeout at the latest. What a proof that was killed left running is stopped by the next one.

Source: ECS API reference, RunTask, StopTask, ListTasks; developer guide, "Task lifecycle", "Task
scale-in protection".
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from workerstack.deployer import aws_errors, stopped_tasks
from workerstack.deployer import service as live
from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import code_of
from workerstack.deployer.clock import Clock
from workerstack.deployer.service import EcsTask
from workerstack.deployer.stopped_tasks import Meaning
from workerstack.problem import Problem
from workerstack.verifier.asking import DENIED, TOLD
from workerstack.verifier.check import Status, Verdict
from workerstack.verifier.live_check import not_allowed
from workerstack.verifier.smoke_undo import Interrupts

UP = 10.0
"""Seconds that a task must stay up."""

START = 600.0
"""Seconds in which a task must be RUNNING: a large image takes minutes to pull."""

JOB = 900.0
"""Seconds for which a job may hold up the proof; after that it is stopped."""

STOP = 60.0
"""Seconds for which it is tried to stop the task, while no answer comes."""

LAG = 6.0
"""Seconds that the log of a task that has stopped may take until it can be read."""

LINES = 10
"""How many of the last log lines are shown."""

EXITED = "exits-at-once"
"""The meaning of a task of which only the log can say more."""

CRITERIA = {
    "start": "a task of the revision starts",
    "up": "it stays up, or ends with 0",
    "log": "its log stream is open",
    "messages": "it is stopped while it works on no message",
}


@dataclass(frozen=True)
class ProofPlan:
    """What is proved: the service and its task definition as they are found."""

    deployment: str
    service: Mapping[str, Any]
    task_definition: Mapping[str, Any]

    @property
    def revision(self) -> str:
        """``family:7``."""
        return str(self.service["taskDefinition"]).rpartition("/")[2]

    @property
    def is_at_zero(self) -> bool:
        """Whether no task runs, and none is wanted."""
        return not any(
            int(self.service.get(name, 0))
            for name in ("desiredCount", "runningCount", "pendingCount")
        )

    @property
    def queue_url(self) -> str:
        """The queue that the worker reads; empty where it is given none."""
        return live.queue_url(self.task_definition)

    @property
    def essential(self) -> frozenset[str]:
        """The names of the containers with which the task ends."""
        return frozenset(
            str(each["name"])
            for each in self.task_definition.get("containerDefinitions", ())
            if each.get("essential", True)
        )

    @property
    def started_by(self) -> str:
        """By what the tasks of proofs are found; ECS takes 128 of few characters."""
        return re.sub(r"[^A-Za-z0-9/_-]", "-", f"prove/{self.deployment}")[:128]

    @property
    def rollback(self) -> str:
        """The command that goes back."""
        return f"./deploy.py rollback {self.deployment}"


def plan(deployment: str, clients: Clients, stack_id: str) -> ProofPlan:
    """Reads the service of a stack; raises Problem where it has none that Fargate could run."""
    service = live.read_service(clients, stack_id)
    if not service.get("taskDefinition"):
        raise Problem(
            f"The service {service['serviceName']} has no task definition of its own",
            "another deployment controller than ECS starts its tasks",
            "Prove it with that one",
        )
    answer = clients("ecs").describe_task_definition(taskDefinition=service["taskDefinition"])
    return ProofPlan(deployment, service, answer["taskDefinition"])


def request(plan: ProofPlan, token: str) -> dict[str, Any]:
    """What RunTask is asked, as the service has it.

    The same ``token`` never starts two tasks, also where an answer was lost.
    """
    service = plan.service
    asked: dict[str, Any] = {
        "cluster": service["clusterArn"],
        "taskDefinition": service["taskDefinition"],
        "count": 1,
        "startedBy": plan.started_by,
        "clientToken": token,
        "enableExecuteCommand": bool(service.get("enableExecuteCommand")),
    }
    if service.get("networkConfiguration"):
        asked["networkConfiguration"] = service["networkConfiguration"]
    if service.get("capacityProviderStrategy"):
        asked["capacityProviderStrategy"] = service["capacityProviderStrategy"]
    elif service.get("launchType"):
        asked["launchType"] = service["launchType"]
    if service.get("platformVersion"):
        asked["platformVersion"] = service["platformVersion"]
    return asked


STOPPED = 143
"""The exit code of a container that ends on SIGTERM, which ECS sends once another has ended."""


def ended_well(task: EcsTask, essential: frozenset[str]) -> bool:
    """Whether a task ended with 0: an essential container did, and ECS stopped the others."""
    codes = dict(task.exit_codes)
    first = any(code == 0 for name, code in codes.items() if name in essential)
    return first and all(code in (0, STOPPED) for code in codes.values())


class Proof:
    """One run; ``checks``, ``log`` and ``meaning`` are there even when it was interrupted."""

    def __init__(
        self, plan: ProofPlan, clients: Clients, clock: Clock, say: Callable[[str], None]
    ) -> None:
        self.plan, self.clients, self.clock, self.say = plan, clients, clock, say
        self.log: list[str] = []
        self.meaning: Meaning | None = None
        self._found = {
            name: Verdict(name, criterion, "SKIP", "not reached")
            for name, criterion in CRITERIA.items()
        }
        self._task: EcsTask | None = None
        self._before: int | None = None
        self._began = clock.now()

    @property
    def checks(self) -> list[Verdict]:
        """In order, each with what is known of it until now."""
        return list(self._found.values())

    def run(self, interrupts: Interrupts) -> None:
        """Does it all; whatever happens, the task that was started is stopped before this ends."""
        try:
            with interrupts.may_end():
                self._stop_leftovers()
                self._before = self._in_flight()
                task = self._start()
                if task is not None and self._stays_up(task):
                    self._look_at_log(task)
                    self._wait_for_messages(task)
        finally:
            self._stop()

    def _note(self, name: str, status: Status, evidence: str, next_step: str = "") -> None:
        self._found[name] = Verdict(name, CRITERIA[name], status, evidence, next_step)

    @property
    def _ecs(self) -> Any:
        return self.clients("ecs")

    @property
    def _cluster(self) -> str:
        return str(self.plan.service["clusterArn"])

    def _stop_leftovers(self) -> None:
        """Tasks of proofs that were killed; one of a proof at work is younger."""
        from botocore.exceptions import ClientError

        oldest = self.clock.now() - timedelta(seconds=START + UP + JOB)
        try:
            arns = self._ecs.list_tasks(
                cluster=self._cluster, startedBy=self.plan.started_by
            )["taskArns"]  # fmt: skip
            for task in live.described(self._ecs, self._cluster, arns):
                if task.created_at is not None and task.created_at < oldest:
                    self._ecs.stop_task(
                        cluster=self._cluster, task=task.arn, reason="left by an earlier proof"
                    )
                    self.say(f"Stopped the task {task.name}, which an earlier proof had left.")
        except ClientError as error:
            if not DENIED.search(code_of(error)):
                raise

    def _start(self) -> EcsTask | None:
        """Asks for a task; notes why there is none."""
        from botocore.exceptions import ClientError

        seed = f"{self.plan.service['taskDefinition']} {self._began.isoformat()}"
        token = hashlib.sha256(seed.encode()).hexdigest()[:32]
        self.say(f"Starting a task of {self.plan.revision}, to prove that it runs ...")
        try:
            answer = self._ecs.run_task(**request(self.plan, token))
        except ClientError as error:
            if DENIED.search(code_of(error)):
                told = TOLD.search(str(error))
                denied = not_allowed(
                    "start", CRITERIA["start"], [told[1] if told else "ecs:RunTask"]
                )
                self._found["start"] = denied
                return None
            if aws_errors.cause_of(error) != "refused":
                raise  # nobody has said that it does not start
            why = aws_errors.sentence(error).why
            self._red("start", f"ECS refuses to start {self.plan.revision}: {why}",
                      stopped_tasks.meaning_of(why))  # fmt: skip
            return None
        if not answer.get("tasks"):
            why = "; ".join(
                " ".join(filter(None, (each.get("reason"), each.get("detail"))))
                for each in answer.get("failures", ())
            )
            self._red("start", f"ECS could not place a task of {self.plan.revision}: {why}",
                      stopped_tasks.meaning_of(why))  # fmt: skip
            return None
        self._task = live.task_of(answer["tasks"][0])
        return self._task

    def _look(self, task: EcsTask) -> EcsTask:
        """The task as it is now; one that was just started is not known everywhere at once."""
        found = live.described(self._ecs, self._cluster, [task.arn])
        self._task = found[0] if found else task
        return self._task

    def _stays_up(self, task: EcsTask) -> bool:
        """Whether the task ran and goes on, or has ended with 0."""
        waits = replace(self.clock, limit=START).waits()
        while (task := self._look(task)).status not in ("RUNNING", "STOPPED"):
            if not waits.wait(news=True):
                slow = Meaning(
                    "slow", "it takes too long to start",
                    "Look at the size of the image, and at the way out of its subnets",
                )  # fmt: skip
                self._red("start", f"task {task.name} is {task.status} after {START:.0f} s", slow)
                return False
        if task.status == "RUNNING" or task.exit_codes:
            self._note("start", "PASS", self._started(task))
        waits = replace(self.clock, limit=UP).waits()
        while task.status == "RUNNING" and waits.wait(news=True):
            task = self._look(task)
        if task.status == "RUNNING":
            self._note("up", "PASS", f"task {task.name} runs, {UP:.0f} s and longer")
            return True
        return self._ended(task)

    def _started(self, task: EcsTask) -> str:
        digests = ", ".join(sorted({each[:19] for _, each in task.digests}))
        done = [f"image pulled{f' ({digests})' if digests else ''}"]
        containers = self.plan.task_definition.get("containerDefinitions", ())
        if secrets := sum(len(each.get("secrets", ())) for each in containers):
            done.append(f"{secrets} secret{'' if secrets == 1 else 's'} read")
        systems = [each.get("efsVolumeConfiguration", {}).get("fileSystemId")
                   for each in self.plan.task_definition.get("volumes", ())]  # fmt: skip
        if mounted := [each for each in systems if each]:
            done.append(f"{', '.join(mounted)} mounted")
        return f"task {task.name} of {self.plan.revision} ran: {', '.join(done)}"

    def _ended(self, task: EcsTask) -> bool:
        """A task that stopped by itself."""
        if ended_well(task, self.plan.essential):
            self._note("up", "PASS", f"task {task.name} ended with 0")
            return True
        # Where ECS says the reason itself, nobody waits for lines that may never come.
        self.log = self._read_log(task, patient=stopped_tasks.meaning(task).id == EXITED)
        meaning = stopped_tasks.meaning(task, self.log)
        name = "up" if task.exit_codes else "start"
        self._red(name, f"task {task.name} of {self.plan.revision} stopped: {meaning.cause}"
                  f" ({task.reason})", meaning)  # fmt: skip
        return False

    def _red(self, name: str, evidence: str, meaning: Meaning) -> None:
        self.meaning = meaning
        remedy = meaning.remedy.replace("ENV/STACK", self.plan.deployment)
        self._note(name, "FAIL", evidence, f"{remedy}. To go back: {self.plan.rollback}")

    def _streams(self, task: EcsTask) -> dict[str, list[str]]:
        """The log streams of a task by their group, as awslogs names them where it has a prefix."""
        found: dict[str, list[str]] = {}
        for container in self.plan.task_definition.get("containerDefinitions", ()):
            options = container.get("logConfiguration", {}).get("options", {})
            if "awslogs-group" in options and "awslogs-stream-prefix" in options:
                stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{task.name}"
                found.setdefault(options["awslogs-group"], []).append(stream)
        return found

    def _events(self, group: str, streams: Sequence[str]) -> list[Mapping[str, Any]]:
        answer = self.clients("logs").filter_log_events(
            logGroupName=group, logStreamNames=list(streams)
        )
        return list(answer.get("events", ()))

    def _read_log(self, task: EcsTask, *, patient: bool) -> list[str]:
        """The task's last lines; they may come seconds after it has stopped."""
        from botocore.exceptions import BotoCoreError, ClientError

        waits = replace(self.clock, limit=LAG if patient else 0.0).waits()
        while True:
            try:
                events = [
                    event
                    for group, streams in self._streams(task).items()
                    for event in self._events(group, streams)
                ]
            except (BotoCoreError, ClientError) as error:
                if code_of(error) != "ResourceNotFoundException":
                    self.say(f"The log could not be read: {error}")
                    return []
                events = []
            if events or not waits.wait(news=True):
                break
        events.sort(key=lambda each: int(each["timestamp"]))
        return [str(each["message"]).rstrip() for each in events][-LINES:]

    def _look_at_log(self, task: EcsTask) -> None:
        """A driver in non-blocking mode may run without a log, so it is looked for."""
        from botocore.exceptions import ClientError

        streams = self._streams(task)
        if not streams:
            self._note("log", "SKIP", "no container has a log driver awslogs with a stream prefix")
            return
        try:
            for group, names in streams.items():
                self._events(group, names)
        except ClientError as error:
            if DENIED.search(code_of(error)):
                self._found["log"] = not_allowed(
                    "log", CRITERIA["log"], ["logs:FilterLogEvents"]
                )  # fmt: skip
                return
            if code_of(error) != "ResourceNotFoundException":
                raise
            why = aws_errors.sentence(error).why
            self._red("log", f"the task runs and writes no log: {why}", Meaning(
                "log-stream-missing", "there is no log stream",
                "Create the log group, and give the execution role logs:CreateLogStream on it",
            ))  # fmt: skip
            return
        groups = ", ".join(streams)
        number = sum(map(len, streams.values()))
        self._note("log", "PASS", f"{number} stream{'' if number == 1 else 's'} in {groups}")

    def _in_flight(self) -> int | None:
        """Messages in flight; None where there is no queue, or it may not be read."""
        from botocore.exceptions import ClientError

        if not self.plan.queue_url:
            return None
        try:
            return live.depth(self.clients("sqs"), self.plan.queue_url)["in_flight"]
        except ClientError as error:
            if aws_errors.cause_of(error) != "refused":
                raise
            return None

    def _more_in_flight(self, before: int) -> int | None:
        """How many are in flight that were not before; None where the answer was lost."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            now = self._in_flight()
        except (BotoCoreError, ClientError) as error:
            if not aws_errors.is_passing(error):
                raise
            return None
        return 0 if now is None else max(now - before, 0)

    def _wait_for_messages(self, task: EcsTask) -> None:
        """Until nothing is in flight that was not before, or a job has taken too long."""
        before = self._before
        if before is None:
            self._note("messages", "SKIP", "the queue could not be read")
            return
        waits, said = replace(self.clock, limit=JOB).waits(), False
        while (more := self._more_in_flight(before)) != 0:
            if self._look(task).status == "STOPPED":
                break
            if more and not said:
                self.say(
                    "The task works on a message: waiting until it is done, up to"
                    f" {JOB:.0f} s (Ctrl-C stops it) ..."
                )
                said = True
            if not waits.wait():
                self._note(
                    "messages", "SKIP",
                    f"{more or 'perhaps some'} in flight after {JOB:.0f} s, and the task is"
                    " stopped: unless it gives its message back on SIGTERM, that comes back after"
                    " the visibility timeout",
                    "Prove it while the queue is empty",
                )  # fmt: skip
                return
        self._note("messages", "PASS", "none in flight that was not before")

    def _stop(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        task = self._task
        if task is None or task.status == "STOPPED":
            return
        waits = replace(self.clock, limit=STOP).waits()
        why = "deploy.py prove: it has been proved"
        cluster = self._cluster.rpartition("/")[2]
        while True:
            try:
                self._ecs.stop_task(cluster=self._cluster, task=task.arn, reason=why)
            except (BotoCoreError, ClientError) as error:
                if aws_errors.is_passing(error) and waits.wait():
                    continue
                self._note(
                    "messages", "FAIL", f"the task {task.name} still runs: {error}",
                    f"aws ecs stop-task --cluster {cluster} --task {task.name}",
                )  # fmt: skip
            return


def runs_already(plan: ProofPlan, clients: Clients) -> Verdict | None:
    """A task of the revision that runs in the service, which proves as much; None without one."""
    if plan.is_at_zero:
        return None
    for task in live.tasks_of(
        clients("ecs"), plan.service["clusterArn"], plan.service["serviceName"], ("RUNNING",)
    ):
        if task.status == "RUNNING" and task.task_definition == plan.service["taskDefinition"]:
            said = f"task {task.name} of {plan.revision} runs in the service"
            return Verdict("start", CRITERIA["start"], "PASS", said)
    return None
