"""The people of a team, who deploy one stack from one checkout, and what happens to them."""

import json
import random
import re
import shlex
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from bench.person import Person
from bench.proxy import Faults, Proxy
from tests import aws_cli
from tests.deployer.test_recovery import BROKEN
from tests.deployer.year_reader import LOG_GROUP, PLACE, REPOSITORY, STACK, Reader, parsed
from workerstack.localaws import pushing

NAME = f"dev/{STACK}"
VALUES, TEMPLATE = f"params/{NAME}.yaml", f"out/{STACK}.template.yaml"
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
SHARE, THROTTLED = 0.06, 0.5
LEFT = re.compile(r"aws ecs stop-task --cluster (\S+) --task (\S+)")
"""What a proof prints of a task that it could not stop."""


class Network(Faults):
    """The faults of an unreliable network; and at times AWS is asked too often."""

    is_throttling = False

    def next(self, action: str) -> str:
        """The fault of the next request."""
        if self.on and self.is_throttling and self._random.random() < THROTTLED:
            self.met["throttle"] += 1
            return "throttle"
        return super().next(action)


class Team:
    """The people, their checkout, and what they know of what they did, newest last."""

    def __init__(
        self,
        root: Path,
        proxy: Proxy,
        network: Network,
        client: Callable[[str], Any],
        chance: random.Random,
    ) -> None:
        self.person, self.root, self.network = Person(root, proxy), root, network
        self.reader = Reader(client)
        self.client, self.random = self.reader.client, chance
        self.done: list[tuple[str, str]] = []
        """The commit that was deployed, or tried, and the state in which it ended."""
        self.happened: Counter[str] = Counter()
        self.number = 0
        self._contents: dict[str, tuple[str, ...]] = {}
        self._pushed: dict[str, tuple[str, str]] = {}
        self.git("init", "--quiet")
        self.git("config", "user.name", "A Person")
        self.git("config", "user.email", "person@example.com")
        (root / ".git/info/exclude").write_text(".reviews\n*.json\n")

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root), *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def value(self, name: str, value: object) -> None:
        file = self.root / VALUES
        text = re.sub(rf"(?m)^  {name}: .*\n", "", file.read_text())
        file.write_text(text.replace("parameters:\n", f"parameters:\n  {name}: {value}\n", 1))

    def other(self, name: str, *values: int) -> None:
        """Gives a parameter another value than it has."""
        now = self.reader.values()[name]
        self.value(name, self.random.choice([each for each in values if str(each) != now]))

    def template(self, pattern: str, replacement: str) -> None:
        file = self.root / TEMPLATE
        text, times = re.subn(pattern, replacement, file.read_text())
        assert times, pattern
        file.write_text(text)

    def push(self, tag: str, mark: str = "") -> str:
        digest = pushing.push(self.client("ecr"), REPOSITORY, tag, mark=mark)
        self._pushed[digest] = self._pushed[tag] = (tag, mark)
        return digest

    def faults(self, *, on: bool) -> None:
        self.person.proxy.sign_in()
        self.network.on = on

    def quietly(self, *words: str, code: int) -> str:
        """What a command says that nothing disturbs, and that ends with this code."""
        self.faults(on=False)
        assert self.person.run(*words) == code, self.person.said
        self.faults(on=True)
        return self.person.said

    def reviewed(self, *words: str) -> str:
        """A review's file; what was said is `person.said`."""
        self.number += 1
        file = str(self.root / f"r{self.number}.json")
        self.person.persist(*words, NAME, "--output", file, until=lambda code: code in (0, 2))
        return file

    def executed(self, file: str, commit: str, state: str = "UPDATE_COMPLETE") -> None:
        """Executes as people do over a bad network: again, until it is known how it ended."""
        blocking = [
            f"--allow={each['id']}:{each['logical_id']}"
            for each in json.loads(Path(file).read_text())["review"]["findings"]
            if each["level"] == "blocking"
        ]
        for attempt in range(12):
            code = self.person.run("execute", file, "--yes", *blocking)
            if code in (0, 1) and f"{STACK} is {state}" in self.person.said:
                # A proof whose task could not be stopped is red, and prints what stops it.
                left = LEFT.search(self.person.said)
                if left:
                    self.client("ecs").stop_task(cluster=left[1], task=left[2])
                if left or "is deployed, but not proved" in self.person.said:
                    self.person.persist("prove", NAME, until=lambda code: code == 0)
                else:
                    assert code == (0 if state in GOOD else 1), self.person.said
                self.done.append((commit, state))
                return
            self.person.again(attempt)
        raise AssertionError(self.person.said)

    def deployed(self) -> str:
        """The commit that is deployed."""
        return next(commit for commit, state in reversed(self.done) if state in GOOD)

    def deploy(self, message: str) -> None:
        commit = self.commit(message)
        self.executed(self.reviewed("review"), commit)

    def go_on(self, kind: str) -> None:
        """One deployment of this kind, or more; or nothing where it is not possible now."""
        before = len(self.done)
        {
            "value": self.change_values, "image": self.new_image, "step": self.change_step,
            "right": self.change_right, "rollback": self.go_back, "to": self.go_back_to,
            "failed": self.fail, "two": self.two, "drift": self.drift, "moved": self.move_the_tag,
            "deleted": self.delete_the_image, "edited": self.edit_by_hand,
            "scaled": self.scale_meanwhile, "throttled": self.be_throttled,
        }[kind]()  # fmt: skip
        if len(self.done) > before:
            self.happened[kind] += 1

    def change_values(self) -> None:
        self.other("MaxTasks", *range(1, 10))
        self.other("LogRetentionDays", 30, 60, 90, 180)
        self.other("TaskMemory", 4096, 5120, 6144, 7168)
        self.deploy("value")

    def new_image(self) -> None:
        tag = f"v{len(self.done)}"
        self.push(tag)
        self.value("ImageReference", f'":{tag}"')
        self.deploy("image")

    def change_step(self) -> None:
        now = re.findall(r"StopTimeout: (\d+)", (self.root / TEMPLATE).read_text())[0]
        seconds = self.random.choice([each for each in range(60, 121) if str(each) != now])
        self.template(r"StopTimeout: \d+", f"StopTimeout: {seconds}")
        self.deploy("step")

    def change_right(self) -> None:
        text = (self.root / TEMPLATE).read_text()
        extra = "" if "sqs:ListQueueTags*" in text else "*"
        self.template(r"- sqs:ReceiveMessage(\n +- sqs:ListQueueTags\*?)?",
                      f"- sqs:ReceiveMessage\n          - sqs:ListQueueTags{extra}")  # fmt: skip
        self.deploy("right")

    def back(self, *words: str) -> None:
        """Goes back, and has git say what is deployed by the commands that were printed."""
        file = self.reviewed("rollback", *words)
        said = self.person.said
        found = re.search(r"Going back to revision ([0-9a-f]{7}) of ", said)
        assert found, said
        commit = self.git("rev-parse", found[1])
        image = str(self.written(commit).get("ImageReference", ":latest"))
        is_gone = self.reader.image(image) is None
        # Whether it is there is not known where the question was lost.
        assert is_gone == ("FAIL  image" in said) or "SKIP  image" in said, said
        if is_gone:
            self.push(*self._pushed[image[1:]])
            self.happened["pushed again"] += 1
        self.executed(file, commit)
        lines = said.rpartition("To have git say what is deployed:")[2].splitlines()
        for line in lines:
            if line.strip().startswith("git "):
                self.git(*shlex.split(line)[1:])

    def go_back(self) -> None:
        contents = {self.content(commit) for commit, state in self.done if state in GOOD}
        if len(contents) > 1:
            self.back()

    def go_back_to(self) -> None:
        rows = [each for each in self.listed() if each["outcome"] == "deployed"]
        now = self.content(self.deployed())
        chosen = [each for each in rows if self.content(each["revision"]) != now]
        if chosen:
            self.back("--to", str(self.random.choice(chosen)["name"]))

    def fail(self) -> None:
        """An update that fails, and is reverted in git."""
        text = (self.root / TEMPLATE).read_text()
        self.other("MaxTasks", *range(1, 10))
        rule = BROKEN.replace("DependsOn: Queue", "DependsOn: Cluster").strip("\n")
        (self.root / TEMPLATE).write_text(
            text.replace("\nResources:\n", f"\nResources:\n{rule}\n", 1)
        )
        commit = self.commit("what fails")
        self.executed(self.reviewed("review"), commit, "UPDATE_ROLLBACK_COMPLETE")
        self.git("revert", "--no-edit", "HEAD")

    def two(self) -> None:
        """Two people review at once; the second one to execute is refused."""
        self.value("MaxTasks", 20 + self.number)
        mine = self.commit("mine")
        one = self.reviewed("review")
        self.git("reset", "--quiet", "--hard", "HEAD~1")
        self.value("MaxTasks", 21 + self.number)
        theirs = self.commit("theirs")
        other = self.reviewed("review")
        self.executed(other, theirs)
        self.git("reset", "--quiet", "--hard", mine)
        self.quietly("execute", one, "--yes", code=3)
        self.git("reset", "--quiet", "--hard", theirs)

    def drift(self) -> None:
        """Somebody changes something in the console; a deployment comes, then it is put back."""
        target = self.reader.target()
        place = {each: target[each] for each in ("ServiceNamespace", "ResourceId",
                                                 "ScalableDimension")}  # fmt: skip
        most = target["MaxCapacity"] + 1
        names = [each["AlarmName"] for each in self.reader.alarms().values()]
        self.random.choice((
            lambda: self.client("logs").put_retention_policy(
                logGroupName=LOG_GROUP, retentionInDays=1),
            lambda: self.client("application-autoscaling").register_scalable_target(
                **place, MaxCapacity=most),
            lambda: self.client("cloudwatch").disable_alarm_actions(AlarmNames=names),
        ))()  # fmt: skip
        [what] = self.reader.drifted()
        self.change_step()
        assert self.reader.drifted() == {what}
        [line] = [each["next_step"] for each in parsed(
            self.quietly("verify", NAME, "--format", "json", code=1)
        ) if each["id"] == what]  # fmt: skip
        aws_cli.follow(line, self.client)
        self.happened[f"drift: {what}"] += 1

    def scale(self, tasks: int) -> None:
        """As the alarms do, through Application Auto Scaling."""
        self.client("ecs").update_service(
            cluster=PLACE["cluster"], service=PLACE["services"][0], desiredCount=tasks
        )

    def move_the_tag(self) -> None:
        """The deployed tag is pushed again: that is told, and shipped by its digest."""
        [image] = self.reader.images().values()
        if "@" in image:
            self.new_image()
            [image] = self.reader.images().values()
        tag = image.rpartition(":")[2]
        self.scale(1)
        self.scale(0)
        digest = self.push(tag, mark=f"moved {len(self.done)}")
        assert f":{tag} is another image" in self.quietly("review", NAME, code=2)
        told = parsed(self.quietly("status", NAME, "--format", "json", code=0))
        assert [each["means"] for each in told["moved"]] == [digest]
        self.is_next(f"./deploy.py ship {NAME} {tag}", told)
        self.ship(tag, digest)

    def is_next(self, step: str, told: dict[str, Any]) -> None:
        """That is what `status` says is next."""
        assert told["next_step"].endswith(step), told["next_step"]

    def ship(self, tag: str, digest: str) -> None:
        self.person.persist("ship", NAME, tag, "--uncommitted", until=lambda code: code == 2)
        assert self.written()["ImageReference"] == f"@{digest}"
        self.deploy(f"Ship {tag}")

    def delete_the_image(self) -> None:
        """A rule of the repository's lifecycle deletes what is deployed: told, and shipped anew."""
        [image] = self.reader.images().values()
        there = self.reader.image(image[image.index("@") if "@" in image else image.rindex(":") :])
        assert there is not None
        self.client("ecr").batch_delete_image(
            repositoryName=REPOSITORY, imageIds=[{"imageDigest": there["imageDigest"]}]
        )
        said = self.quietly("preflight", NAME, code=1)
        assert re.search("FAIL +image .* is not in its repository", said), said
        told = parsed(self.quietly("status", NAME, "--format", "json", code=0))
        assert [each["is_there"] for each in told["images"]] == [False]
        self.is_next(f"is not in ECR: ./deploy.py ship {NAME}", told)
        tag = f"v{len(self.done)}"
        self.ship(tag, self.push(tag))

    def edit_by_hand(self) -> None:
        """Somebody edits the params file after the review: nothing of that is deployed."""
        self.other("TaskMemory", 4096, 5120, 6144, 7168)
        commit = self.commit("edited")
        file = self.reviewed("review")
        self.other("MaxTasks", *range(1, 10))
        before = self.reader.operations()
        self.quietly("execute", file, "--yes", code=3)
        assert self.reader.operations() == before
        self.git("checkout", "--quiet", VALUES)
        self.executed(file, commit)

    def scale_meanwhile(self) -> None:
        """While it is deployed, messages come and the alarms start tasks: they are kept."""
        tasks = min(2, self.reader.target()["MaxCapacity"])

        def when(action: str) -> None:
            if action.endswith("ExecuteChangeSet"):
                self.scale(tasks)

        self.person.proxy.on_answer = when
        try:
            self.new_image()
        finally:
            self.person.proxy.on_answer = lambda _: None
        assert self.reader.counts()[0] == tasks, "the deployment has put the count back"

    def be_throttled(self) -> None:
        """Many others deploy in this account."""
        self.network.is_throttling = True
        try:
            self.change_values()
        finally:
            self.network.is_throttling = False

    def written(self, commit: str = "") -> dict[str, Any]:
        """The values of the params file, here or in a commit."""
        file = self.root / VALUES
        text = self.git("show", f"{commit}:{VALUES}") if commit else file.read_text()
        found: dict[str, Any] = yaml.safe_load(text)["parameters"]
        return found

    def content(self, commit: str) -> tuple[str, ...]:
        """What git has of the two files that are deployed."""
        if commit not in self._contents:
            found = self.git("rev-parse", f"{commit}:{VALUES}", f"{commit}:{TEMPLATE}")
            self._contents[commit] = tuple(found.split())
        return self._contents[commit]

    def listed(self) -> list[dict[str, Any]]:
        """The change log, as data."""
        said = self.quietly("rollback", NAME, "--list", "--format", "json", code=0)
        found = parsed(said)
        assert isinstance(found, list)
        return found
