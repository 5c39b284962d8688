"""What a review says of a change of scaling: before and after, on the same loads."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import templates
from templates.workers import EDIT
from workerstack.cloudformation import read
from workerstack.review import simulate_change
from workerstack.review.model import Figures, LoadEffect, ResourceChange, Review, ScalingEffect
from workerstack.review.predict import TemplateSide, predict_review
from workerstack.review.show import html, markdown
from workerstack.review.show import text as terminal
from workerstack.review.show import words as scaling
from workerstack.review.simulate_change import ScalingSide

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "out/webordinary-edit.template.yaml").read_text()
LITERAL = templates.build(replace(EDIT, scale_in_on="visible")).to_yaml()
ALARM = ResourceChange(action="Modify", logical_id="DrainedAlarm", type="AWS::CloudWatch::Alarm")
EMPTY: dict[str, dict[str, str]] = {"Resources": {}}


def side(text: str) -> ScalingSide:
    return ScalingSide(read(text, "x").data, {})


def predicted(before: str, after: str) -> Review:
    one, other = (TemplateSide(read(text, "x").data, {}, {}) for text in (before, after))
    return predict_review(one, other, name="dev/webordinary-edit")


def test_the_literal_scale_in_is_shown_to_kill() -> None:
    assert LITERAL != TEXT
    found = simulate_change.effect([ALARM], side(TEXT), side(LITERAL))
    assert found is not None
    long = next(each for each in found.loads if each.title == "One long job")
    assert scaling.figure(long, "done") == "1 of 1 -> 0 of 1"
    assert scaling.figure(long, "killed").startswith("0 -> ")
    assert scaling.figure(long, "cost").endswith(f"in {long.hours:g} h")
    assert long.after is not None
    assert (long.after.done, long.after.total) == (0, 1)
    assert long.after.cost_dollars > 0
    assert any(each.startswith("kill-loop: ") for each in found.warnings)
    back = simulate_change.effect([ALARM], side(LITERAL), side(TEXT))
    assert back is not None
    assert back.warnings == ()


def test_a_change_of_something_else_says_nothing() -> None:
    role = ResourceChange(action="Modify", logical_id="TaskRole", type="AWS::IAM::Role")
    assert simulate_change.effect([role], side(TEXT), side(LITERAL)) is None
    assert simulate_change.effect([ALARM], side(TEXT), side(TEXT)) is None
    review = predicted(TEXT, TEXT.replace("RetentionInDays: !Ref 'LogRetentionDays'", ""))
    assert review.scaling is None


def test_a_creation_shows_how_it_will_scale() -> None:
    created = ResourceChange(action="Add", logical_id="DrainedAlarm", type="AWS::CloudWatch::Alarm")
    found = simulate_change.effect([created], ScalingSide(EMPTY, {}), side(TEXT))
    assert found is not None
    assert {load.before for load in found.loads} == {None}
    assert "done 1 of 1" in scaling.sentence(found.loads[0])


def test_what_cannot_be_simulated_is_said_and_fails_nothing() -> None:
    broken = TEXT.replace("visible + FILL(in_flight, 0)", "ANOMALY_DETECTION_BAND(visible)")
    found = simulate_change.effect([ALARM], side(TEXT), side(broken))
    assert found is not None
    [sentence] = found.unknown
    assert sentence.startswith("The scaling as it will be cannot be simulated: ")
    assert found.loads[0].after is None


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("workerstack.simulator.read.scaling_of", "The scaling as it will be is not known"),
        ("workerstack.simulator.run.summarize", "The scaling of this change is not known"),
    ],
)
def test_a_failure_inside_the_simulation_is_said_and_fails_nothing(
    place: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(place, fails)
    simulate_change._figures.cache_clear()  # what an earlier test simulated is known
    found = simulate_change.effect([ALARM], side(TEXT), side(LITERAL))
    assert found is not None
    assert found.unknown[-1] == f"{words}: the simulation failed (RecursionError)"
    assert found.loads == ()


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_every_format_shows_it(form: str) -> None:
    review = predicted(TEXT, LITERAL)
    assert review.scaling is not None
    shown = {
        "text": lambda: terminal.render(review, whole=True),
        "markdown": lambda: markdown.render([review]),
        "html": lambda: html.render([review]),
    }[form]().replace("\\", "")
    assert scaling.HEADING in shown
    assert "One long job" in shown
    assert "kill-loop" in shown
    assert re.search(r"1 of 1 -(?:>|&gt;) 0 of 1", shown)


def test_figures_are_said_once_where_nothing_differs() -> None:
    figures = Figures(
        done=1, total=1, killed=0, dead_letters=0, first_receive_p95_seconds=125,
        completion_p95_seconds=None, cost_dollars=0.5,
    )  # fmt: skip
    load = LoadEffect(title="A", loads=("job:service=1m",), hours=6, before=figures, after=figures)
    gone = load.model_copy(update={"after": None})
    assert scaling.figure(gone, "first receive p95") == "2 min 5 s"
    assert scaling.figure(load, "completion p95") == "never"
    assert scaling.sentence(load) == scaling.SAME
    effect = ScalingEffect(loads=(load,), unknown=("because",))
    assert list(scaling.lines(effect, 80)) == ["    A: no difference", "    because."]
    assert list(scaling.worst(effect, 80)) == ["  because."]
