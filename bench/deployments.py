"""Deployments over an unreliable network: ``python -m bench deployments``.

Each seed reviews and executes one change of a stack through a proxy that delays, throttles,
fails, drops, halves, repeats and outdates answers, and lets credentials expire. Whoever
was cut off does what the message says. Then it is looked at directly: the stack's state
against the exit code, that nothing acted twice, and that nothing is left behind.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from bench.person import NAME, STACK, TRIES, Person, impatient
from bench.proxy import Faults, Proxy
from workerstack import localaws
from workerstack.localaws import walkthrough

SEEDS = 500
CHANGES, REFUSED = 2, 3
SHARE = 0.12
QUEUE = "Resources:\n  Queue: {{Type: AWS::SQS::Queue, Properties: {{VisibilityTimeout: {}}}}}\n"
BROKEN = (
    "  Rule:\n    Type: AWS::EC2::SecurityGroupIngress\n    DependsOn: Queue\n    Properties:"
    " {GroupId: sg-0123456789abcdef0, IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 10.0.0.0/8}"
    "\n"
)


SERVICE = """
  Cluster: {Type: AWS::ECS::Cluster}
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: "256"
      Memory: "512"
      ContainerDefinitions: [{Name: worker, Image: worker}]
  Service:
    Type: AWS::ECS::Service
    Properties:
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Task
      LaunchType: FARGATE
      DesiredCount: 0
      AvailabilityZoneRebalancing: DISABLED
      NetworkConfiguration: {AwsvpcConfiguration: {Subnets: [subnet-0123456789abcdef0]}}
"""


class Kind(NamedTuple):
    """The template before, the one to deploy, and how that must end.

    ``cause`` is what the last message must name; ``times``, how often AWS must have acted.
    ``target`` is what else target.yaml says.
    """

    before: str | None
    after: str
    state: str
    code: int
    cause: str
    times: int = 1
    target: str = ""


ONE, OTHER = QUEUE.format(30), QUEUE.format(60)
KINDS = {
    "creation": Kind(None, ONE, "CREATE_COMPLETE", 0, "is CREATE_COMPLETE"),
    "update": Kind(ONE, OTHER, "UPDATE_COMPLETE", 0, "is UPDATE_COMPLETE"),
    "failing creation": Kind(None, ONE + BROKEN, "ROLLBACK_COMPLETE", 1, "cause: Rule"),
    "failing update": Kind(ONE, OTHER + BROKEN, "UPDATE_ROLLBACK_COMPLETE", 1, "cause: Rule"),
    "nothing to do": Kind(ONE, ONE, "CREATE_COMPLETE", 0, "No changes", 0),
    "discarded creation": Kind(None, ONE, "ABSENT", 0, "change set", 0),
    "discarded update": Kind(ONE, OTHER, "CREATE_COMPLETE", 0, "change set", 0),
    "creation again": Kind(ONE + BROKEN, ONE, "CREATE_COMPLETE", 0, "is CREATE_COMPLETE"),
    "protected creation": Kind(
        None,
        ONE,
        "CREATE_COMPLETE",
        0,
        "is CREATE_COMPLETE",
        target="termination-protection: true\n",
    ),
    "service": Kind(ONE, ONE + SERVICE, "UPDATE_COMPLETE", 0, "is UPDATE_COMPLETE"),
}


@dataclass(frozen=True)
class Result:
    """How one seed went; ``wrong`` is empty where all held."""

    seed: int
    kind: str
    codes: tuple[int, ...]
    faults: Counter[str]
    wrong: str


def checkout(folder: Path, account: str, kind: Kind) -> Path:
    """A folder with one deployment."""
    (folder / "out").mkdir()
    (folder / "params/dev").mkdir(parents=True)
    target = f'account: "{account}"\nregion: {walkthrough.REGION}\n{kind.target}'
    (folder / "params/dev/target.yaml").write_text(target)
    values = f"template-file-path: out/{STACK}.template.yaml\nparameters: {{}}\n"
    (folder / f"params/dev/{STACK}.yaml").write_text(values)
    (folder / f"out/{STACK}.template.yaml").write_text(kind.after)
    return folder


def one(seed: int, url: str) -> Result:
    """One seed against the endpoint at ``url``."""
    account = f"{seed + 1:012d}"
    name = list(KINDS)[seed % len(KINDS)]
    kind, faults = KINDS[name], Faults(seed, SHARE)
    with tempfile.TemporaryDirectory() as folder, Proxy(url, faults) as proxy, impatient():
        person = Person(checkout(Path(folder), account, kind), proxy)
        client = walkthrough.client("cloudformation", url, account)
        environment = {**walkthrough.credentials(proxy.url), "AWS_ACCESS_KEY_ID": account}
        with patch.dict(os.environ, environment):
            try:
                _prepare(client, kind)
                _carry_out(name, person)
                wrong = _judged(client, person, kind)
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
    return Result(seed, name, tuple(person.codes), faults.met, wrong)


def _prepare(client: Any, kind: Kind) -> None:
    """The stack of before, as this tool would have made it."""
    if not kind.before:
        return
    client.create_stack(
        StackName=STACK, TemplateBody=kind.before,
        Tags=[{"Key": "fargate-worker-stack", "Value": NAME}],
    )  # fmt: skip
    while _status(client).endswith("_IN_PROGRESS"):
        time.sleep(0.01)


def _status(client: Any) -> str:
    try:
        return str(client.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])
    except client.exceptions.ClientError as error:
        if "does not exist" not in str(error):
            raise
        return "ABSENT"


def _carry_out(name: str, person: Person) -> None:
    """Does as the messages say until all is said and done."""
    _review(person)
    if name.startswith("discarded"):
        person.persist("discard", person.review, until=lambda code: code == 0)
    elif person.codes[-1]:
        _execute(person)
    if person.is_told_to_drop_earlier_ones:
        person.proxy.quiet()
        person.aside("discard", NAME, "--yes")


def _review(person: Person) -> None:
    """Reviews; where the stack must go first, as the message says, deletes it."""
    words = ("review", NAME, "--output", person.review)

    def ended(code: int) -> bool:
        if f"deploy.py discard {NAME} --stack" in person.said and code == REFUSED:
            person.run("discard", NAME, "--stack", "--yes")
            return False
        return code in (0, CHANGES)

    person.persist(*words, until=ended)
    person.is_told_to_drop_earlier_ones = f"deploy.py discard {NAME}" in person.said


def _execute(person: Person) -> None:
    """Executes; and after a message that sends on, watches or executes again."""
    execute: tuple[str, ...] = ("execute", person.review, "--yes", "--uncommitted")
    words = execute
    for attempt in range(TRIES):
        code = person.run(*words)
        is_told_to_go_on = "same command again" in person.said or "deploy.py execute" in person.said
        if code in (0, 1) and f"{STACK} is " in person.said and not is_told_to_go_on:
            said = person.said
            if "is deployed, but not proved" in said:
                person.persist("prove", NAME, until=lambda code: code == 0)
                person.said = f"{said}\n{person.said}"
            return
        person.again(attempt)
        if is_told_to_go_on:
            words = execute
        elif "deploy.py watch" in person.said:
            words = ("watch", NAME)
    raise RuntimeError(f"it never ends: {person.said}")


def _judged(client: Any, person: Person, kind: Kind) -> str:
    """What is not as it must be; nothing, where all is."""
    if person.codes[-1] != kind.code:
        return f"the exit code is {person.codes[-1]} after {person.codes}: {person.said}"
    if kind.cause not in person.said:
        return f"the message does not name {kind.cause}: {person.said}"
    files = {path.name for path in person.root.iterdir()} - {"out", "params", "review.json"}
    if files:
        return f"it left {files}"
    status = _status(client)
    if status == kind.state == "ABSENT":
        return ""
    if status != kind.state:
        return f"the stack is {status} after {person.codes}: {person.said}"
    return _acted(client, kind) if status != "ABSENT" else ""


def _acted(client: Any, kind: Kind) -> str:
    """Whether AWS acted as often as it must, and no change set waits."""
    [stack] = client.describe_stacks(StackName=STACK)["Stacks"]
    events = client.describe_stack_events(StackName=stack["StackId"])["StackEvents"]
    begun = [
        each["ClientRequestToken"]
        for each in events
        if each["PhysicalResourceId"] == stack["StackId"]
        and each["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
        and each.get("ClientRequestToken")
    ]
    if len(begun) != kind.times:
        return f"it acted {len(begun)} times: {begun}"
    if "termination-protection" in kind.target and not stack.get("EnableTerminationProtection"):
        return "the stack is not protected"
    listed = client.list_change_sets(StackName=STACK)["Summaries"]
    left = [
        f"{each['ChangeSetName']} {each['ExecutionStatus']}"
        for each in listed
        if not each["ExecutionStatus"].startswith("EXECUTE")
    ]
    return f"left behind: {left}" if left else ""


def several(seeds: list[int]) -> list[Result]:
    """Many seeds against one endpoint of this process."""
    os.environ.update(walkthrough.credentials("http://127.0.0.1:9"))
    with localaws.start() as endpoint:
        return [one(seed, endpoint.url) for seed in seeds]


def main(count: int = SEEDS) -> int:
    """Prints what was met and what went wrong; 1 where anything did."""
    started = time.monotonic()
    workers = os.cpu_count() or 1
    shares = [list(range(first, count, workers)) for first in range(workers)]
    with ProcessPoolExecutor(workers) as pool:
        results = [result for part in pool.map(several, shares) for result in part]
    met: Counter[str] = sum((result.faults for result in results), Counter())
    wrong = [result for result in results if result.wrong]
    paths = Counter(result.codes for result in results)
    write = sys.stdout.write
    write(f"{len(results)} deployments in {time.monotonic() - started:.0f} s, {len(wrong)} wrong\n")
    write(f"faults met: {', '.join(f'{n} {kind}' for kind, n in met.most_common())}\n")
    for codes, number in paths.most_common(12):
        write(f"{number:5} times the exit codes {', '.join(map(str, codes))}\n")
    for result in wrong:
        write(f"seed {result.seed}, {result.kind}: {result.wrong}\n")
    return int(bool(wrong))
