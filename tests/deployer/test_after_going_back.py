"""After a rollback or a failure nothing surprises: what is printed as the next step mends it."""

import json
import shlex
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.deployer.test_going_back import TEMPLATE, VALUES, Team, team
from tests.deployer.test_recovery import BROKEN, seconds

__all__ = ["team"]

Client = Callable[[str], Any]


def steps(team: Team) -> dict[str, str]:
    """The next step of each red line of `verify` that is about what is committed."""
    _, out, err = team.command("verify", "dev/one", "--format", "json")
    found = json.loads(out)
    assert found, err
    return {each["id"]: each["next_step"] for each in found
            if each["status"] == "FAIL" and each["id"] in ("template", "parameters")}  # fmt: skip


def follow(team: Team, line: str) -> None:
    """Runs a line of git commands as a shell would."""
    assert all(each.startswith("git ") for each in line.split(" && ")), line
    subprocess.run(["/bin/sh", "-ec", line], cwd=team.root, check=True, capture_output=True)


def next_of(team: Team) -> str:
    data = json.loads(team.command("status", "dev/one", "--format", "json")[1])
    return str(data["next_step"])


def is_mended(team: Team) -> None:
    assert steps(team) == {}
    assert next_of(team) == ""
    code, _, err = team.command("review", "dev/one")
    assert (code, "No changes" in err) == (0, True), err
    assert "brings it again" not in err


def back(team: Team) -> None:
    team.deploy("rollback", "dev/one")


def test_values_that_were_gone_back_from(team: Team, client: Client) -> None:
    good = team.values(Seconds="10")
    team.deploy()
    team.values(Seconds="20")
    team.deploy()
    back(team)
    assert seconds(client) == "10"
    found = steps(team)
    assert found["parameters"].startswith(f"git restore --source {good[:12]} ")
    assert next_of(team).endswith(f": {found['parameters']}")
    _, _, err = team.command("review", "dev/one")
    assert f"`{found['parameters']}`" in err
    follow(team, found["parameters"])
    is_mended(team)


def test_a_template_and_values_that_were_gone_back_from(team: Team) -> None:
    team.values(Seconds="10")
    team.deploy()
    file = team.root / TEMPLATE
    file.write_text(
        file.read_text().replace("{VisibilityTimeout", "{DelaySeconds: 5, VisibilityTimeout")
    )
    team.values(Seconds="11")
    team.deploy()
    back(team)
    found = steps(team)
    assert set(found) == {"parameters", "template"}
    assert len(set(found.values())) == 1
    follow(team, found["template"])
    is_mended(team)


def test_what_was_executed_uncommitted_is_restored_without_an_empty_commit(
    team: Team, client: Client
) -> None:
    team.values(Seconds="10")
    team.deploy()
    file = team.root / VALUES
    file.write_text(file.read_text().replace("10", "20"))
    assert team.command("review", "dev/one", "--output", str(team.root / "r.json"))[0] == 2
    assert team.command("execute", str(team.root / "r.json"))[0] == 0
    assert seconds(client) == "20"
    back(team)
    follow(team, steps(team)["parameters"])
    is_mended(team)


def test_what_lies_uncommitted_over_a_bad_commit_does_not_stop_the_revert(team: Team) -> None:
    team.values(Seconds="10")
    team.deploy()
    team.values(Seconds="20")
    team.deploy()
    file = team.root / VALUES
    file.write_text(file.read_text().replace("20", "30"))
    assert team.command("review", "dev/one", "--output", str(team.root / "r.json"))[0] == 2
    assert team.command("execute", str(team.root / "r.json"))[0] == 0
    [*_, first] = team.listed()
    team.deploy("rollback", "dev/one", "--to", first["name"])
    follow(team, steps(team)["parameters"])
    is_mended(team)


def test_a_version_that_failed_is_not_said_to_be_reviewed_again(team: Team) -> None:
    team.values(Seconds="10")
    team.deploy()
    text = (team.root / TEMPLATE).read_text()
    (team.root / TEMPLATE).write_text(text.rstrip() + BROKEN)
    team.commit("what fails")
    team.deploy(code=1)
    found = steps(team)["template"]
    assert found.startswith("Fix what failed (Rule: ")
    assert found.endswith("), then ./deploy.py review dev/one")
    assert "Fix what failed (Rule: " in next_of(team)
    team.git("revert", "--no-edit", "HEAD")
    assert next_of(team) == ""
    # Another version has not failed yet.
    team.values(Seconds="20")
    (team.root / TEMPLATE).write_text(text)
    assert steps(team)["parameters"].startswith("./deploy.py review dev/one")


def test_tags_alone_that_were_gone_back_from(team: Team) -> None:
    def tagged(team_name: str) -> str:
        (team.root / VALUES).write_text(
            f"template-file-path: {TEMPLATE}\nparameters: {{}}\ntags: {{Team: {team_name}}}\n"
        )
        return team.commit(team_name)

    tagged("web")
    team.deploy()
    tagged("mail")
    team.deploy()
    back(team)
    follow(team, next_of(team).partition(": ")[2])
    is_mended(team)


@pytest.mark.parametrize("outside", [True, False])
def test_where_git_cannot_say_it_the_values_are(team: Team, outside: bool) -> None:
    """What no commit of this branch has is written down, or told by the command that tells it."""
    team.values(Seconds="10")
    team.deploy()
    team.values(Seconds="20")
    team.deploy()
    back(team)
    if outside:
        subprocess.run(["rm", "-rf", str(team.root / ".git")], check=True)
    else:
        team.git("checkout", "--quiet", "--orphan", "other")
        team.commit("history begins anew")
    found = steps(team)["parameters"]
    words = shlex.split(found)
    assert words[:3] == ["./deploy.py", "rollback", "dev/one"]
    code, _, err = team.command(*words[1:])
    assert code == 0, err
    assert 'Seconds: "10"' in err
