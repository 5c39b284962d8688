"""The example of each command's help is executed, one after another in one account."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tests import deployed
from tests.checkouts import Checkouts, environment
from workerstack.commands import program
from workerstack.commands.example import WithExample
from workerstack.localaws import Endpoint, surroundings

EXAMPLES = (
    "doctor", "generate", "simulate", "init", "diff", "adopt", "preflight", "review", "execute",
    "watch", "verify", "status", "logs", "prove", "smoke", "drift", "rights", "ship", "rollback",
    "discard", "new", "fields",
)  # fmt: skip
"""The commands, in an order in which the examples of their help can be executed."""

PREPARED = {
    "adopt": "git add --all && git commit --quiet --message staging",
    "smoke": "echo '{}' > message.json",
}
"""What somebody does before an example."""


def test_the_examples_of_help_are_executed(
    checkout_of_all: Path,
    checkouts: Checkouts,
    endpoint: Endpoint,
    client: Callable[[str], Any],
    things: surroundings.Surroundings,
) -> None:
    assert set(EXAMPLES) == set(program.ALL)
    deployed.deploy_hand_written(client, things)
    lines, examples = list[str](), list[str]()
    for name in EXAMPLES:
        command = program.workerstack.commands[name]
        assert isinstance(command, WithExample), f"{name} has no example"
        shown = CliRunner().invoke(command, ["--help"], prog_name=f"workerstack {name}").output
        example = f"workerstack {name} {command.example}"
        assert example in " ".join(shown.partition("Example:")[2].split())
        prepared = PREPARED.get(name, "true")
        lines.append(f"{prepared} && {example}; echo exit code $?")
        examples.append(example)
    printed = checkouts.run(lines, checkout_of_all, environment(endpoint.url))
    for example, output in zip(examples, printed, strict=True):
        assert re.search(r"exit code [02]$", output.strip()), f"{example}\n{output}"
