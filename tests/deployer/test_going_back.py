"""Going back: to what was executed before, whatever changed, and nothing surprises afterwards."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import Run
from tests.deployer.test_recovery import BROKEN, seconds, status
from tests.review.test_several import small
from workerstack import deployments
from workerstack.deployer import earlier, going_back, history, operation, revisions
from workerstack.deployer.aws import Clients
from workerstack.deployer.change_set import told
from workerstack.deployer.source import read_source
from workerstack.deployer.stack import StackDescription
from workerstack.problem import Problem

VALUES = "params/dev/one.yaml"
TEMPLATE = "out/one.template.yaml"


@pytest.fixture
def team(checkout: Path, command: Run) -> "Team":
    small(checkout, "one")
    return Team(checkout, command)


class Team:
    """A checkout with git, and what its people do."""

    def __init__(self, root: Path, command: Run) -> None:
        self.root, self.command = root, command
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "A Person")
        self.git("config", "user.email", "person@example.com")
        (root / ".git/info/exclude").write_text(".reviews\nr.json\n")

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root), *words], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def values(self, **values: Any) -> str:
        """Commits these values."""
        text = f"template-file-path: {TEMPLATE}\nparameters: {json.dumps(values)}\n"
        (self.root / VALUES).write_text(text)
        return self.commit(f"values {values}")

    def deploy(self, *words: str, code: int = 0) -> str:
        """What was said by the review, and then by the execution."""
        file = str(self.root / "r.json")
        reviewed, out, err = self.command(*(words or ("review", "dev/one")), "--output", file)
        assert reviewed == 2, out + err
        executed, out, more = self.command("execute", file, committed=True)
        assert executed == code, out + more
        return err + more

    def follow(self, said: str) -> None:
        """Runs the git commands that were printed last."""
        lines = said.rpartition("To have git say what is deployed:")[2].splitlines()
        commands = [line.strip() for line in lines if line.strip().startswith("git ")]
        assert commands, said
        for line in commands:
            self.git(*shlex.split(line)[1:])

    def listed(self) -> list[dict[str, Any]]:
        code, out, err = self.command("rollback", "dev/one", "--list", "--format", "json")
        assert code == 0, err
        found = json.loads(out)
        assert isinstance(found, list)
        return found


def test_values_alone_are_gone_back_to_and_then_git_says_what_is_deployed(
    team: Team, client: Callable[[str], Any]
) -> None:
    team.values(Seconds="10")
    team.deploy()
    second = team.values(Seconds="20")
    team.deploy()
    team.values(Seconds="30")
    team.deploy()
    said = team.deploy("rollback", "dev/one")
    assert f"Going back to revision {second[:7]} of " in said
    assert "\"values {'Seconds': '20'}\"" in said
    assert "Difference: Seconds 30 -> 20." in said
    assert seconds(client) == "20"
    code, _, err = team.command("review", "dev/one")
    assert code == 2
    assert "What is committed was deployed before (" in err
    assert "This review brings it again" in err
    team.follow(said)
    code, _, err = team.command("review", "dev/one")
    assert (code, "No changes" in err) == (0, True), err
    assert "brings it again" not in err
    team.values(Seconds="40")
    code, _, err = team.command("review", "dev/one")
    assert code == 2
    assert "went back from" in err
    assert "neither of the two" in err


def test_templates_are_gone_back_to_by_reverting_what_is_named(
    team: Team, client: Callable[[str], Any]
) -> None:
    team.commit("30 seconds")
    team.deploy()
    small(team.root, "one", seconds=60)
    team.commit("60 seconds")
    (team.root / "other.txt").write_text("nothing to do with it")
    team.commit("something else")
    small(team.root, "one", seconds=90)
    team.commit("90 seconds")
    team.deploy()
    said = team.deploy("rollback", "dev/one")
    assert seconds(client) == "30"
    team.follow(said)
    assert "No changes" in team.command("review", "dev/one")[2]
    assert (team.root / "other.txt").exists()


def test_the_list_says_who_deployed_what_when_and_how_it_ended(
    team: Team, client: Callable[[str], Any]
) -> None:
    first = team.values(Seconds="10")
    team.deploy()
    text = (team.root / TEMPLATE).read_text()
    (team.root / TEMPLATE).write_text(text.rstrip() + BROKEN)
    team.commit("what fails")
    team.deploy(code=1)
    (team.root / TEMPLATE).write_text(text)
    third = team.values(Seconds="20")
    team.deploy()
    client("cloudformation").update_stack(
        StackName="one", UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "55"}],
    )  # fmt: skip
    while status(client).endswith("_IN_PROGRESS"):
        pass
    rows = team.listed()
    assert [each["outcome"] for each in rows] == [
        "deployed", "deployed", "rolled back", "deployed",
    ]  # fmt: skip
    assert [each["deployed"] for each in rows] == [True, False, False, False]
    assert [each["revision"] for each in rows] == [
        "",
        third,
        team.git("rev-parse", "HEAD~1"),
        first,
    ]
    assert rows[2]["cause"].startswith("Rule: ")
    assert rows[1]["by"] == "root"
    assert rows[0]["by"] == ""
    code, out, _ = team.command("rollback", "dev/one", "--list")
    assert code == 0
    heading, *lines = out.splitlines()
    assert heading.split() == [
        "WHEN", "(UTC)", "WHO", "IMAGE", "REVISION", "OUTCOME", "EXECUTION",
    ]  # fmt: skip
    assert lines[0].startswith("*")
    assert lines[0].endswith("(another tool)")
    assert first[:7] in lines[3]
    assert "rolled back: Rule: " in lines[4]
    code, _, err = team.command("rollback", "dev/one", "--to", rows[2]["name"])
    assert code == 1
    assert "is not a deployment to go back to: it ended in UPDATE_ROLLBACK_COMPLETE" in err
    code, _, err = team.command("rollback", "dev/one", "--to", f"{rows[2]['name'][:-4]}ffff")
    assert code == 1
    assert "show no such execution" in err
    team.deploy("rollback", "dev/one", "--to", rows[3]["name"])
    assert seconds(client) == "10"
    # What another tool deployed is not known: that it was another tool is said.
    code, _, err = team.command("rollback", "dev/one")
    assert code == 1
    assert "not made by deploy.py" in err


def deploy_uncommitted(team: Team, client: Callable[[str], Any]) -> str:
    """Deploys 15 seconds, which no commit has, and then 20 with another tool; the first's name."""
    team.values(Seconds="10")
    values = team.root / VALUES
    values.write_text(values.read_text().replace("10", "15"))
    file = team.root / "r.json"
    assert team.command("review", "dev/one", "--output", str(file))[0] == 2
    assert team.command("execute", str(file))[0] == 0  # --uncommitted
    values.write_text(values.read_text().replace("15", "10"))
    client("cloudformation").update_stack(
        StackName="one", UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "20"}],
    )  # fmt: skip
    while status(client).endswith("_IN_PROGRESS"):
        pass
    return str(json.loads(file.read_text())["review"]["change_set"]["name"])


def test_what_no_commit_has_is_had_from_cloudformation(
    team: Team, client: Callable[[str], Any]
) -> None:
    deploy_uncommitted(team, client)
    said = team.deploy("rollback", "dev/one")
    assert "which CloudFormation has kept; no commit of this branch has it" in said
    assert "Difference: Seconds 20 -> 15" in said
    assert f'in {VALUES}, below `parameters`:\n        Seconds: "15"' in said
    assert seconds(client) == "15"


def test_a_change_set_that_only_has_the_name_is_not_gone_back_to(
    team: Team, client: Callable[[str], Any]
) -> None:
    """Names are free again once a change set is deleted: somebody may take that of an old one."""
    name = deploy_uncommitted(team, client)
    cloudformation = client("cloudformation")
    cloudformation.delete_change_set(StackName="one", ChangeSetName=name)
    cloudformation.create_change_set(
        StackName="one", ChangeSetName=name, UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "Seconds", "ParameterValue": "15"}],
    )  # fmt: skip
    code, _, err = team.command("rollback", "dev/one")
    assert code == 1
    assert "is not known any more: CloudFormation has not kept it" in err


def done(template: str, values: str, number: int = 0, status: str = "UPDATE_COMPLETE") -> Any:
    digests = "-".join(each * 8 for each in (template, values) if each)
    name = f"review-2026010{number + 1}T120000Z-{digests}-ab1{number}"
    return history.Execution(name, "", "", "2026-01-09T12:00", "UPDATE_IN_PROGRESS", status)


def test_the_same_deployed_again_is_passed_over() -> None:
    """Such as drift that was put back: going back to that would change nothing."""
    again = [done("a", "b", 4), done("a", "b", 3), done("a", "c", 2), done("b", "c", 1)]
    assert earlier.previous(again) == again[2]
    other_template = [done("a", "b", 2), done("c", "b", 1)]
    assert earlier.previous(other_template) == other_template[1]
    # The names of before say nothing of the values, so these may have differed.
    former = [done("a", "", 3), done("a", "", 2)]
    assert earlier.previous(former) == former[1]
    failed = [done("a", "b", 3), done("a", "d", 2, "UPDATE_ROLLBACK_COMPLETE"), done("c", "c", 1)]
    assert earlier.previous(failed) == failed[2]


def test_a_review_of_what_is_deployed_reads_no_earlier_execution(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each of them is some pages of events, and a year has many."""
    executed = [done("a", "b", 4), done("c", "d", 3), done("a", "b", 2)]
    read: list[history.Execution] = []

    def executions(*_: Any) -> Iterator[history.Execution]:
        for each in executed:
            read.append(each)
            yield each

    def lost(*_: Any) -> Any:
        raise Problem("It is not known any more", "no commit has it", "Name the revision")

    monkeypatch.setattr(history, "executions", executions)
    monkeypatch.setattr(earlier, "of_execution", lost)
    stack = StackDescription("one", "UPDATE_COMPLETE", "arn:aws:cloudformation:x:1:stack/one/1")

    def said(template: str, values: str) -> str:
        read.clear()
        source: Any = SimpleNamespace(
            deployment=SimpleNamespace(name="dev/one"), template_digest=template * 64,
            values_digest=values * 64,
        )  # fmt: skip
        return going_back.brought_again(source, stack, Clients("us-west-2"), tmp_path)

    assert (said("a", "b"), read) == ("", executed[:1])
    assert "This review brings it again" in said("c", "d")
    assert "is neither of the two" in said("e", "f")
    # The name of before has no digest of the values: it tells nothing of which they were.
    executed[1:] = [done("c", "", 3), done("a", "b", 2)]
    assert "is neither of the two" in said("c", "d")


def test_going_back_twice_returns(team: Team, client: Callable[[str], Any]) -> None:
    team.values(Seconds="10")
    team.deploy()
    team.values(Seconds="20")
    team.deploy()
    assert "Seconds 20 -> 10" in team.deploy("rollback", "dev/one")
    assert "Seconds 10 -> 20" in team.deploy("rollback", "dev/one")
    assert seconds(client) == "20"


def test_a_finding_is_accepted_while_going_back(team: Team, client: Callable[[str], Any]) -> None:
    team.values(Seconds="10")
    team.deploy()
    file = team.root / TEMPLATE
    file.write_text(file.read_text().rstrip() + "\n  More: {Type: AWS::SQS::Queue}\n")
    team.commit("a queue more")
    team.deploy()
    code, _, err = team.command("rollback", "dev/one", "--allow", "deletes-stateful:Other")
    assert code == 3
    assert "There is no blocking finding deletes-stateful:Other" in err
    assert not [
        each for each in client("cloudformation").list_change_sets(StackName="one")["Summaries"]
        if each["ExecutionStatus"] == "AVAILABLE"
    ]  # fmt: skip
    review = str(team.root / "r.json")
    assert team.command("rollback", "dev/one", "--output", review)[0] == 2
    code, _, err = team.command("execute", review, committed=True)
    assert (code, "Blocked by deletes-stateful:More" in err) == (3, True)
    team.deploy("rollback", "dev/one", "--allow", "deletes-stateful:More")
    assert seconds(client) == "10"


def test_what_is_on_another_branch_is_restored_and_not_reverted_to(team: Team) -> None:
    team.values(Seconds="10")
    team.deploy()
    team.git("checkout", "--quiet", "-b", "aside")
    small(team.root, "one", seconds=44)
    aside = team.commit("aside")
    team.git("checkout", "--quiet", "main")
    team.values(Seconds="20")
    code, _, err = team.command("rollback", "dev/one", "--to", aside)
    assert code == 2
    assert f"git restore --source {aside[:12]} --staged --worktree -- {VALUES} {TEMPLATE}" in err
    assert "git revert" not in err


def test_the_commit_is_found_among_many(team: Team) -> None:
    """On another branch, of two that fit the newest, one before a merge, with CRLF line ends."""
    deployment = deployments.load("dev/one", team.root)
    text = (team.root / TEMPLATE).read_text().replace("\n", "\r\n")
    (team.root / TEMPLATE).write_bytes(text.encode())
    team.git("config", "core.autocrlf", "false")
    team.values(Seconds="10")
    deployed = read_source(deployments.load("dev/one", team.root))
    name = (
        f"review-20200101T000000Z-{deployed.template_digest[:8]}-{deployed.values_digest[:8]}-ab12"
    )
    one = history.Execution(name, "", "", "", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")

    def found() -> revisions.Commit:
        [[commit, source]] = earlier.fitting(deployment, [one], team.root).values()
        assert source.values() == deployed.values()
        assert source.text == deployed.text
        return commit

    first = team.git("rev-parse", "HEAD")
    assert found().id == first
    team.values(Seconds="20")
    assert found().id == first
    again = team.values(Seconds="10")
    assert (found().id, found().is_merged) in {(again, True), (first, True)}
    team.git("checkout", "--quiet", "-b", "aside", first)
    team.git("branch", "--quiet", "-D", "main")
    # The values of one branch and the template of the other meet only in the merge.
    team.git("checkout", "--quiet", "-b", "values", first)
    merged_values = team.values(Seconds="33")
    team.git("checkout", "--quiet", "-b", "template", first)
    (team.root / TEMPLATE).write_text(text.replace("30", "31"))
    team.commit("template")
    team.git("merge", "--quiet", "--no-edit", merged_values)
    both = read_source(deployments.load("dev/one", team.root))
    name = f"review-20200101T000000Z-{both.template_digest[:8]}-{both.values_digest[:8]}-ab12"
    two = history.Execution(name, "", "", "", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
    [[commit, _]] = earlier.fitting(deployment, [two], team.root).values()
    assert commit.id == team.git("rev-parse", "HEAD")
    team.git("checkout", "--quiet", first)
    [[commit, _]] = earlier.fitting(deployment, [two], team.root).values()
    assert not commit.is_merged


def test_of_commits_that_fit_a_name_of_before_the_newest_that_is_no_later_is_meant(
    team: Team,
) -> None:
    """Of one second are a commit and the change set that was made right after it."""
    deployment = deployments.load("dev/one", team.root)

    def committed(second: int, seconds: str) -> str:
        date = f"2020-01-01T00:00:{second:02d}Z"
        text = f'template-file-path: {TEMPLATE}\nparameters: {{Seconds: "{seconds}"}}\n'
        (team.root / VALUES).write_text(text)
        team.git("add", "--all")
        environment = {**os.environ, "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date}
        subprocess.run(
            ["git", "-C", str(team.root), "commit", "--quiet", "--message", seconds],
            check=True, env=environment,
        )  # fmt: skip
        return team.git("rev-parse", "HEAD")

    commits = {second: committed(second, str(second)) for second in (10, 20, 30)}
    digest = read_source(deployment).template_digest[:8]
    names = {
        second: f"review-20200101T0000{second:02d}Z-{digest}-ab12"
        for second in (9, 10, 11, 19, 20, 29, 30, 31)
    }
    done = [
        history.Execution(name, "", "", "", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
        for name in names.values()
    ]
    found = earlier.fitting(deployment, done, team.root)
    meant = {second: found[name][0].id for second, name in names.items()}
    # Of none before it, the first one after.
    wanted = {9: 10, 10: 10, 11: 10, 19: 10, 20: 20, 29: 20, 30: 30, 31: 30}
    assert meant == {second: commits[commit] for second, commit in wanted.items()}


@pytest.mark.parametrize(
    ("caller", "by"),
    [
        ("arn:aws:iam::111122223333:user/team/maria", "team-maria"),
        ("arn:aws:iam::111122223333:root", "root"),
        ("arn:aws:sts::111122223333:assumed-role/Deployer/GitHubActions", "Deployer-GitHubActions"),
        (
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0a1b2c/m.x@example.com",
            "m-x-example-com",
        ),
        (f"arn:aws:iam::111122223333:user/{'x' * 64}", "x" * 60),
    ],
)
def test_a_token_says_who_and_fits(caller: str, by: str) -> None:
    name = "review-20260101T120000Z-01234567-89abcdef-abcd"
    token = operation.token_of(name, caller)
    assert len(token) <= 128
    assert re.fullmatch("[a-zA-Z0-9][-a-zA-Z0-9]*", token)
    event = operation.event_of(
        {"EventId": "1", "Timestamp": told_at(name), "ClientRequestToken": token}
    )
    assert (event.token, event.by) == (name, by)
    other = {"EventId": "1", "Timestamp": told_at(name), "ClientRequestToken": "stand-by-me"}
    assert not operation.event_of(other).by


def told_at(name: str) -> Any:
    found = told(name)
    assert found is not None
    return found.made


def test_an_image_that_is_gone_is_said_before(
    team: Team, client: Callable[[str], Any], account: str
) -> None:
    ecr = client("ecr")
    ecr.create_repository(repositoryName="pictures")

    def push(tag: str) -> None:
        ecr.put_image(repositoryName="pictures", imageTag=tag, imageManifest=json.dumps({"n": tag}))

    image = f"{account}.dkr.ecr.us-west-2.amazonaws.com/pictures:${{Tag}}"
    (team.root / TEMPLATE).write_text(f"""
Parameters: {{Tag: {{Type: String}}}}
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: "256"
      Memory: "512"
      ExecutionRoleArn: arn:aws:iam::{account}:role/execution
      ContainerDefinitions: [{{Name: worker, Image: !Sub '{image}'}}]
""")
    for tag in ("one", "two"):
        push(tag)
        team.values(Tag=tag)
        team.deploy()
    assert [each["images"] for each in team.listed()] == [
        [image.replace("${Tag}", tag)] for tag in ("two", "one")
    ]
    assert "pictures:one" in team.command("rollback", "dev/one", "--list")[1]
    assert "FAIL" not in team.command("rollback", "dev/one")[2]
    ecr.batch_delete_image(repositoryName="pictures", imageIds=[{"imageTag": "one"}])
    code, _, err = team.command("rollback", "dev/one")
    assert code == 2
    _, _, after = err.partition("Difference: ")
    assert "FAIL  image: pictures:one is not in its repository" in after, err
    ecr.delete_repository(repositoryName="pictures", force=True)
    assert "FAIL  image: " in team.command("rollback", "dev/one")[2]
