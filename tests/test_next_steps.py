"""What is printed as the next step can be run as it stands, and mends what was red."""

import ast
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from tests import aws_cli
from tests.commands.test_deploy import carry_out, change, make
from tests.commands.test_ship import git
from tests.commands.test_status import NAME, REPOSITORY, SERVICE, deployed_commit, lines_of
from tests.conftest import ROOT, Run
from workerstack.commands.deploy import deploy
from workerstack.deployer.aws import Clients
from workerstack.localaws import pushing, surroundings

__all__ = ["deployed_commit"]

Client = Callable[[str], Any]
COMMAND = re.compile(r"(?:\./)?deploy\.py (?P<words>[a-z][^`\n]*)")
HOLE = "dev/webordinary-edit"
"""What stands in a printed command for a value that is only known when it is printed."""


def sentences(file: Path) -> Iterator[tuple[int, str]]:
    """Each text of a module with its line; docstrings and texts about files left out."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    parts = {id(each) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
             for each in node.values}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.lineno, node.value.replace("{}", HOLE)
        elif isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(
                    str(each.value) if isinstance(each, ast.Constant) else HOLE
                    for each in node.values
                ),
            )


def mistakes() -> Iterator[str]:
    """Printed commands that deploy.py does not take: no such command, or no such option."""
    context = click.Context(deploy)
    for file in sorted((ROOT / "workerstack").rglob("*.py")):
        for line, said in sentences(file):
            for found in COMMAND.finditer(said):
                ticked = said[: found.start()].count("`") % 2 == 1
                words = found["words"].split()
                if words[0] == HOLE:
                    continue
                command = deploy.get_command(context, words[0].strip("`'\".,;:)"))
                # A sentence about the program, such as "deploy.py says it", is no command.
                if command is None:
                    if ticked or said[found.start()] == ".":
                        yield f"{file}:{line}: {found[0]}"
                    continue
                known = {each for one in command.params for each in one.opts}
                for word in words[1:] if ticked or said[found.start()] == "." else ():
                    option = word.strip("`'\".,;:)").partition("=")[0]
                    if option.startswith("--") and option not in known:
                        yield f"{file}:{line}: {option} of {found[0]}"


def test_each_printed_command_is_one() -> None:
    assert list(mistakes()) == []


def commands_in(said: str) -> list[list[str]]:
    """The commands of this tool in what was printed, as words."""
    return [shlex.split(found["words"].rstrip(" .")) for found in COMMAND.finditer(said)]


class World:
    """A worker, deployed and committed, and whoever does what is printed."""

    def __init__(self, command: Run, client: Client, checkout: Path) -> None:
        self.command, self.client, self.checkout = command, client, checkout

    def next(self) -> str:
        found = lines_of(self.command("status", NAME)[1])["Next"]
        return "" if found == "nothing to do" else found

    def follow(self, said: str, code: int = 0) -> str:
        """Runs the first command that was printed; what that said."""
        words = commands_in(said)[0]
        done, out, err = self.command(*words)
        assert done == code, (words, out, err)
        return out + err

    def execute(self, said: str, *options: str, code: int = 0) -> str:
        """Runs the `execute` that a review has printed."""
        [words] = [each for each in commands_in(said) if each[0] == "execute"]
        done, out, err = self.command(*words, *options)
        assert done == code, out + err
        return out + err

    def commit(self, message: str) -> None:
        git(self.checkout, "commit", "--quiet", "--all", "--message", message)

    def reds(self, *words: str) -> dict[str, str]:
        """The next step of each red line."""
        found = json.loads(self.command(*words, "--format", "json")[1])
        return {each["id"]: each["next_step"] for each in found if each["status"] == "FAIL"}


@pytest.fixture
def world(command: Run, client: Client, checkout: Path, deployed_commit: str) -> World:
    assert deployed_commit
    return World(command, client, checkout)


def test_status_ship_and_preflight(world: World, things: surroundings.Surroundings) -> None:
    ecr = world.client("ecr")
    assert world.next() == ""
    # A secret on its way out.
    manager = world.client("secretsmanager")
    manager.delete_secret(SecretId=things.secret_arn, RecoveryWindowInDays=7)
    [step] = world.reds("preflight", NAME).values()
    aws_cli.follow(step, world.client)
    assert world.reds("preflight", NAME) == {}
    # No image: what there is is listed, and the command that is printed there ships it.
    digest = pushing.push(ecr, REPOSITORY, "v2")
    change(world.checkout, 'ImageReference: "@', 'ImageReference: ":nosuch" # "@')
    world.commit("A slip")
    step = world.reds("preflight", NAME)["image"]
    listed = world.follow(step)
    # What is deployed is not what is committed; the review says what stands in the way.
    assert "./deploy.py review" in world.next()
    reviewed = world.follow(world.next(), code=2)
    assert "FAIL  image" in reviewed
    assert "lists what is there" in " ".join(reviewed.split())
    shipped = world.follow(listed, code=2)
    world.commit("Ship v2")
    world.execute(shipped, "--no-proof")
    assert world.next() == ""
    assert world.reds("preflight", NAME) == {}
    assert world.reds("verify", NAME) == {}
    # A tag that nobody has pushed: the refusal names the command that lists.
    code, _, err = world.command("ship", NAME, "v3")
    assert code == 3
    assert "v2" in world.follow(err)
    # The deployed image is deleted.
    ecr.batch_delete_image(repositoryName=REPOSITORY, imageIds=[{"imageDigest": digest}])
    assert "is not in ECR" in world.next()
    world.follow(world.next())
    assert world.reds("preflight", NAME).keys() == {"image"}


def test_prove_and_rollback(world: World, clients: Clients, capsys: Any) -> None:
    before = world.client("ecs").describe_services(
        cluster=SERVICE["cluster"], services=[SERVICE["service"]]
    )["services"][0]["taskDefinition"]
    change(world.checkout, "ValueFrom: !Ref GitHubTokenSecretArn",
           'ValueFrom: !Sub "${GitHubTokenSecretArn}:password::"',
           "out/webordinary-edit.template.yaml")  # fmt: skip
    world.commit("A key that is not there")
    carry_out(make(world.checkout, clients), world.checkout, clients)
    world.client("ecs").update_service(**SERVICE, desiredCount=0)
    capsys.readouterr()
    step = world.reds("prove", NAME)
    back = world.follow(next(iter(step.values())), code=2)
    world.execute(back, "--no-proof")
    now = world.client("ecs").describe_services(
        cluster=SERVICE["cluster"], services=[SERVICE["service"]]
    )["services"][0]["taskDefinition"]
    assert now.rpartition(":")[0] == before.rpartition(":")[0]
    assert world.reds("prove", NAME) == {}
    # An execution that nobody knows: the list says which there are.
    code, _, err = world.command("rollback", NAME, "--to", "review-20260101T120000Z-12345678-abcd")
    assert code == 1
    assert "EXECUTION" in world.follow(err)
    # Nothing surprises: what git is to be told is what status and verify print.
    line = world.next().partition(": ")[2]
    assert line.startswith("git revert --no-edit ")
    git(world.checkout, "config", "user.name", "A Person")
    git(world.checkout, "config", "user.email", "person@example.com")
    git(world.checkout, *shlex.split(line)[1:])
    assert world.reds("verify", NAME) == {}
    assert world.next() == ""


def test_doctor(command: Run, tmp_path: Path, checkout: Path) -> None:
    """An empty folder, then step by step what is printed, until there is a project."""
    empty = tmp_path / "empty"
    (empty / "params").mkdir(parents=True)
    code, out, _ = command("doctor", "--format", "json", root=empty)
    assert code == 0
    step = {each["id"]: each["next_step"] for each in json.loads(out)}["project"]
    [words] = commands_in(step)
    code, out, err = command(*words, root=empty)
    assert code == 0, out + err
    assert (empty / "params/dev/target.yaml").is_file()
    code, out, _ = command("doctor", "--format", "json", root=empty)
    again = {each["id"]: each["next_step"] for each in json.loads(out)}["project"]
    assert (code, again == step) == (0, False)
    assert checkout.is_dir()
