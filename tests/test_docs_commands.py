"""The commands that documents show are run, and print what is shown."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests import deployed
from tests.checkouts import Checkouts, environment
from tests.documents import TEXTS, commands, shown
from tests.smoke_worker import Account
from workerstack.localaws import Endpoint, pushing, surroundings, walkthrough


def container(client: Callable[[str], Any]) -> AbstractContextManager[None]:
    """What consumes the messages of an example."""
    account = Account(client, "edit.acme.webordinary.com")
    return account.worker(lines=("ready", "pushed to github.com"))


def before_adopt(
    client: Callable[[str], Any], account: str, things: surroundings.Surroundings
) -> None:
    """What runs already, where `docs/adopt.md` begins."""
    deployed.deploy_cdk(client, account, things)
    deployed.deploy_hand_written(client, things)


def before_day_two(
    client: Callable[[str], Any], account: str, things: surroundings.Surroundings
) -> None:
    """What `docs/day-two.md` ships."""
    assert account in things.secret_arn
    for tag in ("2026-11-21", "2026-11-28"):
        pushing.push(client("ecr"), surroundings.REPOSITORY, tag)


BEFORE = {"docs/adopt.md": before_adopt, "docs/day-two.md": before_day_two}


@pytest.mark.parametrize("name", [name for name, text in TEXTS.items() if commands(text)])
def test_commands_print_what_is_shown(
    name: str,
    checkout_of_all: Path,
    checkouts: Checkouts,
    endpoint: Endpoint,
    account: str,
    client: Callable[[str], Any],
    things: surroundings.Surroundings,
) -> None:
    if name in BEFORE:
        BEFORE[name](client, account, things)
    examples = commands(TEXTS[name].replace(walkthrough.ACCOUNT, account))
    smokes = "deploy.py smoke" in TEXTS[name]
    with container(client) if smokes else nullcontext():
        printed = checkouts.run(
            [command for command, _ in examples], checkout_of_all, environment(endpoint.url)
        )
    for (command, expected), output in zip(examples, printed, strict=True):
        actual = "".join(f"{line}\n" for line in output.strip("\n").splitlines())
        assert re.fullmatch(shown(expected), actual), f"{name}: $ {command}\n{actual}"
