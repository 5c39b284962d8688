"""What was reviewed is executed, and nothing else: each bound field, tampered with."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workerstack import deployments
from workerstack.deployer import binding, execute, make_review, source, watch
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.deployer.screen import Lines
from workerstack.problem import Refusal
from workerstack.review import file as review_file
from workerstack.review.model import Finding, Review

NAME = "dev/webordinary-edit"
QUICK = Clock(sleep=lambda _: None)
OTHER = "0" * 64

TAMPERED: dict[str, tuple[tuple[str, ...], str, str]] = {
    "the account": (("where", "account"), "999999999999", "the account"),
    "the region": (("where", "region"), "eu-west-1", "the region"),
    "the stack": (("where", "stack_id"), "another-stack", "the stack"),
    "the change set": (("change_set", "arn"), "", "is gone|the change set"),
    "the template": (("binding", "template_digest"), OTHER, "the digest of out/"),
    "the parameters": (("binding", "parameters_digest"), OTHER, "the digest of the params"),
    "the status": (("binding", "stack_status"), "IMPORT_COMPLETE", "the stack's status"),
    "the last update": (("binding", "stack_last_updated"), "2020-01-01", "last update"),
    "the changes": (("binding", "changes_digest"), OTHER, "the list of changes"),
    "a finding": (("findings",), "", "does not have the blocking deletes-stateful:Queue"),
}  # fmt: skip


@pytest.fixture
def review(checkout: Path, clients: Clients) -> Review:
    """An update that deletes a queue, on an existing stack."""
    out = checkout / "out/webordinary-edit.template.yaml"
    committed_text = out.read_text()
    queue = "\n  Queue:\n    Type: AWS::SQS::Queue\n"
    out.write_text(committed_text.replace("\nResources:\n", f"\nResources:{queue}"))
    first = make_review.make_review(deployments.load(NAME, checkout), clients, QUICK)
    assert first is not None
    run(first, checkout, clients)
    out.write_text(committed_text)
    found = make_review.make_review(deployments.load(NAME, checkout), clients, QUICK)
    assert found is not None
    return found


def run(review: Review, checkout: Path, clients: Clients) -> str:
    operation = execute.execute(review, deployments.load(NAME, checkout), clients)
    return watch.watch(operation, clients, QUICK, Lines(print)).status


@pytest.mark.parametrize("field", TAMPERED)
def test_each_bound_field_is_held(
    field: str, review: Review, checkout: Path, clients: Clients
) -> None:
    place, value, words = TAMPERED[field]
    content = review.model_dump(mode="json")
    if place == ("findings",):
        content["findings"] = []
    elif field == "the change set":
        content["change_set"]["arn"] = content["change_set"]["arn"][:-4] + "beef"
    else:
        content[place[0]][place[1]] = value
    # Whoever edits the file can mend its digest, too.
    file = checkout / "review.json"
    file.write_text(json.dumps({"digest": review_file.digest(content), "review": content}))
    with pytest.raises(Refusal, match=words):
        run(review_file.read(file), checkout, clients)


def test_untouched_it_is_executed(review: Review, checkout: Path, clients: Clients) -> None:
    assert run(review, checkout, clients) == "UPDATE_COMPLETE"


def test_a_blocking_finding_is_let_through_by_its_own_name_only(review: Review) -> None:
    assert [each.allowed_by for each in review.findings if each.level == "blocking"] == [
        "deletes-stateful:Queue"
    ]
    with pytest.raises(Refusal, match="Blocked by deletes-stateful:Queue") as refused:
        binding.check_allowed(review, ())
    assert "--allow deletes-stateful:Queue" in str(refused.value)
    with pytest.raises(Refusal, match="no blocking finding deletes-stateful:Other"):
        binding.check_allowed(review, ("deletes-stateful:Other",))
    binding.check_allowed(review, ("deletes-stateful:Queue",))


def test_a_prediction_is_never_executed(review: Review) -> None:
    with pytest.raises(Refusal, match="predicted"):
        binding.check_allowed(review.model_copy(update={"predicted": True}), ())


def test_a_new_blocking_finding_is_refused(review: Review) -> None:
    new = Finding(
        id="import-broken", level="blocking", logical_id="X", what="w", why="y", next_step="n"
    )
    now = review.model_copy(update={"findings": (*review.findings, new)})
    with pytest.raises(Refusal, match="import-broken:X"):
        binding.check_same_findings(review, now)
    binding.check_same_findings(now, review)


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., Any]:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    (tmp_path / "file").write_text("one")
    (tmp_path / ".gitignore").write_text("ignored\n")
    git("add", ".")
    git("commit", "-m", "one")
    return git


def test_what_is_not_committed_is_refused(tmp_path: Path, repository: Any) -> None:
    file = tmp_path / "file"
    source.check((file,), tmp_path)
    file.write_text("two")
    with pytest.raises(Refusal, match="Not committed: file"):
        source.check((file,), tmp_path)
    repository("add", ".")
    with pytest.raises(Refusal, match="Not committed: file"):
        source.check((file,), tmp_path)
    repository("commit", "-m", "two")
    source.check((file,), tmp_path)
    for name in ("untracked", "ignored"):
        (tmp_path / name).write_text("x")
        with pytest.raises(Refusal, match=f"Not committed: {name}"):
            source.check((file, tmp_path / name), tmp_path)


def test_without_a_repository_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="is in no git repository"):
        source.check((tmp_path / "file",), tmp_path)
