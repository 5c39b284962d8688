"""Any template of any repository: reviewed, executed, watched, compared and rolled back."""

import json
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import soak
from tests.conftest import Run
from tests.foreign import judged
from workerstack.commands.diff import diff
from workerstack.commands.simulate import simulate
from workerstack.deployments import NOWHERE, load_file
from workerstack.problem import Problem

ROOT = Path(__file__).parents[2]
TEMPLATE = """
Parameters:
  Retention:
    Type: Number
    Default: 345600
  Names:
    Type: CommaDelimitedList
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      MessageRetentionPeriod: !Ref Retention
      QueueName: !Select [0, !Ref Names]
"""
DEPLOYMENT = """template-file-path: infra/web.yaml
parameters:
  Names: web-orders, spare
tags:
  Team: web
"""
FILE = ("infra/web-dev.yaml", "--stack", "web")


@pytest.fixture
def repository(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody's repository, with neither our folders nor our programs; one works in it."""
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "infra").mkdir()
    (folder / "infra/web.yaml").write_text(TEMPLATE)
    (folder / "infra/web-dev.yaml").write_text(DEPLOYMENT)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git("init", "--quiet")
    commit()
    return folder


def git(*words: str) -> None:
    subprocess.run(["git", *words], check=True, capture_output=True)


def commit() -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    git("add", "--all")
    git(*who, "commit", "--quiet", "--message", "all")


def replace(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def reviewed(command: Run, repository: Path) -> str:
    file = str(repository / ".git/review.json")
    code, _, err = command("review", *FILE, "--yes", "--output", file)
    assert code == 2, err
    return file


def test_the_whole_way(
    command: Run, repository: Path, account: str, client: Callable[[str], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("COLUMNS", "80")
    file = str(repository / ".git/review.json")
    code, out, err = command("review", *FILE, "--yes", "--output", file)
    assert code == 2, err
    assert f"web is in account {account}, us-west-2, as arn:aws:" in err
    assert f"infra/web-dev.yaml --stack web: creation of web\naccount {account}, us-west-2" in out
    code, _, err = command("execute", file, committed=True)
    assert code == 0, err
    assert "Next: See later whether it was changed by hand:" in err
    assert "`deploy.py drift infra/web-dev.yaml --stack web`" in err
    assert client("sqs").get_queue_url(QueueName="web-orders")["QueueUrl"]
    assert command("watch", *FILE)[0] == 0
    code, _, err = command("drift", *FILE)
    assert code == 0
    assert "No drift in the resources of infra/web-dev.yaml --stack web" in err
    code, _, err = command("review", *FILE, "--yes")
    assert code == 0
    assert "matches infra/web.yaml and its values" in err
    replace(repository / "infra/web.yaml", "345600", "86400")
    commit()
    code, out, _ = command("review", *FILE, "--yes", "--output", file)
    assert code == 2
    assert "345600 -> 86400" in out
    assert command("execute", file, committed=True)[0] == 0
    code, out, err = command("rollback", *FILE, "--yes", "--output", file)
    assert code == 2, err
    assert "86400 -> 345600" in out
    assert command("execute", file, committed=True)[0] == 0


def test_a_template_alone_keeps_the_values_and_tags_of_its_stack(
    command: Run, repository: Path, client: Callable[[str], Any]
) -> None:
    assert command("execute", reviewed(command, repository), committed=True)[0] == 0
    code, _, err = command("review", "infra/web.yaml", "--stack", "web", "--yes")
    assert code == 3, err  # the stack says that it is of the other file
    assert "The stack web belongs to infra/web-dev.yaml --stack web" in err
    [stack] = client("cloudformation").describe_stacks(StackName="web")["Stacks"]
    tags = [each for each in stack["Tags"] if each["Key"] == "Team"]
    client("cloudformation").create_stack(
        StackName="old", TemplateBody=TEMPLATE, Tags=tags,
        Parameters=[{"ParameterKey": "Names", "ParameterValue": "old-orders,x"},
                    {"ParameterKey": "Retention", "ParameterValue": "60"}],
    )  # fmt: skip
    code, _, err = command("review", "infra/web.yaml", "--stack", "old", "--yes")
    assert code == 0, err
    replace(repository / "infra/web.yaml", "Properties:", "Properties:\n      DelaySeconds: 5")
    code, out, err = command("review", "infra/web.yaml", "--stack", "old", "--yes")
    assert code == 2, err
    assert "DelaySeconds" in out
    assert "345600" not in out
    assert "Team" not in out


def committed(file: Path, old: str, new: str) -> None:
    replace(file, old, new)
    commit()


def led_elsewhere(file: Path) -> None:
    file.unlink()
    file.symlink_to("/etc/hosts")
    commit()


Change = Callable[[Path], None]
OF_VALUES, OF_TEMPLATE = "infra/web-dev.yaml", "infra/web.yaml"
REFUSED: dict[str, tuple[Change, tuple[str, ...], str]] = {
    "the template changed": (
        lambda r: committed(r / OF_TEMPLATE, "345600", "345601"), (), "infra/web.yaml was",
    ),
    "a value changed": (
        lambda r: committed(r / OF_VALUES, "spare", "other"), (), "the parameter Names was",
    ),
    "a tag changed": (
        lambda r: committed(r / OF_VALUES, "Team: web", "Team: x"), (), "the tag Team was",
    ),
    "the template is not committed": (
        lambda r: replace(r / OF_TEMPLATE, "345600", "345601"), (),
        "Not committed: infra/web.yaml",
    ),
    "the deployment file is not committed": (
        lambda r: replace(r / OF_VALUES, "spare", "other"), (),
        "Not committed: infra/web-dev.yaml",
    ),
    "another region": (
        lambda _: None, ("--region", "eu-west-1"), "was arn:aws:cloudformation:us-west-2:",
    ),
    "a link that leads elsewhere": (
        lambda r: led_elsewhere(r / OF_TEMPLATE), (), "lies outside the checkout",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_only_what_was_reviewed_is_executed(command: Run, repository: Path, case: str) -> None:
    change, options, said = REFUSED[case]
    file = reviewed(command, repository)
    change(repository)
    code, _, err = command("execute", file, *options, committed=True)
    assert code in (1, 3), err
    assert said in err
    assert "Traceback" not in err


def test_another_account_is_refused(
    command: Run, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = reviewed(command, repository)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "999900001111")
    code, _, err = command("execute", file, committed=True)
    assert code == 3
    assert "999900001111" in err


def test_outside_of_git_the_digests_bind(command: Run, repository: Path) -> None:
    (repository / ".git").rename(repository / "was-git")
    file = str(repository / "review.json")
    assert command("review", *FILE, "--yes", "--output", file)[0] == 2
    text = (repository / "infra/web.yaml").read_text()
    (repository / "infra/web.yaml").write_text(f"{text}# more\n")
    code, _, err = command("execute", file, committed=True)
    assert code == 3
    assert "infra/web.yaml was" in err
    (repository / "infra/web.yaml").write_text(text)
    code, _, err = command("execute", file, committed=True)
    assert code == 0
    assert "is in no git repository: only the review's digests bind it." in err


def test_account_and_region_are_confirmed(command: Run, repository: Path) -> None:
    assert repository
    code, _, err = command("review", *FILE)
    assert code == 3
    assert "Not confirmed: nothing was made. Run it on a terminal and answer yes" in err


WRONG: dict[str, tuple[tuple[str, ...], int, str]] = {
    "a file without a stack": (("infra/web-dev.yaml",), 64, "give --stack NAME"),
    "no such file": (("infra/wbe.yaml", "--stack", "web"), 1, "There is no file infra/wbe.yaml"),
    "a stack's name": (("infra/web-dev.yaml", "--stack", "no_underscore"), 1, "is impossible"),
    "neither of both": (("other.yaml", "--stack", "web"), 1, "neither a deployment file nor"),
    "a blank in the path": (("a b.yaml", "--stack", "web"), 1, "cannot be named in AWS"),
    "a template that is not there": (("gone.yaml", "--stack", "web"), 1, "does not exist"),
    "a path that leads out": (("out.yaml", "--stack", "web"), 1, "lies outside the checkout"),
    "a value that is missing": (("infra/web.yaml", "--stack", "web"), 1, "Names is missing"),
    "no resources": (("empty.yaml", "--stack", "web"), 1, "The template has no resources"),
    "binary": (("binary.yaml", "--stack", "web"), 1, "binary.yaml"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said(command: Run, repository: Path, case: str) -> None:
    (repository / "other.yaml").write_text("key: value\n")
    (repository / "a b.yaml").write_text(TEMPLATE)
    (repository / "gone.yaml").write_text("template-file-path: infra/gone.yaml\n")
    (repository / "out.yaml").write_text("template-file-path: ../../etc/passwd\n")
    (repository / "empty.yaml").write_text("Resources: {}\n")
    (repository / "binary.yaml").write_bytes(b"\xff\xfe\x00Resources")
    words, code, said = WRONG[case]
    ended, out, err = command("review", *words, "--yes")
    assert (ended, out) == (code, ""), err
    assert said in err
    assert "Traceback" not in err


def test_it_works_from_below_the_root(
    command: Run, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository / "infra")
    code, out, _ = command("review", "web-dev.yaml", "--stack", "web", "--yes")
    assert code == 2
    assert out.startswith("infra/web-dev.yaml --stack web: ")
    code, _, err = command("discard", *FILE, "--yes")
    assert code == 0, err
    assert "review-" in err


def test_a_file_is_compared_with_a_revision(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diff.main([*FILE, "--base", "HEAD"], standalone_mode=False) == 0
    replace(repository / "infra/web-dev.yaml", "web-orders", "web-pictures")
    assert diff.main([*FILE, "--base", "HEAD"], standalone_mode=False) == 2
    assert "web-orders -> web-pictures" in capsys.readouterr().out
    other = repository / "other.yaml"
    other.write_text((repository / "infra/web.yaml").read_text().replace("345600", "60"))
    words = ["infra/web.yaml", "other.yaml", "--params", "infra/web-dev.yaml"]
    assert diff.main(words, standalone_mode=False) == 2
    assert "345600 -> 60" in capsys.readouterr().out


def test_a_deployment_file_is_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["params/dev/webordinary-edit.yaml", "--load", "burst:count=9,service=1m"]
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        assert simulate.main(words, standalone_mode=False) == 0
    finally:
        os.chdir(before)
    assert ": 0 to 2 tasks" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["a,b", "[a, b]", '"a, b"'])
def test_a_list_is_one_text_or_a_list(repository: Path, text: str) -> None:
    file = repository / "infra/web-dev.yaml"
    replace(file, "web-orders, spare", text)
    from workerstack.deployer.source import read_source

    source = read_source(load_file(file, "web", NOWHERE, repository))
    assert source.values()["Names"].replace(" ", "") == "a,b"


def test_a_wrong_member_of_a_list_is_told_however_it_is_written(repository: Path) -> None:
    from workerstack.deployer.source import read_source

    replace(repository / "infra/web.yaml", "CommaDelimitedList", "List<Number>")
    for text in ("1,two", "[1, two]"):
        file = repository / "infra/web-dev.yaml"
        file.write_text(DEPLOYMENT.replace("web-orders, spare", text))
        with pytest.raises(Problem, match="Names cannot be 'two'"):
            read_source(load_file(file, "web", NOWHERE, repository))


def foreign() -> list[Path]:
    """Templates that others wrote: those of the tests, and recorded ones where they are."""
    return sorted((ROOT / "tests/templates").glob("*.json")) + sorted(
        (ROOT / "tests/templates").glob("*.yaml")
    )


def recorded(folder: Path) -> list[Path]:
    """Recorded updates of others' templates, which are not part of the project."""
    pairs = ROOT.parent / "shared/change-sets/pairs.jsonl"
    if not pairs.is_file():
        return []
    found = []
    for number, line in enumerate(pairs.read_text().splitlines()):
        for side in ("old", "new"):
            found.append(folder / f"{number}-{side}.json")
            found[-1].write_text(json.dumps(json.loads(line)[side]))
    return found


@pytest.mark.soak
def test_others_templates_never_end_in_a_traceback_or_a_false_no_changes(tmp_path: Path) -> None:
    files = [*foreign(), *recorded(tmp_path)]
    share = files if soak.IS_ON else random.Random(16).sample(files, min(15, len(files)))
    words = {file.name: judged(file, tmp_path) for file in share}
    wrong = {
        name: found
        for name, found in words.items()
        if found[0] not in ("fine", "nothing to change")
    }
    assert not wrong
    assert sum(word == "fine" for word, _ in words.values()) > len(share) / 2
