"""The year of a team on one stack: after each deployment all that is said agrees with AWS.

What AWS has is read by ``Reader``, from its API, and so is what git has; nothing of this tool is
asked for it. Everything that is deployed goes through a network with faults.
"""

import ast
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from bench.person import impatient
from bench.proxy import Proxy
from tests import soak
from tests.deployer import year_reader
from tests.deployer.year_reader import parsed
from tests.deployer.year_team import GOOD, NAME, SHARE, TEMPLATE, Network, Team
from workerstack import localaws
from workerstack.localaws import walkthrough

DEPLOYMENTS = 100
SHORT = ("image", "failed", "rollback")
KINDS = {
    "value": 4, "image": 4, "step": 3, "right": 2, "rollback": 3, "to": 2, "failed": 2, "two": 2,
    "drift": 2, "moved": 1, "deleted": 1, "edited": 1, "scaled": 1, "throttled": 1,
}  # fmt: skip
"""How often each kind comes among as many deployments as these are together."""


def kinds(chance: random.Random) -> Iterator[str]:
    """One after the other as from a pack of cards, so that each kind comes."""
    while True:
        pack = [kind for kind, times in KINDS.items() for _ in range(times)]
        chance.shuffle(pack)
        yield from pack


def check_log(team: Team) -> None:
    """The change log, against the stack's events and git."""
    rows, there = team.listed(), team.reader.operations()
    assert [(f"{each['name']}-by-root", each["status"]) for each in rows] == there[:10]
    assert [state for _, state in there] == [state for _, state in reversed(team.done)]
    for row, (commit, state) in zip(rows, reversed(team.done), strict=False):
        assert row["status"] == state
        assert team.content(row["revision"]) == team.content(commit), row
        assert bool(row["cause"]) == (state not in GOOD)
    [deployed] = [each for each in rows if each["deployed"]]
    assert deployed == next(each for each in rows if each["status"] in GOOD)
    assert deployed["images"] == list(team.reader.images().values())


def check_status(team: Team) -> None:
    """One screen, as data, against the API and git."""
    told = parsed(team.quietly("status", NAME, "--format", "json", code=0))
    reader, stack = team.reader, team.reader.stack()
    assert told["unknown"] == []
    assert (told["state"], told["region"]) == (stack["StackStatus"], walkthrough.REGION)
    assert told["updated"] == (stack.get("LastUpdatedTime") or stack["CreationTime"]).isoformat()
    assert told["is_current"]
    assert team.content(told["revision"]["commit"]) == team.content(team.deployed())
    [tasks] = told["tasks"]
    assert [tasks[each] for each in ("desired", "running", "pending")] == reader.counts()
    assert tasks["most"] == reader.target()["MaxCapacity"]
    assert {each["container"]: each["image"] for each in told["images"]} == reader.images()
    for each in told["images"]:
        name = each["image"].rpartition("/")[2]
        image = reader.image(name[name.index("@" if "@" in name else ":") :])
        assert image is not None
        assert (each["digest"], each["is_there"]) == (image["imageDigest"], True)
        assert sorted(each["tags"]) == sorted(image.get("imageTags", ()))
    [queue] = told["queues"]
    assert [queue["waiting"], queue["in_flight"]] == reader.waiting(queue["name"])
    states = {name: each["StateValue"] for name, each in reader.alarms().items()}
    assert {each["name"]: each["state"] for each in told["alarms"]} == states
    assert not told["next_step"], "what runs is what is committed, also after a failed update"


def check_verify(team: Team) -> None:
    """What is red is what somebody changed by hand; git has what AWS has."""
    drifted = team.reader.drifted()
    verdicts = parsed(team.quietly("verify", NAME, "--format", "json", code=1 if drifted else 0))
    assert {each["id"] for each in verdicts if each["status"] == "FAIL"} == drifted, verdicts
    if len(team.done) % 3 == 0:
        assert "No changes" in team.quietly("review", NAME, code=0)


def check_git(team: Team) -> None:
    """What git has at its head is what AWS has."""
    assert team.content(team.git("rev-parse", "HEAD")) == team.content(team.deployed())
    assert team.reader.template() == team.git("show", f"HEAD:{TEMPLATE}") + "\n"
    values = team.reader.values()
    for name, value in team.written().items():
        assert values[name] == str(value)


def check(team: Team) -> None:
    """What the tool says of the stack, against what git and AWS have."""
    for one in (check_log, check_git, check_status, check_verify):
        one(team)


def summary(team: Team, seconds: float) -> str:
    """What was done in the year, and how it ended."""

    def listed(counted: Counter[Any]) -> str:
        return ", ".join(f"{number} {name}" for name, number in sorted(counted.items()))

    return "\n".join((
        f"{len(team.done)} deployments in {seconds:.0f} s: {listed(team.happened)}",
        f"ended: {listed(Counter(state for _, state in team.done))}",
        f"commands: {listed(Counter(f'with exit code {code}' for code in team.person.codes))}",
        f"faults: {listed(team.network.met)}",
    ))  # fmt: skip


def test_the_reader_is_independent() -> None:
    tree = ast.parse(Path(year_reader.__file__).read_text())
    names = [each.module or "" for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    names += [one.name for each in ast.walk(tree) if isinstance(each, ast.Import)
              for one in each.names]  # fmt: skip
    assert {each.partition(".")[0] for each in names} == {"json", "collections", "functools",
                                                          "typing"}  # fmt: skip


@pytest.mark.soak
def test_the_year_of_a_team(
    checkout: Path, endpoint: localaws.Endpoint, client: Callable[[str], Any], account: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    seed, started = int(os.environ.get("SEED", "1")), time.monotonic()
    network = Network(seed, SHARE)
    with Proxy(endpoint.url, network, page=100) as proxy, impatient():
        environment = {**walkthrough.credentials(proxy.url), "AWS_ACCESS_KEY_ID": account}
        with patch.dict(os.environ, environment):
            team = Team(checkout, proxy, network, client, random.Random(seed))
            team.push("latest")
            commit = team.commit("the first")
            team.executed(team.reviewed("review"), commit, "CREATE_COMPLETE")
            if soak.IS_ON:
                check(team)
            for kind in kinds(team.random) if soak.IS_ON else SHORT:
                team.faults(on=True)
                team.go_on(kind)
                if soak.IS_ON or kind != SHORT[0]:
                    check(team)
                if team.reader.counts()[0]:
                    team.scale(0)
                if len(team.done) >= DEPLOYMENTS:
                    break
            assert team.reader.all_operations() == team.reader.operations()
    assert set(KINDS if soak.IS_ON else SHORT) <= set(team.happened)
    assert team.network.met
    if soak.IS_ON:
        with capsys.disabled():
            print(f"\n{summary(team, time.monotonic() - started)}")
