"""An execution on the endpoint where AWS answers what the endpoint does not: hooks change it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.review.test_several import small
from workerstack import deployments
from workerstack.deployer import execute, make_review, watch
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.deployer.screen import LineScreen
from workerstack.problem import Refusal
from workerstack.review.model import Review

NAME = "dev/one"
QUICK = Clock(sleep=lambda _: None)
Answer = dict[str, Any]


@pytest.fixture
def review(checkout: Path, clients: Clients) -> Review:
    """A creation, and a description on what is created."""
    small(checkout, "one")
    file = checkout / "out/one.template.yaml"
    described = "{Metadata: {Description: The jobs.}, Type: AWS::SQS::Queue"
    file.write_text(file.read_text().replace("{Type: AWS::SQS::Queue", described))
    found = make_review.make_review(deployments.load(NAME, checkout), clients, QUICK)
    assert found is not None
    return found


def answering(clients: Clients, operation: str, change: Callable[[Answer], object]) -> None:
    """Changes each further answer, as botocore has parsed it."""
    clients("cloudformation").meta.events.register(
        f"after-call.cloudformation.{operation}", lambda parsed, **_: change(parsed)
    )


HELD: dict[str, tuple[str, Callable[[Answer], object], str]] = {
    "its status": (
        "DescribeChangeSet", lambda answer: answer.update(Status="DELETE_PENDING"),
        "status was CREATE_COMPLETE when it was reviewed, and is DELETE_PENDING now",
    ),
    "its execution status": (
        "DescribeChangeSet", lambda answer: answer.update(ExecutionStatus="OBSOLETE"),
        "its execution status was AVAILABLE when it was reviewed, and is OBSOLETE now",
    ),
    "no execution status": (
        "DescribeChangeSet", lambda answer: answer.pop("ExecutionStatus"),
        "its execution status was AVAILABLE when it was reviewed, and is not set now",
    ),
    "its template": (
        "GetTemplate", lambda answer: answer.update(TemplateBody="Resources: {}"),
        "the change set's template was",
    ),
}  # fmt: skip


@pytest.mark.parametrize("held", HELD)
def test_a_change_set_that_is_another_one_than_was_reviewed_is_refused(
    held: str, review: Review, checkout: Path, clients: Clients
) -> None:
    operation, change, words = HELD[held]
    answering(clients, operation, change)
    with pytest.raises(Refusal, match=words):
        execute.execute(review, deployments.load(NAME, checkout), clients)


def test_what_is_watched_has_its_descriptions(
    review: Review, checkout: Path, clients: Clients
) -> None:
    operation = execute.execute(review, deployments.load(NAME, checkout), clients)
    assert operation.descriptions == {"Queue": "The jobs."}
    assert (operation.expected, operation.token) == (1, review.change_set.name)


@pytest.mark.parametrize(
    ("newest", "refused"), [("{}", False), ("{}-cancel", False), ("another", True), ("", True)]
)
def test_one_that_was_cancelled_is_watched_as_it_turns_back(
    newest: str, review: Review, checkout: Path, clients: Clients, *, refused: bool
) -> None:
    """Its last event carries the cancellation's token; that of another operation, its own."""
    deployment = deployments.load(NAME, checkout)
    first = execute.execute(review, deployment, clients)
    watch.watch(first, clients, QUICK, LineScreen(print))
    token = newest.format(review.change_set.name)
    answering(
        clients, "DescribeStackEvents",
        lambda answer: answer["StackEvents"][0].update(ClientRequestToken=token),
    )  # fmt: skip
    if refused:
        with pytest.raises(Refusal, match="was executed already: and the stack was changed again"):
            execute.execute(review, deployment, clients)
    else:
        assert execute.execute(review, deployment, clients) == first
