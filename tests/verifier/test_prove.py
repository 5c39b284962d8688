"""A revision is proved at zero tasks: twelve faults are named, and messages are not lost."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError

from tests.commands.test_deploy import NAME, change
from tests.conftest import Run
from tests.smoke_worker import LOG_GROUP, QUEUE, SERVICE
from workerstack.deployer import aws_errors, stopped_tasks
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.deployer.service import EcsTask
from workerstack.localaws import pushing, surroundings, task_starts
from workerstack.localaws.task_starts import Program
from workerstack.verifier import prove, smoke_undo

Client = Callable[[str], Any]
Body = dict[str, Any]
REPOSITORY = "webordinary/claude-code-astro"


class World:
    """The worker, deployed and at zero, and what a fault changes about it."""

    def __init__(self, client: Client, account: str, things: surroundings.Surroundings) -> None:
        self.client, self.account, self.things = client, account, things
        self.ecs = client("ecs")
        self.image = f"{account}.dkr.ecr.us-west-2.amazonaws.com/{REPOSITORY}"

    @property
    def service(self) -> Any:
        [found] = self.ecs.describe_services(
            cluster=SERVICE["cluster"], services=[SERVICE["service"]]
        )["services"]
        return found

    @contextmanager
    def revised(self, change: Callable[[Body], None]) -> Iterator[None]:
        """The service has a revision that differs by this."""
        before = self.service["taskDefinition"]
        found = self.ecs.describe_task_definition(taskDefinition=before)["taskDefinition"]
        names = (
            "family", "taskRoleArn", "executionRoleArn", "networkMode", "volumes", "cpu", "memory",
            "containerDefinitions", "requiresCompatibilities", "runtimePlatform",
        )  # fmt: skip
        body = {name: found[name] for name in names if name in found}
        change(body)
        made = self.ecs.register_task_definition(**body)["taskDefinition"]["taskDefinitionArn"]
        self.ecs.update_service(**SERVICE, taskDefinition=made)
        yield
        self.ecs.update_service(**SERVICE, taskDefinition=before)

    @contextmanager
    def program(self, program: Program) -> Iterator[None]:
        """The image is of a program that does this."""
        task_starts.behave(self.account, f"{self.image}:latest", program)
        yield
        task_starts.forget()


def secret(source: str) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        body["containerDefinitions"][0]["secrets"] = [{"name": "TOKEN", "valueFrom": source}]

    return change


@contextmanager
def no_image(world: World) -> Iterator[None]:
    def change(body: Body) -> None:
        body["containerDefinitions"][0]["image"] = f"{world.image}@sha256:{'0' * 64}"

    with world.revised(change):
        yield


@contextmanager
def wrong_architecture(world: World) -> Iterator[None]:
    """None of the image's variants is for the task's processor, so nothing is pulled."""
    ecr = world.client("ecr")
    pushing.push_index(ecr, REPOSITORY, "latest", ["linux/arm64"])
    yield
    pushing.push(ecr, REPOSITORY, "latest")


@contextmanager
def wrong_single_architecture(world: World) -> Iterator[None]:
    """An image that is no index is pulled, and then cannot be executed."""
    ecr = world.client("ecr")
    pushing.push(ecr, REPOSITORY, "latest", platform="linux/arm64")
    yield
    pushing.push(ecr, REPOSITORY, "latest")


@contextmanager
def no_secret(world: World) -> Iterator[None]:
    name = world.things.secret_arn
    world.client("secretsmanager").delete_secret(SecretId=name, RecoveryWindowInDays=7)
    yield
    world.client("secretsmanager").restore_secret(SecretId=name)


@contextmanager
def no_key_in_secret(world: World) -> Iterator[None]:
    arn = world.things.secret_arn
    world.client("secretsmanager").put_secret_value(SecretId=arn, SecretString='{"token": "x"}')
    with world.revised(secret(f"{arn}:password::")):
        yield


@contextmanager
def no_right_to_key(world: World) -> Iterator[None]:
    manager = world.client("secretsmanager")
    key = world.client("kms").create_key()["KeyMetadata"]["Arn"]
    manager.update_secret(SecretId=world.things.secret_arn, KmsKeyId=key)
    yield
    manager.update_secret(SecretId=world.things.secret_arn, KmsKeyId="alias/aws/secretsmanager")


@contextmanager
def no_mount_target(world: World) -> Iterator[None]:
    efs = world.client("efs")
    system = world.things.file_system_id
    targets = efs.describe_mount_targets(FileSystemId=system)["MountTargets"]
    for each in targets:
        efs.delete_mount_target(MountTargetId=each["MountTargetId"])
    yield
    for each in targets:
        efs.create_mount_target(
            FileSystemId=system, SubnetId=each["SubnetId"],
            SecurityGroups=[world.things.file_system_security_group_id],
        )  # fmt: skip


@contextmanager
def nfs_closed(world: World) -> Iterator[None]:
    """The mount targets have a group that lets nobody in."""
    efs, system = world.client("efs"), world.things.file_system_id
    targets = efs.describe_mount_targets(FileSystemId=system)["MountTargets"]

    def give(group: str) -> None:
        for each in targets:
            efs.modify_mount_target_security_groups(
                MountTargetId=each["MountTargetId"], SecurityGroups=[group]
            )

    give(world.things.load_balancer_security_group_id)
    yield
    give(world.things.file_system_security_group_id)


@contextmanager
def no_route(world: World) -> Iterator[None]:
    ecs, network = world.ecs, world.service["networkConfiguration"]
    closed = {**network["awsvpcConfiguration"], "assignPublicIp": "DISABLED"}
    ecs.update_service(**SERVICE, networkConfiguration={"awsvpcConfiguration": closed})
    yield
    ecs.update_service(**SERVICE, networkConfiguration=network)


@contextmanager
def log_group_gone(world: World) -> Iterator[None]:
    world.client("logs").delete_log_group(logGroupName=LOG_GROUP)
    yield
    world.client("logs").create_log_group(logGroupName=LOG_GROUP)


@contextmanager
def exits_at_once(world: World) -> Iterator[None]:
    with world.program(Program(3, ("Error: Cannot find module '/app/worker.js'",))):
        yield


@contextmanager
def out_of_memory(world: World) -> Iterator[None]:
    with world.program(Program(memory=8192)):
        yield


@contextmanager
def read_only_root(world: World) -> Iterator[None]:
    def change(body: Body) -> None:
        body["containerDefinitions"][0]["readonlyRootFilesystem"] = True

    with world.program(Program(writes=("/var/cache/x",))), world.revised(change):
        yield


FAULTS = (
    (no_image, "image-missing", "start", "is not in its registry"),
    (wrong_architecture, "architecture", "start", "no variant for linux/amd64"),
    (wrong_single_architecture, "architecture", "up", "exec format error"),
    (no_secret, "secret-missing", "start", "does not exist"),
    (no_key_in_secret, "secret-key-missing", "start", "has no JSON key password"),
    (no_right_to_key, "key-denied", "start", "may not decrypt"),
    (no_mount_target, "mount-target-missing", "start", "has no mount target in the zone"),
    (nfs_closed, "nfs-closed", "start", "TCP 2049"),
    (no_route, "no-route", "start", "cannot reach"),
    (log_group_gone, "log-group-missing", "start", "the log group does not exist"),
    (exits_at_once, "exits-at-once", "up", "exited with 3"),
    (out_of_memory, "out-of-memory", "up", "exited with 137"),
    (read_only_root, "read-only-root", "up", "which is read-only"),
)
"""The fault, what it is named, the check that fails, and what is said."""


@pytest.fixture
def world(
    deployed_worker: Path, client: Client, account: str, things: surroundings.Surroundings
) -> Iterator[World]:
    assert deployed_worker
    made = World(client, account, things)
    made.ecs.update_service(**SERVICE, desiredCount=0)  # CloudFormation begins with one task
    yield made
    task_starts.forget()


def test_a_deployment_may_go_without_its_proof(command: Run, checkout: Path) -> None:
    file = str(checkout / "r.json")
    assert command("review", NAME, "--output", file)[0] == 2
    code, out, err = command("execute", file, "--no-proof")
    assert code == 0, (out, err)


def proved(
    clients: Clients, sleep: Callable[[float], None] = lambda _: None
) -> tuple[prove.Proof, int]:
    """A proof, and how often it waited."""
    slept: list[float] = []

    def wait(seconds: float) -> None:
        slept.append(seconds)
        sleep(seconds)

    [stack] = clients("cloudformation").describe_stacks(StackName="webordinary-edit")["Stacks"]
    plan = prove.plan(NAME, clients, stack["StackId"])
    run = prove.Proof(plan, clients, Clock(sleep=wait), lambda _: None)
    with smoke_undo.held() as held:
        run.run(held)
    return run, len(slept)


def test_each_fault_is_named_at_the_first_look(world: World, clients: Clients) -> None:
    run, _ = proved(clients)
    assert {each.id: each.status for each in run.checks} == dict.fromkeys(prove.CRITERIA, "PASS")
    wrong = []
    for fault, wanted, place, said in FAULTS:
        with fault(world):
            run, waited = proved(clients)
        red = {each.id: each for each in run.checks if each.status == "FAIL"}
        found = run.meaning.id if run.meaning else None
        text = f"{red[place].evidence} {run.log}" if place in red else str(run.checks)
        if found != wanted or list(red) != [place] or said not in text or waited:
            wrong.append((fault.__name__, found, waited, text))
        else:
            assert red[place].next_step.endswith(f"To go back: ./deploy.py rollback {NAME}")
    assert not wrong, "\n".join(map(str, wrong))
    # All is as before, and nothing was left running.
    run, _ = proved(clients)
    assert {each.status for each in run.checks} == {"PASS"}
    assert not world.ecs.list_tasks(cluster=SERVICE["cluster"])["taskArns"]


def test_execute_proves_a_new_revision_and_says_how_to_go_back(
    world: World, command: Run, checkout: Path
) -> None:
    """Red through the command: exit 1, the reason, the last lines, the command; nothing runs."""
    image = f"{world.image}:latest"
    task_starts.behave(world.account, image, Program(3, ("no module /app/x.js",)))
    change(checkout, "tags:\n", "  TaskMemory: 8192\ntags:\n")
    file = str(checkout / "r.json")
    command("review", NAME, "--output", file)
    code, out, err = command("execute", file)
    assert code == 1
    assert "FAIL  up" in out
    assert "the container ended by itself" in out
    assert "exited with 3" in out
    assert f"./deploy.py rollback {NAME}" in out
    assert "    | no module /app/x.js" in err
    task_starts.behave(world.account, image, Program(0, ("nothing to do",)))
    code, out, _ = command("prove", NAME)
    assert code == 0
    assert "ended with 0" in out
    target = checkout / "params/dev/target.yaml"
    target.write_text(target.read_text() + "prove: false\n")
    code, _, err = command("prove", NAME)
    assert code == 3
    assert "says `prove: false`" in err


def test_where_tasks_run_the_rollout_is_the_proof(world: World, command: Run) -> None:
    world.ecs.update_service(**SERVICE, desiredCount=1)
    before = len(world.ecs.list_tasks(cluster=SERVICE["cluster"])["taskArns"])
    code, out, _ = command("prove", NAME, "--format", "json")
    assert code == 0
    [row] = json.loads(out)
    assert row["status"] == "PASS"
    assert "runs in the service" in row["evidence"]
    assert len(world.ecs.list_tasks(cluster=SERVICE["cluster"])["taskArns"]) == before


def test_a_task_that_works_on_a_message_is_left_until_it_is_done(
    world: World, clients: Clients
) -> None:
    sqs = world.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a job")
    [stack] = clients("cloudformation").describe_stacks(StackName="webordinary-edit")["Stacks"]
    said: list[str] = []

    def sleep(_: float) -> None:
        if said[1:]:
            sqs.purge_queue(QueueUrl=url)  # the job is done, and its message deleted

    plan = prove.plan(NAME, clients, stack["StackId"])
    with world.program(Program(takes=True)):
        run = prove.Proof(plan, clients, Clock(sleep=sleep), said.append)
        with smoke_undo.held() as held:
            run.run(held)
        assert "works on a message" in said[1]
        assert [each.status for each in run.checks] == ["PASS"] * 4
        # One that goes on for too long is stopped, and what that means is said.
        sqs.send_message(QueueUrl=url, MessageBody="a long job")
        run, _ = proved(clients)
    last = run.checks[-1]
    assert (last.id, last.status) == ("messages", "SKIP")
    assert "comes back after the visibility timeout" in last.evidence
    assert not world.ecs.list_tasks(cluster=SERVICE["cluster"])["taskArns"]


def test_a_proof_that_is_interrupted_stops_its_task(world: World, clients: Clients) -> None:
    [stack] = clients("cloudformation").describe_stacks(StackName="webordinary-edit")["Stacks"]
    plan = prove.plan(NAME, clients, stack["StackId"])

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    run = prove.Proof(plan, clients, Clock(sleep=interrupt), lambda _: None)
    with pytest.raises(KeyboardInterrupt), smoke_undo.held() as held:
        run.run(held)
    assert not world.ecs.list_tasks(cluster=SERVICE["cluster"])["taskArns"]


def test_what_a_killed_proof_left_is_stopped_by_the_next(world: World, clients: Clients) -> None:
    [stack] = clients("cloudformation").describe_stacks(StackName="webordinary-edit")["Stacks"]
    plan = prove.plan(NAME, clients, stack["StackId"])
    [left] = world.ecs.run_task(**prove.request(plan, "left"))["tasks"]

    def at(hours: int) -> list[str]:
        said: list[str] = []
        then = datetime.now(UTC) + timedelta(hours=hours)
        run = prove.Proof(plan, clients, Clock(lambda: then, lambda _: None), said.append)
        with smoke_undo.held() as held:
            run.run(held)
        return said

    assert "earlier proof" not in " ".join(at(0))  # it may be one at work
    assert world.ecs.list_tasks(cluster=SERVICE["cluster"])["taskArns"] == [left["taskArn"]]
    assert "which an earlier proof had left" in at(2)[0]
    assert not world.ecs.list_tasks(cluster=SERVICE["cluster"])["taskArns"]


class Portal:
    """Answers some requests of an operation instead of AWS, as a network's sign-in page does."""

    def __init__(self, clients: Clients, service: str, operation: str, times: int) -> None:
        self.times, self.asked = times, 0
        clients(service).meta.events.register(f"before-send.{service}.{operation}", self._answer)

    def _answer(self, request: Any, **_: Any) -> AWSResponse | None:
        self.asked += 1
        if self.asked > self.times:
            return None
        raw: Any = type("Raw", (), {"stream": lambda _: iter([b"<html>Sign in</html>"])})()
        headers = HTTPHeaders.from_pairs([("Content-Type", "text/html")])
        return AWSResponse(request.url, 407, headers, raw)


@pytest.mark.usefixtures("world")
def test_an_answer_that_is_not_of_aws_is_no_failed_start(clients: Clients) -> None:
    Portal(clients, "ecs", "RunTask", 1)
    with pytest.raises(ClientError) as raised:
        proved(clients)
    assert aws_errors.is_passing(raised.value)


def test_a_lost_answer_neither_ends_a_job_nor_leaves_the_task(
    world: World, clients: Clients
) -> None:
    """The third count of the queue is the first one while the task works on its message."""
    sqs = world.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a job")
    stopping = Portal(clients, "ecs", "StopTask", 1)
    counting = Portal(clients, "sqs", "GetQueueAttributes", 0)
    in_flight: list[str] = []
    name = "ApproximateNumberOfMessagesNotVisible"

    def sleep(_: float) -> None:
        counting.times = 2 if counting.asked == 1 else counting.times
        if counting.asked == 2 and stopping.asked == 0:
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
            in_flight.append(counts[name])
            sqs.purge_queue(QueueUrl=url)

    with world.program(Program(takes=True)):
        run, _ = proved(clients, sleep)
    assert in_flight == ["1"]
    assert (counting.asked, stopping.asked) == (3, 2)
    assert [each.status for each in run.checks] == ["PASS"] * 4
    assert not world.ecs.list_tasks(cluster=SERVICE["cluster"])["taskArns"]


@pytest.mark.parametrize(
    ("codes", "well"),
    [
        ((("worker", 0),), True),
        ((("worker", 0), ("sidecar", 143)), True),
        ((("worker", 1), ("sidecar", 0)), False),
        ((("worker", 143), ("sidecar", 0)), False),
        ((("worker", 0), ("sidecar", 137)), False),
        ((), False),
    ],
)
def test_a_task_ends_well_with_its_essential_container(
    codes: tuple[tuple[str, int], ...], well: bool
) -> None:
    task = EcsTask("", "", "STOPPED", exit_codes=codes)
    assert prove.ended_well(task, frozenset({"worker"})) is well


TEXTS = (
    ("CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve"
     " ref docker.io/library/none:latest: docker.io/library/none:latest: not found",
     "image-missing"),
    ("CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy:"
     " httpReadSeeker: failed open: failed to do request: Get \"https://prod-us-west-2-starport-layer-bucket.s3\":"
     " dial tcp 52.218.1.1:443: i/o timeout", "no-route"),
    ("CannotPullContainerError: inspect image has been retried 1 time(s): failed to resolve ref"
     " \"docker.io/library/nginx:latest\": unexpected status code: 429 Too Many Requests -"
     " Server message: toomanyrequests: You have reached your pull rate limit.", "image-limit"),
    ("CannotPullContainerError: failed to register layer: write /usr/x: no space left on device",
     "disk-full"),
    ("ResourceInitializationError: unable to pull secrets or registry auth: execution resource"
     " retrieval failed: unable to get registry auth from ecr: service call has been retried 1"
     " time(s): AccessDeniedException: User: arn:aws:sts::1:assumed-role/r/s is not authorized to"
     " perform: ecr:GetAuthorizationToken on resource: *", "image-denied"),
    ("ResourceInitializationError: unable to pull secrets or registry auth: execution resource"
     " retrieval failed: unable to retrieve secret from asm: service call has been retried 5"
     " time(s): failed to fetch secret arn:aws:secretsmanager:us-west-2:1:secret:a-b from secrets"
     " manager: RequestCanceled: request context canceled caused by: context deadline exceeded",
     "no-route"),
    ("ResourceInitializationError: unable to pull secrets or registry auth: execution resource"
     " retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1"
     " time(s): AccessDeniedException: User: arn:aws:sts::1:assumed-role/r/s is not authorized to"
     " perform: ssm:GetParameters on resource: arn:aws:ssm:us-west-2:1:parameter/x",
     "secret-denied"),
    ("ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes:"
     " stderr: b'mount.nfs4: access denied by server while mounting 127.0.0.1:/'", "mount-denied"),
    ("ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes:"
     " stderr: Mount attempt 1/3 failed due to timeout after 15 sec", "nfs-closed"),
    ("CannotStartContainerError: ResourceInitializationError: failed to create new container"
     " runtime task: failed to create shim task: OCI runtime create failed: exec: \"nod\":"
     " executable file not found in $PATH", "command-missing"),
    ("Capacity is unavailable at this time. Please try again later or in a different availability"
     " zone", "no-capacity"),
    ("ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided for this task.",
     "role-not-assumed"),
    ("You've reached the limit on the number of vCPUs you can run concurrently", "quota"),
    ("CannotPullContainerError: context canceled", "image-not-pulled"),
    ("ResourceInitializationError: unable to pull secrets or registry auth: execution resource"
     " retrieval failed: unable to retrieve secret from asm: service call has been retried 1"
     " time(s): invalid character 't' looking for beginning of value", "secret-not-json"),
    ("ResourceInitializationError: unable to pull secrets or registry auth: execution resource"
     " retrieval failed: unable to retrieve secret from asm: KMSInvalidStateException: KMS key"
     " arn:aws:kms:us-west-2:1:key/k is pending deletion", "key-disabled"),
    ("ResourceInitializationError: unable to pull secrets or registry auth: execution resource"
     " retrieval failed: unable to retrieve secrets from ssm: service call has been retried 1"
     " time(s): invalid ssm parameters: /webordinary/token", "parameter-missing"),
    ("ResourceInitializationError: failed to validate logger args: create stream has been retried"
     " 1 times: failed to create Cloudwatch log stream: AccessDeniedException: User:"
     " arn:aws:sts::1:assumed-role/r/s is not authorized to perform: logs:CreateLogStream on"
     " resource: arn:aws:logs:us-west-2:1:log-group:/x:log-stream:y", "log-denied"),
    ("ResourceInitializationError: failed to download env files: file download command: non empty"
     " error stream: AccessDenied: Access Denied", "environment-file"),
    ("ResourceInitializationError: failed to invoke EFS utils commands to set up EFS volumes:"
     " stderr: unsuccessful EFS utils command execution; code: 1", "mount-failed"),
    ("Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-1':"
     " InsufficientFreeAddressesInSubnet", "no-address"),
    ("Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-1':"
     " InvalidSubnetID.NotFound", "network-interface"),
    ("Your Spot Task was interrupted.", "spot-interrupted"),
    ("Task failed container health checks", "health-check"),
    ("CannotStartContainerError: failed to get container status: deadline", "container-start"),
    ("Something that AWS says from tomorrow on", "unknown"),
)  # fmt: skip
"""What ECS says, as people have reported it, and what it is named."""


@pytest.mark.parametrize(("reason", "wanted"), TEXTS, ids=[name for _, name in TEXTS])
def test_what_ecs_says_is_named(reason: str, wanted: str) -> None:
    assert stopped_tasks.meaning(EcsTask("", "", "STOPPED", reason=reason)).id == wanted


EXITED = "Essential container in task exited"
ENDINGS = (
    (137, (), "killed"),
    (139, ("Segmentation fault",), "crashed"),
    (143, (), "terminated"),
    (127, ("sh: nod: not found",), "command-missing"),
    (1, ("AccessDenied: User: arn:aws:sts::1:assumed-role/task/x is not authorized to perform:"
         " s3:PutObject",), "not-allowed"),
    (1, ("Error: connect ENETUNREACH 52.1.1.1:443",), "no-route"),
    (1, ("touch: /etc/x: Read-only file system",), "read-only-root"),
    (1, ("Traceback (most recent call last):",), "exits-at-once"),
)  # fmt: skip
"""The exit code of a container, its last lines, and what that is named."""


@pytest.mark.parametrize(("code", "lines", "wanted"), ENDINGS)
def test_how_a_container_ended_is_named(code: int, lines: tuple[str, ...], wanted: str) -> None:
    reason = f"{EXITED}; worker exited with {code}"
    task = EcsTask("", "", "STOPPED", reason=reason, exit_codes=(("worker", code),))
    assert stopped_tasks.meaning(task, lines).id == wanted


def test_each_name_of_the_table_has_a_case() -> None:
    """No row stands behind one that takes all that it is for."""
    cases = {name for _, name, _, _ in FAULTS} | {name for _, name in TEXTS}
    cases |= {name for _, _, name in ENDINGS}
    assert {row.id for row in stopped_tasks.TABLE} - cases == set()
