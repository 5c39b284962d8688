"""Deployments over an unreliable network: ``python -m bench deployments``.

Each seed reviews and executes one change of a stack through a proxy that delays, throttles,
fails, drops, halves, repeats and outdates answers, and lets credentials expire. Whoever
was cut off does what the message says. Then it is looked at directly: the stack's state
against the exit code, that nothing acted twice, and that nothing is left behind.
"""

import io
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import localaws
from bench.proxy import Faults, Proxy
from deployer.clock import Clock
from localaws import walkthrough
from problem import Problem

SEEDS = 500
SHARE = 0.12
NAME = "dev/small"
STACK = "small"
QUICK = Clock(sleep=lambda _: time.sleep(0.002))
QUEUE = "Resources:\n  Queue: {{Type: AWS::SQS::Queue, Properties: {{VisibilityTimeout: {}}}}}\n"
BROKEN = (
    "  Rule:\n    Type: AWS::EC2::SecurityGroupIngress\n    DependsOn: Queue\n    Properties:"
    " {GroupId: sg-0123456789abcdef0, IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 10.0.0.0/8}"
    "\n"
)


class Kind(NamedTuple):
    """The template before, the one to deploy, and how that must end.

    ``cause`` is what the last message must name; ``times``, how often AWS must have acted.
    """

    before: str | None
    after: str
    state: str
    code: int
    cause: str
    times: int = 1


ONE, OTHER = QUEUE.format(30), QUEUE.format(60)
KINDS = {
    "creation": Kind(None, ONE, "CREATE_COMPLETE", 0, "is CREATE_COMPLETE"),
    "update": Kind(ONE, OTHER, "UPDATE_COMPLETE", 0, "is UPDATE_COMPLETE"),
    "failing creation": Kind(None, ONE + BROKEN, "ROLLBACK_COMPLETE", 1, "cause: Rule"),
    "failing update": Kind(ONE, OTHER + BROKEN, "UPDATE_ROLLBACK_COMPLETE", 1, "cause: Rule"),
    "nothing to do": Kind(ONE, ONE, "CREATE_COMPLETE", 0, "No changes", 0),
    "discarded creation": Kind(None, ONE, "ABSENT", 0, "change set", 0),
    "discarded update": Kind(ONE, OTHER, "CREATE_COMPLETE", 0, "change set", 0),
}


@dataclass(frozen=True)
class Result:
    """How one seed went; ``wrong`` is empty where all held."""

    seed: int
    kind: str
    codes: tuple[int, ...]
    faults: Counter[str]
    wrong: str


@dataclass
class Person:
    """Whoever sits in front of it: runs commands, keeps what they said."""

    root: Path
    said: str = ""

    def run(self, *words: str) -> int:
        """One command; its exit code."""
        import deploy

        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                arguments = [*words, "--root", str(self.root)]
                code = deploy.deploy.main(arguments, standalone_mode=False) or 0
            except Problem as problem:
                err.write(str(problem))
                code = problem.code
        self.said = out.getvalue() + err.getvalue()
        return int(code)


@cache
def _loader() -> Any:
    from botocore.loaders import Loader

    return Loader()


@contextmanager
def impatient() -> Iterator[None]:
    """Nobody sleeps: not our polls, not botocore's attempts; and models are read once."""
    import botocore.endpoint
    import botocore.loaders

    loader = _loader()

    class Time:
        time = staticmethod(time.time)
        sleep = staticmethod(lambda _: None)

    names = ("review", "operations")
    clocks = [patch(f"deployer.commands.{name}.Clock", lambda **_: QUICK) for name in names]
    with (
        patch.object(botocore.endpoint, "time", Time),
        patch.object(botocore.loaders, "create_loader", lambda *_: loader),
    ):
        for clock in clocks:
            clock.start()
        try:
            yield
        finally:
            for clock in clocks:
                clock.stop()


def checkout(folder: Path, account: str) -> Path:
    """A folder with one deployment."""
    (folder / "out").mkdir()
    (folder / "params/dev").mkdir(parents=True)
    target = f'account: "{account}"\nregion: {walkthrough.REGION}\n'
    (folder / "params/dev/target.yaml").write_text(target)
    values = f"template-file-path: out/{STACK}.template.yaml\nparameters: {{}}\n"
    (folder / f"params/dev/{STACK}.yaml").write_text(values)
    return folder


def one(seed: int, url: str) -> Result:
    """One seed against the endpoint at ``url``."""
    account = f"{seed + 1:012d}"
    kind = list(KINDS)[seed % len(KINDS)]
    faults = Faults(seed, SHARE)
    with tempfile.TemporaryDirectory() as name, Proxy(url, faults) as proxy, impatient():
        root = checkout(Path(name), account)
        client = walkthrough.client("cloudformation", url, account)
        environment = {**walkthrough.credentials(proxy.url), "AWS_ACCESS_KEY_ID": account}
        with patch.dict(os.environ, environment):
            if KINDS[kind].before:
                client.create_stack(
                    StackName=STACK, TemplateBody=KINDS[kind].before,
                    Tags=[{"Key": "fargate-worker-stack", "Value": NAME}],
                )  # fmt: skip
                client.get_waiter("stack_create_complete").wait(
                    StackName=STACK, WaiterConfig={"Delay": 0.01, "MaxAttempts": 500}
                )
            (root / f"out/{STACK}.template.yaml").write_text(KINDS[kind].after)
            person = Person(root)
            try:
                codes = _carried_out(kind, person, proxy)
                wrong = _judged(client, person, codes, KINDS[kind])
            except Exception as error:
                codes, wrong = (), f"{type(error).__name__}: {error}"
    return Result(seed, kind, codes, faults.met, wrong)


def _carried_out(kind: str, person: Person, proxy: Proxy) -> tuple[int, ...]:
    """Does as the messages say until all is said and done; the exit codes on the way."""
    review = str(person.root / "review.json")
    codes = [person.run("review", NAME, "--output", review)]
    if codes[-1] == 1:
        proxy.quiet()
        codes.append(person.run("review", NAME, "--output", review))
    if kind == "nothing to do":
        return tuple(codes)
    if kind.startswith("discarded"):
        codes.append(person.run("discard", review))
        if codes[-1]:
            proxy.quiet()
            codes.append(person.run("discard", review))
        return tuple(codes)
    return (*codes, *_executed(review, person, proxy))


def _executed(review: str, person: Person, proxy: Proxy) -> Iterator[int]:
    """Executes; and after a message that sends on, watches or executes again."""
    words: tuple[str, ...] = ("execute", review, "--yes", "--uncommitted")
    for _ in range(8):
        yield (code := person.run(*words))
        if code in (0, 1) and "small is " in person.said:
            return
        proxy.quiet()
        if "deploy.py watch" in person.said:
            words = ("watch", NAME)
    raise RuntimeError(f"it never ends: {person.said}")


def _judged(client: Any, person: Person, codes: tuple[int, ...], kind: Kind) -> str:
    """What is not as it must be; nothing, where all is."""
    if codes[-1] != kind.code:
        return f"the exit code is {codes[-1]} after {codes}: {person.said}"
    if kind.cause not in person.said:
        return f"the message does not name {kind.cause}: {person.said}"
    files = {path.name for path in person.root.iterdir()} - {"out", "params", "review.json"}
    if files:
        return f"it left {files}"
    if codes[:2] == (1, 2):
        # The first review was cut off, and the second one said how to drop what it left.
        person.run("discard", NAME, "--yes")
    try:
        [found] = client.describe_stacks(StackName=STACK)["Stacks"]
    except client.exceptions.ClientError:
        return "" if kind.state == "ABSENT" else "the stack is gone"
    if found["StackStatus"] != kind.state:
        return f"the stack is {found['StackStatus']} after {codes}: {person.said}"
    return _acted(client, found, kind)


def _acted(client: Any, stack: dict[str, Any], kind: Kind) -> str:
    """Whether AWS acted as often as it must, and no change set waits."""
    events = client.describe_stack_events(StackName=STACK)["StackEvents"]
    begun = [
        each["ClientRequestToken"]
        for each in events
        if each["PhysicalResourceId"] == stack["StackId"]
        and each["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
        and each.get("ClientRequestToken")
    ]
    if len(begun) != kind.times:
        return f"it acted {len(begun)} times: {begun}"
    listed = client.list_change_sets(StackName=STACK)["Summaries"]
    left = [each["ChangeSetName"] for each in listed if each["ExecutionStatus"] == "AVAILABLE"]
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
