"""What is asked before a command acts, and that nothing but a yes lets it through."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.conftest import ROOT
from workerstack.commands import confirmation
from workerstack.deployer.stack import StackDescription
from workerstack.deployments import load
from workerstack.problem import Refusal

STACK = StackDescription("web", "UPDATE_FAILED", "arn:web")
DEPLOYMENT = load("dev/webordinary-edit", ROOT)
QUESTIONS: list[tuple[Callable[[], None], str, str]] = [
    (
        lambda: confirmation.before_making_a_change_set(replace(DEPLOYMENT, of_file="web.yaml")),
        "Make a change set for webordinary-edit in 111122223333, us-west-2",
        "nothing was made",
    ),
    (
        lambda: confirmation.before_rolling_back(STACK, ()),
        "Roll back web, which is in UPDATE_FAILED",
        "nothing was rolled back",
    ),
    (
        lambda: confirmation.before_rolling_back(STACK, ("Queue", "Role")),
        "Roll back web, which is in UPDATE_FAILED, without Queue, Role",
        "nothing was rolled back",
    ),
    (
        lambda: confirmation.before_deleting_change_sets(["one", "two"]),
        "Delete one, two",
        "no change set was deleted",
    ),
    (
        lambda: confirmation.before_deleting_a_stack(STACK),
        "Delete the stack web",
        "nothing was deleted",
    ),
    (
        lambda: confirmation.before_putting_back("a run", "the desired count"),
        "Put back a run: perhaps the desired count",
        "nothing was put back",
    ),
]


@pytest.mark.parametrize(("ask", "question", "otherwise"), QUESTIONS)
def test_it_is_asked_and_only_yes_lets_it_through(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[], None], question: str, otherwise: str
) -> None:
    asked: list[str] = []
    answers = [True, False]

    def confirm(text: str) -> bool:
        asked.append(text)
        return answers.pop(0)

    monkeypatch.setattr(confirmation, "confirm", confirm)
    ask()
    with pytest.raises(Refusal, match=f"Not confirmed: {otherwise}"):
        ask()
    assert asked == [question, question]


def test_a_deployment_of_params_says_where_it_is_and_nothing_is_asked() -> None:
    confirmation.before_making_a_change_set(DEPLOYMENT)
