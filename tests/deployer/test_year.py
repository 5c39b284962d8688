"""The year of a team on one stack: after each deployment all that is said agrees with AWS.

What AWS has is read here by itself, from its API, and so is what git has; nothing of this tool is
asked for it. Everything that is deployed goes through a network with faults.
"""

import json
import os
import random
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from bench.person import Person, impatient
from bench.proxy import Faults, Proxy
from tests import soak
from tests.deployer.test_recovery import BROKEN
from workerstack import localaws
from workerstack.localaws import pushing, walkthrough

NAME, STACK = "dev/webordinary-edit", "webordinary-edit"
VALUES, TEMPLATE = f"params/{NAME}.yaml", f"out/{STACK}.template.yaml"
DEPLOYMENTS = 100 if soak.IS_ON else 5
SHARE = 0.06
KINDS = ("value", "image", "step", "right", "rollback", "to", "failed", "two")
WEIGHTS = (5, 6, 3, 2, 3, 2, 2, 2)
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def parsed(said: str) -> Any:
    """The JSON at the beginning; what was said to people follows it."""
    assert said[:1] in "[{", said
    return json.JSONDecoder().raw_decode(said)[0]


class Team:
    """The people, their checkout, and what they know of what they did, newest last."""

    def __init__(self, root: Path, proxy: Proxy, client: Callable[[str], Any], seed: int) -> None:
        self.person, self.root, self.client = Person(root, proxy), root, client
        self.random = random.Random(seed)
        self.done: list[tuple[str, str]] = []
        """The commit that was deployed, or tried, and the state in which it ended."""
        self.git("init", "--quiet")
        self.git("config", "user.name", "A Person")
        self.git("config", "user.email", "person@example.com")
        (root / ".git/info/exclude").write_text(".reviews\n*.json\n")
        self.number = 0

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

    def template(self, pattern: str, replacement: str) -> None:
        file = self.root / TEMPLATE
        text, times = re.subn(pattern, replacement, file.read_text())
        assert times, pattern
        file.write_text(text)

    def faults(self, *, on: bool) -> None:
        self.person.proxy.sign_in()
        self.person.proxy.faults.on = on

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

    def back(self, *words: str) -> None:
        """Goes back, and has git say what is deployed by the commands that were printed."""
        file = self.reviewed("rollback", *words)
        found = re.search(r"Going back to revision ([0-9a-f]{7}) of ", self.person.said)
        assert found, self.person.said
        said = self.person.said
        self.executed(file, self.git("rev-parse", found[1]))
        lines = said.rpartition("To have git say what is deployed:")[2].splitlines()
        for line in lines:
            if line.strip().startswith("git "):
                self.git(*shlex.split(line)[1:])

    def go_on(self, kind: str) -> None:
        match kind:
            case "rollback" | "to":
                self.go_back(kind)
            case "failed":
                self.fail()
            case "two":
                self.two()
            case _:
                self.change(kind)

    def change(self, kind: str) -> None:
        now = self.random
        match kind:
            case "value":
                self.value("MaxTasks", now.randint(1, 9))
                self.value("LogRetentionDays", now.choice((30, 60, 90, 180)))
                self.value("TaskMemory", now.choice((4096, 5120, 6144, 7168)))
            case "image":
                tag = f"v{len(self.done)}"
                pushing.push(self.client("ecr"), "webordinary/claude-code-astro", tag)
                self.value("ImageReference", f'":{tag}"')
            case "step":
                self.template(r"StopTimeout: \d+", f"StopTimeout: {now.randint(60, 120)}")
            case "right":
                extra = f"- sqs:ListQueueTags{'' if now.random() < 0.5 else '*'}"
                self.template(r"- sqs:ReceiveMessage(\n +- sqs:ListQueueTags\*?)?",
                              f"- sqs:ReceiveMessage\n          {extra}")  # fmt: skip
        if self.git("status", "--porcelain"):
            self.deploy(kind)

    def go_back(self, kind: str) -> None:
        if kind == "rollback":
            if self.can_go_back():
                self.back()
            return
        names = [each["name"] for each in self.listed() if each["outcome"] == "deployed"]
        chosen = self.random.choice(names)
        if self.content(self.listed_commit(chosen)) != self.content(self.deployed()):
            self.back("--to", chosen)

    def fail(self) -> None:
        """An update that fails, and is reverted in git."""
        text = (self.root / TEMPLATE).read_text()
        self.value("MaxTasks", 11)
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
        self.faults(on=False)
        assert self.person.run("execute", one, "--yes") == 3, self.person.said
        self.git("reset", "--quiet", "--hard", theirs)

    def can_go_back(self) -> bool:
        contents = {self.content(commit) for commit, state in self.done if state in GOOD}
        return len(contents) > 1

    def content(self, commit: str) -> tuple[str, str]:
        return self.git("rev-parse", f"{commit}:{VALUES}"), self.git(
            "rev-parse", f"{commit}:{TEMPLATE}"
        )

    def listed(self) -> list[dict[str, Any]]:
        self.faults(on=False)
        assert self.person.run("rollback", NAME, "--list", "--format", "json") == 0
        found = parsed(self.person.said)
        assert isinstance(found, list)
        self.faults(on=True)
        return found

    def listed_commit(self, name: str) -> str:
        [row] = [each for each in self.listed() if each["name"] == name]
        return str(row["revision"])


def read(client: Callable[[str], Any]) -> list[tuple[str, str]]:
    """(token, last state) of each operation on the stack, newest first, as the API tells."""
    cloudformation = client("cloudformation")
    [stack] = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=STACK)
    found: dict[str, str] = {}
    for page in pages:
        for each in page["StackEvents"]:
            if each["PhysicalResourceId"] == stack["StackId"] and each.get("ClientRequestToken"):
                found.setdefault(each["ClientRequestToken"], each["ResourceStatus"])
    return list(found.items())


def check(team: Team) -> None:
    """What the tool says of the stack, against what git and AWS have."""
    rows = team.listed()
    there = read(team.client)
    assert [(f"{each['name']}-by-root", each["status"]) for each in rows] == there[:10]
    assert [state for _, state in there] == [state for _, state in reversed(team.done)]
    for row, (commit, state) in zip(rows, reversed(team.done), strict=False):
        assert row["status"] == state
        assert team.content(row["revision"]) == team.content(commit), row
        assert bool(row["cause"]) == (state not in GOOD)
    [deployed] = [each for each in rows if each["deployed"]]
    assert deployed == next(each for each in rows if each["status"] in GOOD)
    service = team.client("ecs").describe_services(
        cluster=f"{STACK}-cluster", services=[f"{STACK}-service"]
    )["services"][0]
    task = team.client("ecs").describe_task_definition(taskDefinition=service["taskDefinition"])
    images = [each["image"] for each in task["taskDefinition"]["containerDefinitions"]]
    assert deployed["images"] == images
    [stack] = team.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    template = team.client("cloudformation").get_template(StackName=STACK)["TemplateBody"]
    assert template == team.git("show", f"{team.deployed()}:{TEMPLATE}") + "\n"
    values = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    text = team.git("show", f"{team.deployed()}:{VALUES}")
    for name, value in re.findall(r"(?m)^  (MaxTasks|TaskMemory|ImageReference): (.*)$", text):
        assert values[name] == value.strip('"')
    assert team.content("HEAD") == team.content(team.deployed())
    team.faults(on=False)
    team.person.run("verify", NAME, "--format", "json")
    found = {each["id"]: each for each in parsed(team.person.said)}
    for each in ("stack", "template", "parameters"):
        assert found[each]["status"] == "PASS", found[each]
    team.person.run("review", NAME)
    assert "No changes" in team.person.said


@pytest.mark.soak
def test_the_year_of_a_team(
    checkout: Path, endpoint: localaws.Endpoint, client: Callable[[str], Any], account: str
) -> None:
    seed = int(os.environ.get("SEED", "1"))
    with Proxy(endpoint.url, Faults(seed, SHARE), page=60) as proxy, impatient():
        environment = {**walkthrough.credentials(proxy.url), "AWS_ACCESS_KEY_ID": account}
        with patch.dict(os.environ, environment):
            team = Team(checkout, proxy, client, seed)
            pushing.push(client("ecr"), "webordinary/claude-code-astro", "latest")
            commit = team.commit("the first")
            team.executed(team.reviewed("review"), commit, "CREATE_COMPLETE")
            check(team)
            first = [] if soak.IS_ON else ["image", "failed", "rollback", "two"]
            while len(team.done) < DEPLOYMENTS:
                team.faults(on=True)
                team.go_on(first.pop(0) if first else team.random.choices(KINDS, WEIGHTS)[0])
                check(team)
