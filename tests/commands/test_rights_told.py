"""What `rights` says of the length of a policy, and the command that it prints."""

import shlex

import pytest
from click.testing import CliRunner

from workerstack.commands.rights import rights
from workerstack.deployer import policy_documents


def told(*words: str) -> str:
    done = CliRunner().invoke(rights, list(words), standalone_mode=False)
    assert done.exception is None, done.exception
    return str(done.stderr)


def test_the_next_command_shows_the_same_policy(
    checkout: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ["--root", str(checkout), "--dead-letter-queue", "letters of others"]
    assert "inline policies" not in told("dev", "--for", "executor", *given)
    monkeypatch.setattr("workerstack.deployer.policy_documents.INLINE", 100)
    said = told("dev", "--for", "executor", *given)
    assert "more than the 100 of a role's inline policies" in said
    [_, command, _] = said.partition(" which")[2].split("`", 2)
    words = shlex.split(command)
    assert words[:2] == ["deploy.py", "rights"]
    assert "inline" not in told(*words[2:])
    assert words[2:] == ["dev", "--for", "executor", *given, "--managed"]


def test_a_statement_that_is_too_long_matters_only_where_it_is_attached(
    checkout: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_documents, "MANAGED", 300)
    given = ("dev", "--for", "reviewer", "--root", str(checkout))
    assert "alone" not in told(*given)
    monkeypatch.setattr(policy_documents, "INLINE", 300)
    assert "no managed policy holds it" in told(*given)
