"""What a specification refuses, each with what is written and what it is told; all at once."""

import ast
import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from awacs import s3
from awacs.aws import Allow, Statement

import templates
from examples.invoices.workers import INVOICES, REPORTS
from templates import workers
from workerstack.specification import (
    Alarms,
    Bucket,
    CachedImage,
    Egress,
    Errors,
    HealthCheck,
    ImportedQueue,
    Key,
    LogRouter,
    Network,
    OtherRepository,
    OwnQueue,
    ParameterPath,
    PublicImage,
    Right,
    Roles,
    Scheduled,
    Secret,
    SendTo,
    Sidecar,
    SpecificationError,
    Spot,
    Step,
    StoredParameter,
    Table,
    Topic,
    Ulimit,
    UseKey,
    Varying,
    Worker,
    Workspace,
)
from workerstack.specification.checked import mistakes_of

PLAIN = workers.THUMBNAILS
UNDECIDED = dataclasses.replace(PLAIN, protection=None, unprotected="")
"""Nothing is said of protection, so that a test may."""
ROOT = Path(__file__).parents[2]
DIGEST = "sha256:" + "0" * 64
ARN = "arn:aws:sqs:us-west-2:111122223333:orders"


def collector(**more: Any) -> Sidecar:
    return Sidecar(**{"name": "collector", "image": "x", "memory": 64, **more})


def statement(**more: Any) -> Statement:
    return Statement(**{"Sid": "Read", "Effect": Allow, "Action": [s3.GetObject], "Resource": ["*"],
                        **more})  # fmt: skip


def right(**more: Any) -> Right:
    return Right(intent="Reads", statement=statement(**more))


def varying(**more: Any) -> Varying:
    return Varying(**{"parameter": "Level", "description": "x", **more})


def router(**more: Any) -> LogRouter:
    return LogRouter(**{"image": "x", "options": {"Name": "stdout"}, **more})


REFUSED: list[tuple[Callable[[], dict[str, Any]], str]] = [
    # types
    (lambda: {"buckets": ("a.b")}, "Write buckets=('a.b',), with a comma: that makes it a tuple"),
    (lambda: {"buckets": ["a.b"]}, "instead of brackets"),
    (lambda: {"cpu": "256"}, "Write cpu=256 without quotes"),
    (lambda: {"cpu": True}, "cpu of Worker cannot be True: it is a whole number"),
    (lambda: {"name": None}, "name of Worker cannot be None"),
    (lambda: {"queue": "orders"}, "it is ImportedQueue or OwnQueue"),
    (lambda: {"steps": Step(upper=0, change=-1)}, "with a comma"),
    (lambda: {"architecture": "arm64"}, "it is one of 'X86_64', 'ARM64'"),
    (lambda: {"architecture": "ARM_64"}, "Did you mean 'ARM64'?"),
    (lambda: {"customize": "f"}, "Give a function"),
    (lambda: {"secrets": (Key(parameter="A", alias="b", protects="logs"),)}, "secrets[0] of"),
    (lambda: {"memroy": 512}, "Did you mean memory?"),
    (lambda: {"env": {}}, "Did you mean environment?"),
    (lambda: {"arch": "ARM64"}, "Did you mean architecture?"),
    (lambda: {"zzz": 512}, "Worker has no field zzz"),
    (lambda: {"queue": OwnQueue(600, max_receive_count=3)},  # type: ignore[call-arg]
     "OwnQueue takes no 600 without a name"),
    (lambda: {"queue": OwnQueue(visibility_timout=9)}, "Did you mean visibility_timeout?"),  # type: ignore[call-arg]
    (lambda: {"secrets": (Secret(variable="A"),)}, "Secret needs name"),  # type: ignore[call-arg]
    # environment
    (lambda: {"environment": {"A": 8}}, "environment['A'] of Worker cannot be 8"),
    (lambda: {"environment": {"A": 8}}, 'Write "8"'),
    (lambda: {"environment": {"A": True}}, 'Write "true"'),
    (lambda: {"environment": {"A": None}}, 'Leave it out, or write ""'),
    (lambda: {"environment": {"A": 1.5}}, 'Write "1.5"'),
    (lambda: {"environment": {"A B": "1"}}, "Variable 'A B' is impossible"),
    (lambda: {"environment": {"QUEUE_URL": "x"}}, "QUEUE_URL is set by the template"),
    (lambda: {"environment": {"A": "1"}, "secrets": (Secret(variable="A", name="b"),)},
     "The variable A has two values"),
    (lambda: {"environment": {"A": varying(parameter="a-b")}}, "Parameter 'a-b' is impossible"),
    (lambda: {"environment": {"A": varying(default="x", allowed=("y",))}}, "exclude it"),
    (lambda: {"environment": {"A": varying(pattern="(")}}, "it is no regular expression"),
    (lambda: {"environment": {"A": varying(), "B": varying(default="x")}}, "stands for two things"),
    (lambda: {"environment": {"A": varying(parameter="TaskCpu")}}, "TaskCpu stands for two"),
    # secrets and keys
    (lambda: {"secrets": (Secret(variable="1A", name="b"),)}, "Variable '1A'"),
    (lambda: {"secrets": (Secret(variable="A", name="b c"),)}, "Secret name 'b c'"),
    (lambda: {"secrets": (Secret(variable="A", name="token-AbCdEf"),)}, "found by its name"),
    (lambda: {"secrets": (Secret(variable="A", name="b", parameter="a_b"),)}, "Parameter 'a_b'"),
    (lambda: {"secrets": (Secret(variable="A", name="b", json_key="a:b"),)}, "json_key 'a:b'"),
    (lambda: {"secrets": (StoredParameter(variable="A", name="a b"),)}, "Stored parameter 'a b'"),
    (lambda: {"keys": (Key(parameter="A", alias="alias/b", protects="logs"),)}, "Alias 'alias/b'"),
    (lambda: {"keys": (Key(parameter="A", alias="b", protects="disks"),)},  # type: ignore[arg-type]
     "protects of Key cannot be 'disks'"),
    (lambda: {"keys": (Key(parameter="A", alias="a", protects="queue"),
                       Key(parameter="B", alias="b", protects="queue"))}, "Two keys protect"),
    # queues
    (lambda: {"queue": ImportedQueue(name="orders.fifo")}, "FIFO queues are not supported"),
    (lambda: {"queue": ImportedQueue(name="a", arns=(ARN,))}, "A queue is named twice"),
    (lambda: {"queue": ImportedQueue(arns=("arn:aws:sqs:orders",))}, "Queue ARN"),
    (lambda: {"queue": ImportedQueue(arns=(f"{ARN}.fifo",))}, "FIFO"),
    (lambda: {"queue": ImportedQueue(arns=(ARN, f"{ARN}-2"))}, "second of its account and Region"),
    (lambda: {"queue": OwnQueue(visibility_timeout=43_201)}, "Visibility timeout of 43201 s"),
    (lambda: {"queue": OwnQueue(max_receive_count=1001)}, "Maximum receive count 1001"),
    (lambda: {"more_queues": (OwnQueue(),)}, "The queues have the labels"),
    (lambda: {"more_queues": (OwnQueue(label="dead-letter"),)}, "the labels '', 'dead-letter'"),
    (lambda: {"more_queues": (OwnQueue(label="a-b"), OwnQueue(label="a--b"))}, "'a-b', 'a--b'"),
    (lambda: {"network": Network(egress=(Egress(description="x", prefix_list="X"),
                                         Egress(description="y", security_group="X")))},
     "The parameter X stands for two things"),
    (lambda: {"more_queues": (OwnQueue(label="A B"),)}, "label 'A B' is impossible"),
    (lambda: {"more_queues": tuple(OwnQueue(label=f"q{n}") for n in range(5))}, "6 queues of one"),
    (lambda: {"more_queues": (OwnQueue(label="b"),), "scale_in_on": "visible"}, "word for word"),
    (lambda: {"more_queues": (OwnQueue(label="b"),), "protection": "sidecar", "longest_job": 60},
     "the sidecar forwards to one queue"),
    # images
    (lambda: {"image_repository": ""}, "A worker has one image"),
    (lambda: {"image": PublicImage(name="ghcr.io/x/y", digest=DIGEST)}, "A worker has one image"),
    (lambda: {"image_repository": "X/y"}, "Repository 'X/y' is impossible"),
    (lambda: {"image_repository": "", "image": PublicImage(name="nginx", digest=DIGEST)},
     "it begins with its registry"),
    (lambda: {"image_repository": "", "image": PublicImage(name="ghcr.io/x/y", digest="1.2")},
     "a tag can be moved"),
    (lambda: {"image_repository": "", "image": OtherRepository(name="x", account="1")},
     "an account has twelve digits"),
    (lambda: {"image_repository": "",
              "image": OtherRepository(name="x", account="1" * 12, region="Frankfurt")},
     "Region 'Frankfurt'"),
    (lambda: {"image_repository": "", "image": CachedImage(prefix="Hub", name="x")},
     "Repository 'Hub' is impossible"),
    # size and capacity
    (lambda: {"cpu": 300}, "300 CPU units are impossible"),
    (lambda: {"memory": 4095}, "4095 MiB of memory"),
    (lambda: {"ephemeral_storage": 201}, "Ephemeral storage of 201 GiB"),
    (lambda: {"spot": Spot(on_demand_base=-1)}, "A base of -1 tasks"),
    (lambda: {"max_tasks": 5_001}, "ECS runs 5000 tasks"),
    (lambda: {"stop_timeout": 1}, "Stop timeout of 1 s"),
    (lambda: {"drained_minutes": 0}, "Scale-in after 0 minutes"),
    # container
    (lambda: {"working_directory": "app"}, "Working directory 'app'"),
    (lambda: {"ulimits": (Ulimit(name="nofile", soft=9, hard=8),)}, "A soft limit of 9"),
    (lambda: {"ulimits": (Ulimit(name="core", soft=1, hard=2),)}, "name of Ulimit cannot be"),  # type: ignore[arg-type]
    (lambda: {"ulimits": (Ulimit(name="nofile", soft=1, hard=2),) * 2}, "A limit is given twice"),
    (lambda: {"docker_labels": {"a": 1}}, "docker_labels['a'] of Worker cannot be 1"),
    (lambda: {"health_check": HealthCheck(command=("curl",))}, "it begins with CMD"),
    (lambda: {"health_check": HealthCheck(command=("CMD", "x"), interval=1)}, "An interval of 1"),
    (lambda: {"health_check": HealthCheck(command=("CMD", "x"), timeout=1)}, "A timeout of 1"),
    (lambda: {"health_check": HealthCheck(command=("CMD", "x"), retries=0)}, "0 retries"),
    (lambda: {"health_check": HealthCheck(command=("CMD", "x"), start_period=301)}, "A start of"),
    (lambda: {"scratch_paths": ("tmp",)}, "Scratch path 'tmp'"),
    (lambda: {"user": "a b"}, "User 'a b'"),
    (lambda: {"workspace": Workspace(mount_path="workspace")}, "Mount path 'workspace'"),
    # rights
    (lambda: {"buckets": ("*",)}, "Bucket '*' is impossible"),
    (lambda: {"buckets": ("s3://a",)}, "Bucket 's3://a'"),
    (lambda: {"rights": (Bucket(name="*", may="read"),)}, "Bucket '*' is impossible"),
    (lambda: {"rights": (Table(name="a*", may="read"),)}, "Table 'a*'"),
    (lambda: {"rights": (SendTo(queue=ARN),)}, "another one is a statement with its ARN"),
    (lambda: {"rights": (Topic(name="a b"),)}, "Topic 'a b'"),
    (lambda: {"rights": (UseKey(parameter="K", alias="k", may="all"),)}, "may of UseKey"),  # type: ignore[arg-type]
    (lambda: {"rights": (ParameterPath(path="/"),)}, "Parameter path '/'"),
    (lambda: {"rights": (Topic(name="a"), Topic(name="a"))}, "have the Sid PublishToA"),
    (lambda: {"statements": (Right(intent=" ", statement=statement()),)},
     "A statement has no intent"),
    (lambda: {"statements": (right(Sid="a b"),)}, "A statement has the Sid 'a b'"),
    (lambda: {"statements": (right(Resource=[]),)}, "has no Resource"),
    (lambda: {"statements": (right(Sid="ConsumeQueue"),)}, "have the Sid ConsumeQueue"),
    (lambda: {"statements": (statement(),)}, "statements[0] of Worker cannot be"),
    (lambda: {"statements": tuple(
        right(Sid=f"Read{n}", Resource=[f"arn:aws:s3:::{'x' * 60}/*"]) for n in range(90))},
     "10,240"),
    (lambda: {"roles": Roles(path="workers")}, "Role path 'workers'"),
    (lambda: {"roles": Roles(ready_made_task_role=True, ready_made_execution_role=True,
                             bounded=True)}, "A path or boundary without a role"),
    (lambda: {"roles": Roles(ready_made_task_role=True)}, "changes no role that it did not make"),
    # network
    (lambda: {"network": Network(egress=(Egress(description="x"),))}, "A way out to 0 places"),
    (lambda: {"network": Network(egress=(Egress(description="x", cidr="10.0.0.1/8"),))},
     "has host bits set"),
    (lambda: {"network": Network(egress=(Egress(description="x", cidr="::/0", port=0),))},
     "Ports 0 to 0"),
    (lambda: {"network": Network(egress=(Egress(description="ä", cidr="::/0"),))}, "plain letters"),
    (lambda: {"network": Network(egress=(Egress(description="x", cidr="::/0", port=80),))},
     "egress lets nothing out by tcp 443"),
    (lambda: {"network": Network(egress=(Egress(description="x", cidr="::/0"),), ipv6=True)},
     "egress and ipv6 disagree"),
    (lambda: {"network": Network(egress=(Egress(description="x", cidr="::/0"),) * 2)},
     "egress has the same rule twice"),
    (lambda: {"network": Network(egress=(Egress(description="x", cidr="::/0"),)),
              "workspace": Workspace(mount_path="/w")}, "egress lets nothing out by tcp 2049"),
    (lambda: {"network": Network(security_groups=("sg-1",))}, "Parameter 'sg-1'"),
    (lambda: {"network": Network(security_groups=("A",) * 2)}, "A security group is named twice"),
    (lambda: {"network": Network(security_groups=tuple("ABCDE"))}, "a task has at most 5"),
    (lambda: {"network": Network(endpoints=("sqs", "sqs"))}, "An endpoint is named twice"),
    (lambda: {"network": Network(endpoints=("ecr.dkr",))}, "comes without s3"),
    (lambda: {"network": Network(endpoints=("ecr",))}, "Did you mean"),  # type: ignore[arg-type]
    # sidecars and logs
    (lambda: {"sidecars": (collector(name="A"),)}, "name 'A' is impossible"),
    (lambda: {"sidecars": (collector(memory=5),)}, "5 MiB of a sidecar"),
    (lambda: {"sidecars": (collector(memory=510),)}, "leave the worker 2 MiB of 512"),
    (lambda: {"sidecars": (collector(cpu=257),)}, "more CPU units than the task's 256"),
    (lambda: {"sidecars": (collector(cpu=-1),)}, "-1 CPU units"),
    (lambda: {"sidecars": (collector(), collector())}, "Two containers have the name collector"),
    (lambda: {"sidecars": (collector(name="thumbnails"),)}, "Two containers have the name"),
    (lambda: {"sidecars": (collector(worker_waits="HEALTHY"),)}, "nothing says when"),
    (lambda: {"sidecars": (collector(worker_waits="SUCCESS", essential=True),)}, "has ended"),
    (lambda: {"sidecars": (collector(waits_for={"other": "START"}),)}, "which is no sidecar"),
    (lambda: {"sidecars": (collector(waits_for={"b": "HEALTHY"}), collector(name="b"))},
     "until b is healthy"),
    (lambda: {"sidecars": (collector(waits_for={"b": "SUCCESS"}),
                           collector(name="b", essential=True))}, "until b has ended"),
    (lambda: {"sidecars": (collector(waits_for={"b": "START"}),
                           collector(name="b", waits_for={"collector": "START"}))},
     "collector, b wait for each other"),
    (lambda: {"sidecars": (collector(environment={"A": 1}),)}, "environment['A'] of Sidecar"),
    (lambda: {"log_router": router(options={})}, "The log router has no options"),
    (lambda: {"log_router": router(configuration={"x": "y"})}, "FireLens has no option x"),
    (lambda: {"log_router": router(configuration={"config-file-type": "s3"})}, "from S3"),
    (lambda: {"log_router": router(memory=1)}, "1 MiB of a log router"),
    (lambda: {"log_router": router(), "errors": Errors(pattern="E")}, "errors and log_router"),
    # alarms, schedule, tags, names
    (lambda: {"alarms": Alarms(oldest_message=-1)}, "An age of -1 s"),
    (lambda: {"alarms": Alarms(nothing_processed=1_441)}, "A window of 1441 min"),
    (lambda: {"errors": Errors(pattern=" ")}, "A pattern of 1 characters"),
    (lambda: {"errors": Errors(pattern="E", at_least=0)}, "would always fire"),
    (lambda: {"errors": Errors(pattern="E", minutes=0)}, "A window of 0 min"),
    (lambda: {"log_retention_days": 8}, "Logs kept for 8 days"),
    (lambda: {"log_stream_prefix": "a:b"}, "Log stream prefix 'a:b'"),
    (lambda: {"log_group": "a b"}, "Log group 'a b'"),
    (lambda: {"log_group": "/x", "names": "generated"}, "log_group and names='generated'"),
    (lambda: {"schedule": (Scheduled(name="a", schedule="8am", min_tasks=1),)}, "Schedule '8am'"),
    (lambda: {"schedule": (Scheduled(name="a", schedule="cron(0 8 * * *)", min_tasks=1),)},
     "cron(...) with six fields"),
    (lambda: {"schedule": (Scheduled(name="a", schedule="rate(1 day)", min_tasks=9),)},
     "a wants 9 tasks of at most 5"),
    (lambda: {"schedule": (Scheduled(name="a", schedule="rate(1 day)", min_tasks=-1),)},
     "-1 tasks are impossible"),
    (lambda: {"schedule": (Scheduled(name="a", schedule="rate(1 day)", min_tasks=1),) * 2},
     "Two scheduled actions have one name"),
    (lambda: {"schedule": (Scheduled(name="a", schedule="rate(1 day)", min_tasks=1,
                                     timezone="here!"),)}, "Time zone 'here!'"),
    (lambda: {"tags": {"aws:x": "y"}}, "no name that begins with aws:"),
    (lambda: {"tags": {"x": ""}}, "The tag 'x' with the value '' is impossible"),
    (lambda: {"tags": {"x": "y" * 257}}, "The tag 'x'"),
    (lambda: {"tags": {f"t{n}": "x" for n in range(41)}}, "41 tags are too many"),
    (lambda: {"description": ""}, "A description of 0 bytes"),
    (lambda: {"name": "Edit Worker"}, "Worker name 'Edit Worker'"),
    (lambda: {"steps": ()}, "No step removes tasks"),
    (lambda: {"kept": {"TaskDefinition": {"Cpu": "256"}}}, "TaskDefinition.Cpu cannot be kept"),
    (lambda: {"kept": {"WorkerSecurityGroup": {"GroupNam": "x"}}}, "WorkerSecurityGroup.GroupName"),
    (lambda: {"kept": {"Cluster": {"ClusterName": "x"}}}, "Cluster.ClusterName cannot be kept as"),
    # protection
    (lambda: {"protection": "none"}, "protection='none' and unprotected='' disagree"),
    (lambda: {"protection": "sidecar"}, "A longest job of 0 s cannot be protected"),
    (lambda: {"protection": "worker", "longest_job": 60, "heartbeat": 600},
     "A heartbeat of 600 s extends nothing"),
    (lambda: {"protection": "sidecar", "longest_job": 60, "environment": {"QUEUE_URL": "x"}},
     "QUEUE_URL is the sidecar's"),
    # what only AWS would have said
    (lambda: {"environment": {"ECS_AGENT_URI": "http://x"}}, "ECS_AGENT_URI is set by ECS"),
    (lambda: {"log_group": "aws/orders"}, "not aws/ at its beginning"),
    (lambda: {"image_repository": "111122223333.dkr.ecr.us-west-2.amazonaws.com/a/b"},
     "name without registry"),
    (lambda: {"schedule": (Scheduled(name="a", schedule="cron(0 8 * * MON *)", min_tasks=1),)},
     "? as day or as weekday"),
    (lambda: {"schedule": (Scheduled(name="a", schedule="cron(0 8 ? * ? *)", min_tasks=1),)},
     "? as day or as weekday"),
    (lambda: {"schedule": (Scheduled(
        name="a", schedule="rate(1 day)", min_tasks=1, timezone="Europe/Berln"),)},
     "a name of the IANA list"),
    (lambda: {"scale_out_cooldown": -1}, "A negative cooldown"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_refusals(change: Callable[[], dict[str, Any]], words: str) -> None:
    with pytest.raises(SpecificationError) as caught:
        templates.build(dataclasses.replace(UNDECIDED, **change()))
    [mistake] = caught.value.mistakes
    assert words in str(mistake)
    assert (mistake.file, mistake.owner) != ("", "")
    assert mistake.line


def test_every_refusal_is_a_row() -> None:
    told = []
    for change, _ in REFUSED:
        with pytest.raises(SpecificationError) as caught:
            templates.build(dataclasses.replace(UNDECIDED, **change()))
        told += [each.what for each in caught.value.mistakes]
    found = list(refusals())
    assert len(found) > 90
    for pattern, place in found:
        assert any(re.fullmatch(pattern, each, re.DOTALL) for each in told), place


def refusals() -> Iterator[tuple[str, str]]:
    """What each Mistake of the room says, as a pattern, and where it stands."""
    for file in sorted((ROOT / "workerstack/specification").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Mistake":
                what = node.args[0]
                if isinstance(what, ast.JoinedStr):
                    parts = [
                        re.escape(str(each.value)) if isinstance(each, ast.Constant) else ".*"
                        for each in what.values
                    ]
                    yield "".join(parts), f"{file.name}:{node.lineno}"
                elif isinstance(what, ast.Constant):
                    yield re.escape(str(what.value)), f"{file.name}:{node.lineno}"


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(SpecificationError) as caught:
        Worker(  # type: ignore[call-arg]
            name="Bad Name",
            description="x",
            image_repository="x",
            queue=OwnQueue(visibility_timeout=0, max_receive_count="3"),  # type: ignore[arg-type]
            steps=(Step(upper=0, change=-1), Step(lower=3, change=+1)),
            memroy=1024,
            environment={"PORT": 8080, "A": None},  # type: ignore[dict-item]
            secrets=(Secret(variable="A", name="b c"),),
        )
    told = [each.what for each in caught.value.mistakes]
    assert set(told) == {
        "Worker has no field memroy",
        "Visibility timeout of 0 s is impossible",
        "max_receive_count of OwnQueue cannot be '3'",
        "environment['PORT'] of Worker cannot be 8080",
        "environment['A'] of Worker cannot be None",
        "Secret name 'b c' is impossible",
        "Worker name 'Bad Name' is impossible",
        "Step(upper=0, change=-1) and Step(lower=3, change=+1) leave a gap",
    }


def test_a_part_is_told_where_it_is_made() -> None:
    queue = OwnQueue(visibility_timeout=0)
    [mistake] = mistakes_of(queue)
    with pytest.raises(SpecificationError) as caught:
        dataclasses.replace(PLAIN, queue=queue)
    [told] = caught.value.mistakes
    assert (told.file, told.line) == (mistake.file, mistake.line)
    assert told.file.endswith("test_worker.py")


@pytest.mark.parametrize("worker", [*workers.ALL, INVOICES, REPORTS], ids=lambda each: each.name)
def test_the_same_specification_is_equal(worker: Worker) -> None:
    assert dataclasses.replace(worker) == worker


def default(field: "dataclasses.Field[Any]") -> Any:
    made = field.default_factory
    return field.default if made is dataclasses.MISSING else made()


def test_every_field_is_in_an_example() -> None:
    """But for some of scaling and protection, which other pages show."""
    everybody = (INVOICES, REPORTS, *workers.ALL)
    unused = {
        field.name
        for field in dataclasses.fields(Worker)
        if all(getattr(worker, field.name) == default(field) for worker in everybody)
    }
    assert unused == {
        "cluster", "heartbeat", "kept", "one_at_a_time", "scale_in_cooldown", "scale_in_on",
        "scale_out_cooldown",
    }  # fmt: skip
