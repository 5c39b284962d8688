"""The command simulate.py: what it prints, and how it ends."""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.interpreter import Interpreter
from tests.scalings import ROOT
from workerstack.problem import Problem
from workerstack.simulator.report import duration, written
from workerstack.simulator.settings import Settings

CDK = "tests/templates/cdk.template.json"
OURS = "out/webordinary-edit.template.yaml"


@pytest.fixture
def trace(tmp_path: Path) -> str:
    file = tmp_path / "trace.csv"
    file.write_text("arrival,service\n0,180\n30,600\n")
    return str(file)


@pytest.fixture
def run(programs: Interpreter) -> Callable[..., CompletedProcess[str]]:
    return partial(programs.run, "simulate.py")


@pytest.fixture
def done(run: Callable[..., CompletedProcess[str]]) -> Callable[..., str]:
    def go(*words: str) -> str:
        ended = run(*words)
        assert ended.returncode == 0, ended.stderr
        assert not ended.stderr
        return ended.stdout

    return go


def test_the_summary(trace: str, done: Callable[..., str]) -> None:
    told = done(CDK, "--trace", trace)
    assert "0 to 5 tasks, 6 h" in told
    assert "1 of 2 done" in told
    assert "killed" in told
    assert "settings: seed=1, " in told
    assert "visibility_timeout" not in told, "the template's own holds"


def test_events_have_reasons(trace: str, done: Callable[..., str]) -> None:
    told = done(OURS, "--trace", trace, "--events", "--params", "params/dev/webordinary-edit.yaml")
    assert "00:01:05  scale-out     ScaleOutPolicy: BacklogAlarm at 1: +1 on 0 running" in told
    assert "AlreadyAtMinCapacity" in told


def test_json_is_everything_and_the_same_again(trace: str, done: Callable[..., str]) -> None:
    words = (CDK, "--trace", trace, "--format", "json", "--set", "start_latency=90", "--set",
             "protection=7200")  # fmt: skip
    told = done(*words)
    body = json.loads(told)
    assert body["version"] == 1
    assert body["settings"]["start_latency"] == 90
    assert body["summary"]["messages"] == 2
    assert set(body) >= {"scaling", "events", "series", "tasks", "kills", "outcomes", "horizon"}
    assert done(*words) == told


def test_csv_is_minute_by_minute(trace: str, done: Callable[..., str]) -> None:
    rows = list(
        csv.DictReader(
            done(CDK, "--trace", trace, "--format", "csv", "--horizon", "600").splitlines()
        )
    )
    assert [row["second"] for row in rows] == [str(second) for second in range(0, 601, 60)]
    assert rows[2]["visible"] == "2"
    assert rows[2]["oldest_age"] == "120"
    assert rows[0]["ServiceTaskCountTargetDepthLowerAlarm33FAB4A4"] == "ALARM"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((OURS,), 64, "--trace"),
        ((OURS, "--trace", "none.csv"), 1, "none.csv"),
        (("none.yaml", "--trace", "TRACE"), 1, "none.yaml cannot be read: "),
        (("setup.cfg", "--trace", "TRACE"), 1, "setup.cfg"),
        ((".", "--trace", "TRACE"), 1, "cannot be read"),
        ((CDK, "--trace", "TRACE", "--set", "start_latncy=3"), 1, "Did you mean start_latency?"),
        ((CDK, "--trace", "TRACE", "--set", "start_latency=x"), 1, "a whole number"),
        ((CDK, "--trace", "TRACE", "--set", "concurrency=0"), 1, "from 1 to 1000"),
        ((CDK, "--trace", "TRACE", "--set", "asleep_at_start=maybe"), 1, "yes or no"),
        ((CDK, "--trace", "TRACE", "--set", "cooldown_from=never"), 1, "fulfilment or decision"),
        ((CDK, "--trace", "TRACE", "--set", "seed"), 64, "NAME=VALUE"),
        ((CDK, "--trace", "TRACE", "--parameter", "Max=3"), 1, "Unknown parameter Max"),
        ((CDK, "--trace", "TRACE", "--target", "Other"), 1, "--target NAME"),
        ((CDK, "--trace", "TRACE", "--horizon", "9999999999"), 1, "horizon"),
        ((CDK, "--trace", "TRACE", "--prices", "setup.cfg"), 1, "prices"),
        ((CDK, "--trace", "TRACE", "--format", "xml"), 64, "xml"),
    ],
)
def test_mistakes(
    words: Sequence[str],
    code: int,
    message: str,
    trace: str,
    run: Callable[..., CompletedProcess[str]],
) -> None:
    ended = run(*(trace if word == "TRACE" else word for word in words))
    assert ended.returncode == code
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not ended.stdout


def test_an_error_names_file_and_line(
    tmp_path: Path, trace: str, run: Callable[..., CompletedProcess[str]]
) -> None:
    file = tmp_path / "t.yaml"
    file.write_text((ROOT / OURS).read_text().replace("Period: 60", "Period: 61"))
    ended = run(str(file), "--trace", trace)
    assert ended.returncode == 1
    assert f"{file}:" in ended.stderr
    assert "its period is 61 s" in ended.stderr


def test_what_is_printed_of_the_settings_can_be_set_again() -> None:
    for each in fields(Settings):
        text = written(each.default)
        assert Settings().with_texts({each.name: text}) == Settings(), each.name
    assert Settings().with_texts({"deployments": "900,60"}).deployments == (60, 900)
    assert Settings().with_texts({"initial_tasks": "3"}).initial_tasks == 3
    with pytest.raises(Problem, match="from 1 to 59"):
        Settings(application_autoscaling_delay=0)


def test_all_settings_are_listed(done: Callable[..., str]) -> None:
    told = done("--settings")
    assert "start_latency=60" in told
    assert "s from the start of a task until it receives" in told


def test_help_is_there(done: Callable[..., str]) -> None:
    assert "Exit codes" in done("--help")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (119, "119 s"), (361, "6 min 1 s"), (9_000, "2 h 30 min"), (86_400, "1 d"),
     (90_061, "1 d 1 h"), (3_601, "1 h")],
)  # fmt: skip
def test_durations(seconds: int, said: str) -> None:
    assert duration(seconds) == said
