"""The installed command: its version, its completion, and what the doctor says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from workerstack import output
from workerstack.commands import deploy, program
from workerstack.commands.doctor import doctor
from workerstack.localaws import Endpoint

ROOT = Path(__file__).parents[2]
RUN = (
    "import sys; sys.argv[0] = 'workerstack'; from workerstack.commands.program import main; main()"
)


def completed(*words: str, folder: Path = ROOT) -> list[str]:
    """What bash would offer after these words."""
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "COMP_WORDS": " ".join(("workerstack", *words)),
             "COMP_CWORD": str(len(words)), "_WORKERSTACK_COMPLETE": "bash_complete",
             "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["workerstack"])


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("rev",), ["plain,review"]),
        (("dr",), ["plain,drift"]),
        (("review", "dev/"), ["plain,dev/thumbnails", "plain,dev/webordinary-edit"]),
        (("verify", "prod"), ["plain,prod/webordinary-edit"]),
        (("rights", "p"), ["plain,prod"]),
        (("review", "infra/"), ["file,infra/"]),
        (("execute", "--un"), ["plain,--uncommitted"]),
    ],
)
def test_commands_and_stacks_are_completed(words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(*words) == offered


def test_the_version_is_that_of_the_distribution() -> None:
    from importlib.metadata import version

    for command in (program.workerstack, deploy.deploy):
        done = CliRunner().invoke(command, ["--version"])
        assert done.output.split()[-1] == version("fargate-worker-stack")


@pytest.mark.parametrize("late", [program.ALL, deploy.COMMANDS])
def test_what_help_lists_is_what_each_command_says(late: dict[str, str]) -> None:
    for name, said in late.items():
        command = program.workerstack.commands[name]
        assert command.get_short_help_str(200) == said


def test_commands_are_told_as_they_are_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ("Run `./deploy.py review dev/x`.", "deploy.py review", "my-deploy.py review",
             "`simulate.py x`; deploy.pyc is no program", "deploy.py says nothing.")  # fmt: skip
    output.say(*lines)
    assert capsys.readouterr().err.splitlines() == list(lines)
    monkeypatch.setattr(output, "_program", "workerstack")
    output.say(*lines)
    assert capsys.readouterr().err.splitlines() == [
        "Run `workerstack review dev/x`.", "workerstack review", "my-deploy.py review",
        "`workerstack simulate x`; deploy.pyc is no program", "workerstack says nothing.",
    ]  # fmt: skip


def examined(*words: str) -> dict[str, dict[str, str]]:
    done = CliRunner().invoke(doctor, [*words, "--format", "json"], standalone_mode=False)
    assert done.exception is None, done.exception
    return {each["id"]: each for each in json.loads(done.stdout)}


def test_the_doctor_finds_what_is_there(checkout: Path, endpoint: Endpoint, account: str) -> None:
    found = examined("--endpoint-url", endpoint.url, "--root", str(checkout))
    assert {each["status"] for name, each in found.items() if name != "git"} == {"PASS"}
    assert found["account"]["evidence"] == f"{account}, of dev"
    assert found["region"]["evidence"] == "us-west-2"


def test_each_thing_that_is_missing_has_a_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    found = examined("--root", str(tmp_path))
    for name in ("extra generate", "extra local", "git", "project", "region", "credentials"):
        assert found[name]["status"] in ("SKIP", "FAIL"), name
        assert found[name]["next_step"], name
    assert found["credentials"]["status"] == "FAIL"


def test_credentials_of_another_account_are_told(
    checkout: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "999900001111")
    found = examined("--endpoint-url", endpoint.url, "--root", str(checkout))
    assert found["account"]["status"] == "SKIP"
    assert "--profile" in found["account"]["next_step"]


def test_a_wrong_file_of_params_is_told(checkout: Path, endpoint: Endpoint) -> None:
    (checkout / "params/dev/target.yaml").write_text("account: 1\n")
    found = examined("--endpoint-url", endpoint.url, "--root", str(checkout))
    assert found["project"]["status"] == "FAIL"
