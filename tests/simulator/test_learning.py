"""Known loads are recovered from metrics that a run of the simulator gives."""

import json
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from math import exp
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.scalings import ROOT
from workerstack.commands import simulate as command
from workerstack.problem import Problem
from workerstack.simulator.learning import learn, read_metrics
from workerstack.simulator.loads import load
from workerstack.simulator.read import read_scaling
from workerstack.simulator.run import simulate
from workerstack.simulator.settings import Settings
from workerstack.simulator.show import at_each

OURS = "out/webordinary-edit.template.yaml"
DAY = 86_400
DAYS = 14
EPOCH = 20_454 * DAY
SLEEP = 6 * 3_600


@cache
def exported(text: str) -> str:
    """Two weeks of a load as GetMetricData answers: minutes in which the queue sleeps are none."""
    scaling = read_scaling((ROOT / OURS).read_text(), OURS)
    trace = load([text], 1)
    run = simulate(scaling, trace, Settings(heartbeat=60), horizon=DAYS * DAY)
    sent = Counter(each.arrival // 60 * 60 for each in run.outcomes)
    first = [each.first_received for each in run.outcomes if each.first_received is not None]
    received = Counter(each // 60 * 60 for each in first)
    minutes = range(0, DAYS * DAY, 60)
    samples = dict(
        zip(minutes, at_each(run.series.in_flight, [m + 59 for m in minutes], 0), strict=True)
    )
    awake, last = [], -DAY
    running = dict(zip(minutes, at_each(run.series.running, minutes, 0), strict=True))
    for minute in minutes:
        if sent[minute] or samples[minute] or running[minute]:
            last = minute
        if minute - last <= SLEEP:
            awake.append(minute)
    ends = [minute + 59 for minute in minutes]
    waiting = dict(zip(minutes, at_each(run.series.visible, ends, 0), strict=True))
    oldest = dict(zip(minutes, at_each(run.series.oldest, ends, -1), strict=True))
    deleted = Counter(each.finished // 60 * 60 for each in run.outcomes if each.finished)
    series = {
        "NumberOfMessagesSent": [sent[minute] for minute in awake],
        "NumberOfMessagesReceived": [received[minute] for minute in awake],
        "ApproximateNumberOfMessagesNotVisible": [samples[minute] for minute in awake],
        "NumberOfMessagesDeleted": [deleted[minute] for minute in awake],
        "ApproximateNumberOfMessagesVisible": [waiting[minute] for minute in awake],
        "ApproximateAgeOfOldestMessage": [
            0 if oldest[minute] < 0 else minute + 59 - oldest[minute] for minute in awake
        ],
    }
    stamps = [datetime.fromtimestamp(EPOCH + minute, UTC).isoformat() for minute in awake]
    return json.dumps(
        {
            "MetricDataResults": [
                {"Id": f"m{number}", "Label": name, "Timestamps": stamps, "Values": values}
                for number, (name, values) in enumerate(series.items())
            ]
        }
    )


@pytest.mark.parametrize(
    ("text", "count", "median", "spread"),
    [
        ("day:count=60,days=14,service=lognormal:3m:0.5", 60, 180, 0.5),
        ("day:count=30,days=14,service=lognormal:10m:0.8", 30, 600, 0.8),
        ("trickle:every=30m,for=14d,jitter=5m,service=lognormal:6m:0.2", 48, 360, 0.2),
    ],
)
def test_a_known_load_is_recovered(text: str, count: int, median: float, spread: float) -> None:
    found = learn(read_metrics(exported(text), "m.json"), "m.json")
    assert sum(map(len, found.days)) / len(found.days) == pytest.approx(count, rel=0.1)
    assert found.mean == pytest.approx(median * exp(spread**2 / 2), rel=0.1)
    assert found.spread == pytest.approx(spread, abs=0.15)
    again = found.trace(28, 1)
    assert len(again.messages) / 28 == pytest.approx(count, rel=0.1)
    assert len(found.fit) in (3, 4)
    assert "waited there, the oldest for" in found.fit[2]


def test_days_that_differ_are_told() -> None:
    body = json.loads(exported("day:count=60,days=14,service=lognormal:3m:0.5"))
    sent = body["MetricDataResults"][0]
    for number, moment in enumerate(sent["Timestamps"]):
        if datetime.fromisoformat(moment).timestamp() >= EPOCH + 11 * DAY:
            sent["Values"][number] *= 4
    found = learn(read_metrics(json.dumps(body), "m.json"), "m.json")
    good = learn(read_metrics(exported("day:count=60,days=14,service=lognormal:3m:0.5"), "m"), "m")
    inside = [int(each.fit[0].split(" in ")[-1].split()[0]) for each in (found, good)]
    # Nothing arrives in half of the quarters, however many there are by day.
    assert inside[0] <= 4
    assert inside[1] >= 7


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "no answer of GetMetricData"),
        ('{"MetricDataResults": []}', "there is no NumberOfMessagesSent"),
        ('{"MetricDataResults": [{"Label": "x", "Timestamps": ["?"], "Values": [1]}]}', "no ans"),
    ],
)  # fmt: skip
def test_what_is_no_metrics(text: str, why: str) -> None:
    with pytest.raises(Problem, match=why):
        read_metrics(text, "m.json")


def test_the_command_runs_on_what_it_learned(tmp_path: Path) -> None:
    file = tmp_path / "metrics.json"
    file.write_text(exported("day:count=60,days=14,service=lognormal:3m:0.5"))
    words = [OURS, "--learn", str(file), "--set", "heartbeat=60"]
    done = CliRunner().invoke(command.simulate, words)
    assert done.exit_code == 0, done.exception
    assert "learned from 10 days" in done.stderr
    assert "done" in done.stdout
