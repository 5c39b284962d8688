"""The smoke test: one task starts, one message is processed, and all is as it was before."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from workerstack.deployer import aws, stack_states
from workerstack.deployer import service as live
from workerstack.deployer import service as rollout
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock, Waits
from workerstack.deployments import Deployment
from workerstack.problem import Problem, Refusal
from workerstack.verifier import smoke_checks, smoke_message, verify
from workerstack.verifier.check import Verdict
from workerstack.verifier.smoke_checks import CRITERIA, verdict
from workerstack.verifier.smoke_journal import Journal, digest
from workerstack.verifier.smoke_message import Appearance, Consumption, Object, check_bucket
from workerstack.verifier.smoke_undo import AS_BEFORE, Interrupts, Touched


@dataclass(frozen=True)
class SmokePlan:
    """The worker as it is found, the message, what is expected; ``timeout`` in seconds."""

    stack: stacks.StackDescription
    worker: live.LiveWorker
    queue_url: str
    message: str
    expected: Object | None
    timeout: int

    @property
    def raises_count(self) -> bool:
        """Whether no task is wanted yet."""
        return int(self.worker.service["desiredCount"]) == 0

    def sentence(self) -> str:
        """What is going to be done, for consent."""
        start = "start one task of it, " if self.raises_count else ""
        return f"{start}suspend its scale-in meanwhile, and send a message to {self.queue_url}"


def read_message(file: Path) -> str:
    """The message's body; raises Problem where there is none."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(
            "The message cannot be read", str(error), "Name a text file with --message", file=file
        ) from None
    if not text:
        raise Problem("The message is empty", "SQS takes none", "Write one", file=file)
    return text


def plan(
    deployment: Deployment, clients: Clients, message: str, expected: Object | None, timeout: int
) -> SmokePlan:
    """Reads what there is; raises Refusal while the stack is not at rest."""
    aws.identify(deployment, clients)
    stack = stacks.existing(clients("cloudformation"), deployment)
    stacks.check_owner(stack, deployment.name)
    if stack.status not in stack_states.UPDATABLE:
        raise Refusal(
            f"The stack {stack.name} is in {stack.status}",
            "a smoke test needs a stack that has come to rest",
            stack_states.next_step(stack.status, deployment.name),
        )
    worker = live.read_worker(clients, stack.id)
    url = live.queue_url(worker.task_definition)
    if not url:
        raise Problem(
            "The worker has no queue",
            "no container has the environment variable QUEUE_URL",
            "Deploy the worker first",
        )
    if expected:
        check_bucket(clients("s3"), expected.bucket)
    return SmokePlan(stack, worker, url, message, expected, timeout)


def rehearsed(plan: SmokePlan) -> Iterator[Verdict]:
    """The checks of a run that does not take place."""
    service = plan.worker.service
    would = {
        "start": f"would set the desired count of {service['serviceName']} from 0 to 1"
        if plan.raises_count
        else _would_use(int(service["desiredCount"])),
        "message": f"would send {len(plan.message.encode())} bytes to {plan.queue_url},"
        f" and wait {plan.timeout} s at most",
        "object": f"would look for {plan.expected}" if plan.expected else smoke_checks.NO_OBJECT,
        "network": "would read the log from the start on",
    }
    for identifier, criterion in CRITERIA.items():
        yield Verdict(identifier, criterion, "SKIP", would[identifier])
    yield Verdict(
        "restored", AS_BEFORE, "SKIP",
        "would suspend scale-in until then, and put back the desired count",
    )  # fmt: skip


def _would_use(number: int) -> str:
    return "would use the running task" if number == 1 else f"would use the {number} running tasks"


LOG_LINES = 10
"""How many of the newest log lines are shown."""


def before(plan: SmokePlan, deployment: str, clients: Clients) -> list[Verdict]:
    """What can be checked without touching anything."""
    worker, wanted = plan.worker, plan.expected
    queue = clients("sqs").get_queue_attributes(
        QueueUrl=plan.queue_url, AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]
    partition = queue.split(":")[1]
    object_arn = f"arn:{partition}:s3:::{wanted.bucket}/{wanted.key}" if wanted else ""
    needed = list(smoke_checks.needs(worker.task_definition, queue, object_arn))
    return [
        verify.check_state(plan.stack, deployment),
        smoke_checks.check(clients("iam"), worker.task_definition.get("taskRoleArn", ""), needed),
    ]


class Smoke:
    """One run; ``checks`` and ``log`` are there even when it was interrupted."""

    def __init__(
        self,
        plan: SmokePlan,
        clients: Clients,
        clock: Clock,
        say: Callable[[str], None],
        journal: Journal,
    ) -> None:
        self.plan, self.clients, self.clock, self.say = plan, clients, clock, say
        self.log: list[str] = []
        self._found = {name: verdict(name, "SKIP", "not done") for name in CRITERIA}
        self._journal = journal
        self._touched = Touched(clients, plan.worker.service, journal.note)
        self._known = frozenset[str]()
        self._sent: tuple[str, Consumption] | None = None

    @property
    def checks(self) -> list[Verdict]:
        """In order, each with what is known of it until now."""
        return list(self._found.values())

    def run(self, interrupts: Interrupts) -> None:
        """Does it all; whatever happens, what was touched is put back before this ends."""
        began = self.clock.now()
        try:
            with interrupts.may_end():
                service = self.plan.worker.service
                self._journal.begin(
                    self.plan.stack.id, service["clusterArn"], service["serviceArn"],
                    self.plan.queue_url, began,
                )  # fmt: skip
                self._known = frozenset(task.arn for task in self._tasks())
                self._touched.suspend_scale_in()
                if self._start(began):
                    self._process()
        finally:
            # The message first: whether a task is still wanted depends on what is left in the
            # queue.
            own, left = self._take_back()
            restored = self._touched.put_back(self.clock, self.plan.queue_url, own, left)
            self._note(restored)
            if restored.status != "FAIL":
                self._journal.done()
            self._read_log(began)

    def _tasks(self) -> list[rollout.EcsTask]:
        return rollout.tasks_of(
            self.clients("ecs"),
            self.plan.worker.service["clusterArn"],
            self.plan.worker.service["serviceName"],
        )

    def _waits(self) -> Waits:
        return replace(self.clock, limit=self.plan.timeout).waits()

    def _note(self, check: Verdict) -> None:
        self._found[check.id] = check

    def _start(self, began: datetime) -> bool:
        service = self.plan.worker.service
        self._touched.want_a_task()
        self.say(f"Waiting for a task of {service['serviceName']} ...")
        waits = self._waits()
        while True:
            found = self._tasks()
            if self._has_failed(found):
                return False
            for task in found:
                current = task.task_definition == service["taskDefinition"]
                if task.status == "RUNNING" and current:
                    how = "was running already" if task.arn in self._known else "runs"
                    self._note(verdict("start", "PASS", f"task {task.name} {how}"))
                    return True
            if not waits.wait(news=True):
                break
        new = [task for task in found if task.arn not in self._known]
        self._note(smoke_checks.not_started(new, self._events(began), self.plan.timeout))
        return False

    def _has_failed(self, found: list[rollout.EcsTask]) -> bool:
        failed = [task for task in found if task.failed and task.arn not in self._known]
        for task in failed[:1]:
            self._note(smoke_checks.stopped(task))
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
        appearance = Appearance(self.clients, wanted) if wanted else None
        seen = Consumption(smoke_message.depth(sqs, url))
        self._sent = "", seen  # the call may be cut off, and the message be there
        self._journal.note(message=digest(self.plan.message), outstanding=seen.before.outstanding)
        name = sqs.send_message(QueueUrl=url, MessageBody=self.plan.message)["MessageId"]
        self._sent = name, seen
        self._journal.note(message_id=name)
        self.say(
            f"Sent message {name}. Waiting up to {self.plan.timeout} s for the worker to"
            " delete it ..."
        )
        waits = self._waits()
        while True:
            seen.look(smoke_message.depth(sqs, url))
            come = appearance is not None and appearance.look()
            gone = seen.is_gone(proved=come)
            ended = gone and (come or appearance is None or bool(appearance.refused))
            failed = self._has_failed(self._tasks())
            if ended or failed or seen.is_dead or not waits.wait(news=True):
                break
        if gone or seen.is_dead:
            self._sent = None
            self._journal.note(message="", message_id="")
        end = "before the task stopped" if failed else f"within {self.plan.timeout} s"
        self._note(smoke_checks.message(name, seen, end, gone=gone, processed=come))
        self._note(smoke_checks.appearance(appearance))

    def _take_back(self) -> tuple[int, str]:
        """Takes out what we sent where it is certainly ours.

        How many of ours may be left, and a sentence where one may.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        if not self._sent:
            return 0, ""
        name, seen = self._sent
        body = digest(self.plan.message)
        try:
            gone, said = smoke_message.take_back(
                self.clients("sqs"), self.plan.queue_url,
                lambda each: each["MessageId"] == name if name else digest(each["Body"]) == body,
                name or "that was sent", seen.before.outstanding,
            )  # fmt: skip
        except (BotoCoreError, ClientError) as error:
            gone, said = False, f"The message {name} could not be taken back: {error}."
        self.say(said)
        if gone:
            return 0, ""
        return 0 if seen.before.outstanding else 1, said.removesuffix(".")

    def _read_log(self, began: datetime) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            lines = rollout.lines(self.clients("logs"), self.plan.worker.task_definition, began)
        except (BotoCoreError, ClientError) as error:
            self._note(verdict("network", "SKIP", f"the log could not be read: {error}"))
            return
        self.log = lines[-LOG_LINES:]
        self._note(smoke_checks.network(lines))
