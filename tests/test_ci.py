"""CI that can be trusted: the workflows' own scripts, against what strangers may bring."""

import configparser
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import workflows
from tests.workflows import ROOT, TOKEN, Checkout, Home, canonical, github, locked, script, told
from workerstack.ci import deploying, reviewed
from workerstack.ci.github import Results
from workerstack.localaws import Endpoint

OUT = "out/webordinary-edit.template.yaml"
PARAMS = "params/dev/webordinary-edit.yaml"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("ci"))
    yield home
    home.end()


@pytest.fixture
def project(home: Home) -> Checkout:
    return home.begin()


@pytest.fixture
def unchanged(home: Home) -> Checkout:
    """The project, for a test that changes nothing in it."""
    return home.begin(changes=False)


# What is installed


@pytest.mark.parametrize("name", ["execute", "predict"])
def test_locked_packages_are_those_of_constraints(name: str) -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line)
    constraints = {canonical(each): version for each, version in pinned.items()}
    found = locked(name)
    assert found
    assert found == {each: constraints.get(each) for each in found}
    asked = (ROOT / f"requirements/{name}.in").read_text().split("\n")
    wanted = {canonical(line) for line in asked if line and not line.startswith("#")}
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    declared = [setup["options"]["install_requires"], setup["options.extras_require"]["pictures"]]
    installed = {canonical(each.strip()) for part in declared for each in part.split("\n") if each}
    assert wanted <= set(found) & installed


@pytest.mark.parametrize("name", ["execute", "predict"])
def test_locked_packages_have_hashes_and_name_no_registry(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    assert text.count("==") == len(locked(name))
    for entry in re.split(r"\n(?=\S)", text.strip()):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry
    assert not re.search(r"://|index|find-links|trusted", text)


def test_what_executes_has_no_emulator_browser_or_test_library() -> None:
    # What boto3, click, pydantic and PyYAML need, and nothing else.
    assert set(locked("execute")) == {
        "annotated-types", "boto3", "botocore", "click", "jmespath",
        "pydantic", "pydantic-core", "python-dateutil", "pyyaml", "s3transfer",
        "six", "typing-extensions", "typing-inspection", "urllib3",
    }  # fmt: skip
    assert {"cfnlint", "ministack", "selenium", "pytest"} <= set(workflows.not_installed("execute"))
    assert {"ministack", "selenium", "pytest", "boto3"} <= set(workflows.not_installed("predict"))


def installs() -> Iterator[tuple[str, str, str]]:
    for file in sorted(workflows.FOLDER.glob("*.yml")):
        for job, body in workflows.workflow(file.stem)["jobs"].items():
            for step in body["steps"]:
                if "pip install" in step.get("run", ""):
                    yield file.stem, job, step["run"]


def test_whatever_holds_a_role_or_a_strangers_data_installs_from_hashes() -> None:
    found = list(installs())
    assert {(name, job) for name, job, _ in found} == {
        ("comment", "predict"), ("review", "review"), ("review", "execute"),
    }  # fmt: skip
    for _, _, text in found:
        assert "--require-hashes --only-binary :all:" in text


# The workflows


def test_actions_are_pinned_by_commit_and_each_always_the_same() -> None:
    versions: dict[str, set[tuple[str, str]]] = {}
    for file in workflows.FOLDER.glob("*.yml"):
        for line in file.read_text().splitlines():
            if "uses:" in line:
                match = re.search(r"uses: (\S+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$", line)
                assert match, line
                versions.setdefault(match[1], set()).add((match[2], match[3]))
    assert len(versions) > 5
    assert all(len(each) == 1 for each in versions.values()), versions


def triggers(name: str) -> list[str]:
    """YAML reads the key `on` as true."""
    content: dict[Any, Any] = workflows.workflow(name)
    return list(content[True])


def test_a_pull_request_gets_no_role_no_secret_and_none_of_its_code_run() -> None:
    text = (workflows.FOLDER / "comment.yml").read_text()
    content = workflows.workflow("comment")
    assert triggers("comment") == ["pull_request_target"]
    assert "secrets." not in text
    assert "cache:" not in text
    assert "${{" not in "".join(
        step.get("run", "") for job in content["jobs"].values() for step in job["steps"]
    )
    jobs = content["jobs"]
    assert {name: job["permissions"] for name, job in jobs.items()} == {
        "predict": {"contents": "read"},
        "comment": {"pull-requests": "write"},
    }
    for job in jobs.values():
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert step["with"] == {"fetch-depth": 0, "persist-credentials": False}
    # What may write runs nothing of ours, and reads nothing but the finished text.
    assert not [s for s in jobs["comment"]["steps"] if "checkout" in s.get("uses", "")]
    for name in ("check", "review"):
        assert "pull_request_target" not in triggers(name)
    assert "pull_request" not in triggers("review")


def test_only_what_makes_or_executes_change_sets_may_assume_a_role() -> None:
    may = {
        (file.stem, name)
        for file in workflows.FOLDER.glob("*.yml")
        for name, job in workflows.workflow(file.stem)["jobs"].items()
        if "id-token" in job["permissions"]
    }
    assert may == {("review", "review"), ("review", "execute")}


def test_nothing_waits_behind_an_approval() -> None:
    content = workflows.workflow("review")
    assert "concurrency" not in content
    assert "concurrency" not in content["jobs"]["execute"]
    assert "environment" not in content["jobs"]["review"]
    assert content["jobs"]["execute"]["environment"] == (
        "${{ fromJSON(needs.review.outputs.environment) }}"
    )


@pytest.mark.parametrize(("job", "first"), [("review", "ci protected"), ("execute", "ci approved")])
def test_github_is_asked_before_there_are_credentials(job: str, first: str) -> None:
    steps = workflows.workflow("review")["jobs"][job]["steps"]
    [asked] = [n for n, step in enumerate(steps) if first in step.get("run", "")]
    [assumed] = [n for n, step in enumerate(steps) if "aws-actions" in step.get("uses", "")]
    assert asked < assumed
    # Nor does anything that talks to AWS hold GitHub's token.
    assert not [step for step in steps[assumed:] if "GH_TOKEN" in step.get("env", {})]


# The comment on a pull request


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_comment_says_what_the_pull_request_changes(project: Checkout) -> None:
    edit(project.root / PARAMS, "MaxTasks: 2", "MaxTasks: 3")
    values = project.commit("values")
    edit(project.root / OUT, "EvaluationPeriods: 15", "EvaluationPeriods: 20")
    both = project.commit("both")
    comment = project.root / "comment.md"

    assert project.predict(values).returncode == 0
    assert "ScalableTarget" in comment.read_text()
    assert "ScalableTarget" in project.summary.read_text()
    assert not (project.root / "pictures").exists()

    assert project.predict(both).returncode == 0
    assert (project.root / "pictures/webordinary-edit.png").stat().st_size > 10_000
    assert "artifact `pictures` of [this run](https://run)" in project.summary.read_text()


def test_what_main_has_since_is_not_said_of_the_pull_request(project: Checkout) -> None:
    (project.root / "README.md").write_text("unrelated\n")
    head = project.commit("unrelated")
    project.git("checkout", "--quiet", project.base)
    edit(project.root / PARAMS, "MaxTasks: 2", "MaxTasks: 9")
    project.base = project.commit("main moves on")
    assert project.predict(head).returncode == 0
    assert "No stack would change" in (project.root / "comment.md").read_text()


def test_the_objects_of_a_fork_are_fetched_and_not_checked_out(
    project: Checkout, tmp_path: Path
) -> None:
    fork = tmp_path / "fork"
    project.git("clone", "--quiet", str(project.root), str(fork))
    edit(fork / PARAMS, "MaxTasks: 2", "MaxTasks: 4")
    command = ["git", "-C", str(fork)]
    for words in (["commit", "--quiet", "--all", "--message", "fork"],):
        subprocess.run([*command, *words], env=project.environment, check=True)
    head = subprocess.run(
        [*command, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    project.git("remote", "add", "origin", str(fork))
    before = (project.root / PARAMS).read_text()
    fetched = project.run(
        script("comment", "predict", "git -c"), "predict", BASE=project.base, HEAD=head,
        TOKEN=TOKEN, GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="http.https://x/.extraheader",
    )  # fmt: skip
    assert fetched.returncode == 0, fetched.stderr
    assert TOKEN not in fetched.stdout + fetched.stderr
    assert (project.root / PARAMS).read_text() == before
    assert project.predict(head).returncode == 0
    assert "ScalableTarget" in (project.root / "comment.md").read_text()


SECRET = "only-on-the-runner"  # noqa: S105 - a word to look for


def hostile_links(root: Path, outside: Path) -> None:
    template = root / OUT
    outside.write_text(template.read_text().replace("Description:", f"Description: {SECRET} #"))
    template.unlink()
    template.symlink_to(outside)


def hostile_folder(root: Path, outside: Path) -> None:
    shutil.move(root / "out", outside)
    (root / "out").symlink_to(outside)


def hostile_params(root: Path, outside: Path) -> None:
    shutil.move(root / "params/dev", outside)
    edit(outside / "webordinary-edit.yaml", "MaxTasks: 2", "MaxTasks: 3")
    (root / "params/dev").symlink_to(outside)


def hostile_target(root: Path, outside: Path) -> None:
    shutil.move(root / "params/dev/target.yaml", outside)
    (root / "params/dev/target.yaml").symlink_to(outside)


def hostile_path(root: Path, outside: Path) -> None:
    shutil.copy(root / OUT, outside)
    edit(root / PARAMS, OUT, f"../{outside.name}")


def hostile_size(root: Path, _: Path) -> None:
    with (root / OUT).open("a") as file:
        file.write("# padding\n" * 200_000)


def hostile_bytes(root: Path, _: Path) -> None:
    (root / OUT).write_bytes(b"\xff\xfe\x00::error::x\n")


def hostile_name(root: Path, _: Path) -> None:
    shutil.copy(root / PARAMS, root / "params/dev/x\n::error::forged.yaml")


@pytest.mark.parametrize(
    ("attack", "reason"),
    [
        (hostile_links, "a symbolic link"),
        (hostile_folder, "a symbolic link"),
        (hostile_params, "a symbolic link"),
        (hostile_target, "a symbolic link"),
        (hostile_path, "outside the checkout"),
        (hostile_size, "larger than"),
        (hostile_bytes, "UTF-8"),
        (hostile_name, "called what no file should be"),
    ],
)
def test_what_leads_out_of_the_pull_request_is_refused(
    project: Checkout, tmp_path: Path, attack: Any, reason: str
) -> None:
    outside = tmp_path / "outside"
    attack(project.root, outside)
    done = project.predict(project.commit("attack"))
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert told(done) == []
    assert SECRET not in done.stdout + done.stderr + project.summary.read_text()
    assert not (project.root / "comment.md").exists()


def test_nothing_of_the_pull_request_is_run(project: Checkout, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    touch = f"import pathlib; pathlib.Path({str(mark)!r}).touch()\n"
    root = project.root
    for name in ("deploy.py", "simulate.py", "workerstack/problem.py", "workerstack/ci/__init__.py",
                 "workerstack/ci/__main__.py", "workerstack/deployer/__init__.py",
                 "workerstack/deployments/__init__.py", "sitecustomize.py", "yaml.py",
                 "pydantic.py"):  # fmt: skip
        (root / name).write_text(touch)
    (root / ".gitattributes").write_text("* filter=mine diff=mine\n")
    (root / ".gitconfig").write_text(f'[filter "mine"]\n\tsmudge = touch {mark}\n')
    (root / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = x\n\turl = "ext::touch {mark}"\n')
    (root / "Makefile").write_text(f"all:\n\ttouch {mark}\n")
    shutil.copy(root / OUT, root / f"out/$(touch {mark.name}).template.yaml")
    shutil.copy(root / OUT, root / "out/`touch mark`; touch mark.template.yaml")
    shutil.copy(root / OUT, root / "out/-picture.template.yaml")
    edit(root / OUT, "EvaluationPeriods: 15", "EvaluationPeriods: 20")
    edit(root / PARAMS, "tags:\n", 'tags:\n  X: "::set-output name=x::y $(touch mark)"\n')
    done = project.predict(project.commit("attack"), fresh=True)
    assert done.returncode == 0, done.stderr
    assert told(done) == []
    assert not mark.exists()
    assert not list(root.rglob("mark"))
    assert sorted(path.name for path in (root / "pictures").iterdir()) == ["webordinary-edit.png"]
    assert project.outputs.read_text() == ""
    comment = (root / "comment.md").read_text()
    assert "BacklogAlarm" in comment or "DrainedAlarm" in comment
    assert not [line for line in comment.splitlines() if line.startswith("::")]


def test_what_cannot_be_read_is_an_error_and_no_comment(project: Checkout) -> None:
    (project.root / PARAMS).write_text("parameters: [")
    head = project.commit("malformed")
    done = project.predict(head)
    assert done.returncode == 1
    assert f"{head}:{PARAMS}:" in done.stderr
    assert not (project.root / "comment.md").exists()


# Whether somebody guards the environment


def rule(**members: Any) -> dict[str, Any]:
    reviewer = {"type": "User", "reviewer": {"login": "ann"}}
    return {"type": "required_reviewers", "prevent_self_review": True, "reviewers": [reviewer],
            **members}  # fmt: skip


def environment(*rules: dict[str, Any], **members: Any) -> dict[str, Any]:
    policy = {"protected_branches": True, "custom_branch_policies": False}
    return {"name": "dev", "can_admins_bypass": False, "protection_rules": list(rules),
            "deployment_branch_policy": policy, **members}  # fmt: skip


DEV = "/repos/acme/workers/environments/dev"
APPROVALS = "/repos/acme/workers/actions/runs/77/approvals"
GUARDED = (200, environment(rule()))


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (GUARDED, 0, ""),
        ((200, environment({"type": "branch_policy"}, rule())), 0, ""),
        ((200, environment(rule(prevent_self_review=False))), 0, "self-review is not prevented"),
        ((200, environment(rule(), can_admins_bypass=True)), 0, "Administrators may bypass"),
        ((200, environment(rule(), deployment_branch_policy=None)), 0, "every branch"),
        ((404, {"message": "Not Found"}), 3, "There is no GitHub environment dev"),
        ((200, environment()), 3, "has no required reviewers"),
        ((200, environment({"type": "wait_timer", "wait_timer": 30})), 3, "no required reviewers"),
        ((200, environment({"type": "branch_policy"})), 3, "has no required reviewers"),
        ((200, environment(rule(reviewers=[]))), 3, "has no required reviewers"),
        ((200, environment(protection_rules=None)), 3, "has no required reviewers"),
        ((200, {}), 3, "has no required reviewers"),
        ((403, {"message": "Resource not accessible by integration"}), 1, "actions: read"),
        ((502, "<!DOCTYPE html>"), 1, "it answered 502"),
        ((200, "<!DOCTYPE html>"), 1, "could not be read"),
        ((200, []), 1, "it answered otherwise"),
    ],
)
def test_an_environment_that_nobody_guards_is_refused(
    unchanged: Checkout, answer: tuple[int, Any], code: int, said: str
) -> None:
    text = script("review", "review", "ci protected")
    with github({DEV: answer}) as (url, tokens):
        done = unchanged.run(text, "execute", GITHUB_API_URL=url, STACKS="dev")
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert said in unchanged.summary.read_text()
    assert unchanged.output("environment") == ('"dev"' if code == 0 else "")
    assert tokens == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize("stacks", ["production", "../dev", "dev\nx=1", "--help", "DEV"])
def test_the_environment_is_one_of_params(unchanged: Checkout, stacks: str) -> None:
    with github({}) as (url, tokens):
        done = unchanged.run(script("review", "review", "ci protected"), "execute",
                           GITHUB_API_URL=url, STACKS=stacks)  # fmt: skip
    assert done.returncode == 1
    assert "is no environment" in done.stderr
    assert (tokens, unchanged.outputs.read_text()) == ([], "")


# From the review to its execution


class Pipeline:
    """A push to main, as the two jobs of the workflow see it."""

    def __init__(self, project: Checkout, url: str) -> None:
        self.project = project
        self.aws = workflows.aws(url)
        self.digests = ""
        self.fresh = False
        """Whether Python itself runs the steps, which has not imported anything before."""

    def review(self, **more: str) -> "subprocess.CompletedProcess[str]":
        done = self.project.run(script("review", "review", "ci review"), "execute",
                                fresh=self.fresh,
                                **{"STACKS": "dev", "ALLOW": "", **self.aws, **more})  # fmt: skip
        self.digests = self.project.output("digests")
        reviews = self.project.root / ".reviews"
        shutil.rmtree(reviews, ignore_errors=True)
        reviews.mkdir()
        for file in (self.project.root / "reviews").glob("*.json"):
            shutil.move(file, reviews / file.name)
        return done

    def approved(self, answers: dict[str, Any], **more: str) -> "subprocess.CompletedProcess[str]":
        with github(answers) as (url, _):
            return self.project.run(
                script("review", "execute", "ci approved"), "execute", fresh=self.fresh,
                **{"GITHUB_API_URL": url, "DIGESTS": self.digests, "ENVIRONMENT": "dev", **more},
            )  # fmt: skip

    def execute(self, **more: str) -> "subprocess.CompletedProcess[str]":
        return self.project.run(script("review", "execute", "ci execute"), "execute",
                                fresh=self.fresh, **{"ALLOW": "", **self.aws, **more})  # fmt: skip


@pytest.fixture
def pipeline(project: Checkout, checkout: Path, endpoint: Endpoint) -> Pipeline:
    """The project of the fixture `checkout`, in a repository with the tool."""
    for name in ("out", "params"):
        shutil.rmtree(project.root / name)
        shutil.copytree(checkout / name, project.root / name)
    project.commit("what is deployed")
    return Pipeline(project, endpoint.url)


def approval(**members: Any) -> dict[str, Any]:
    return {"state": "approved", "environments": [{"name": "dev"}], "user": {"login": "ann"},
            "comment": "", **members}  # fmt: skip


def test_what_was_approved_is_shown_again_executed_and_verified(pipeline: Pipeline) -> None:
    pipeline.fresh = True
    done = pipeline.review()
    pipeline.fresh = False
    assert done.returncode == 0, done.stderr
    assert pipeline.project.output("changes") == "true"
    shown = pipeline.project.summary.read_text()
    [digest] = json.loads(pipeline.digests).values()
    assert digest in shown
    assert "What is to be approved" in shown

    asked = pipeline.approved({DEV: GUARDED, APPROVALS: (200, [approval()])})
    assert asked.returncode == 0, asked.stderr
    again = pipeline.project.summary.read_text()
    assert digest in again
    assert "by <code>ann</code>" in again
    assert "TaskDefinition" in again

    executed = pipeline.execute()
    assert executed.returncode == 0, executed.stderr
    assert "executed and verified" in pipeline.project.summary.read_text()
    assert told(done) == told(asked) == told(executed) == []

    assert pipeline.review().returncode == 0
    assert pipeline.project.output("changes") == ""
    assert "No stack would change" in pipeline.project.summary.read_text()


def test_a_finding_without_a_change_set_is_told_and_nothing_is_to_be_approved(
    tmp_path: Path,
) -> None:
    """A tag that means another image is no change to CloudFormation: exit 2 and no review file."""
    said = ("warning: worker:latest is another image since 2026-11-28 14:02 UTC",)
    results = Results(tmp_path / "outputs", tmp_path / "summary")

    def run(*_: str, **__: object) -> deploying.Ended:
        return 2, said

    assert deploying.review("dev", tmp_path / "reviews", "", run, results) == 0
    assert said[0] in (tmp_path / "summary").read_text()
    assert not (tmp_path / "outputs").exists()


def test_an_approval_that_outlived_its_review_is_refused_and_says_why(pipeline: Pipeline) -> None:
    """Two runs wait for their approval; the newer one is approved first."""
    reviews = pipeline.project.root / ".reviews"
    pipeline.review()
    shutil.copytree(reviews, pipeline.project.root.parent / "older")
    pipeline.review()
    assert pipeline.execute().returncode == 0
    shutil.rmtree(reviews)
    shutil.move(pipeline.project.root.parent / "older", reviews)
    late = pipeline.execute()
    assert late.returncode == 3
    summary = pipeline.project.summary.read_text()
    assert "refused, and nothing was executed (exit code 3)" in summary
    assert "out of date" in summary or "is gone" in summary


def test_what_is_not_what_was_approved_is_refused(pipeline: Pipeline) -> None:
    pipeline.review()
    answers = {DEV: GUARDED, APPROVALS: (200, [approval(environments=[{"name": "DEV"}])])}
    assert pipeline.approved(answers).returncode == 0
    for said in (
        [],
        [approval(state="rejected")],
        [approval(environments=[{"name": "staging"}])],
        [approval(environments=[])],
    ):
        refused = pipeline.approved({**answers, APPROVALS: (200, said)})
        assert refused.returncode == 3, refused.stderr
        assert "Nobody approved" in pipeline.project.summary.read_text()
    # The reviewers were taken away while the run waited.
    assert pipeline.approved({**answers, DEV: (200, environment())}).returncode == 3
    # The job runs in the environment of other reviewers.
    assert pipeline.approved(answers, ENVIRONMENT="prod").returncode == 3
    assert pipeline.approved(answers, DIGESTS="").returncode == 64
    [file] = (pipeline.project.root / ".reviews").glob("*.json")
    kept = file.read_bytes()
    # An edit that keeps the review's own digest true: only its bytes tell.
    file.write_bytes(kept + b"\n")
    done = pipeline.approved(answers)
    assert (done.returncode, "is not what was approved" in done.stderr) == (3, True)
    file.write_bytes(kept)
    shutil.copy(file, file.with_name("second.json"))
    assert pipeline.approved(answers).returncode == 3
    file.unlink()
    assert pipeline.approved(answers).returncode == 3
    assert "Traceback" not in done.stderr


def test_consent_is_written_into_the_review_and_shown_to_who_approves(pipeline: Pipeline) -> None:
    name = "E9405:TaskRolePolicy"
    done = pipeline.review(ALLOW=f"dev/webordinary-edit={name}")
    assert done.returncode != 0, "there is no such finding"
    template = pipeline.project.root / OUT
    edit(template, "- s3:GetBucketLocation", "- '*'")
    done = pipeline.review(ALLOW=f"dev/webordinary-edit={name}")
    assert done.returncode == 0, done.stderr
    assert "Let through with the approval" in pipeline.project.summary.read_text()
    [found] = reviewed.read(pipeline.project.root / ".reviews")
    assert [each.finding for each in found.review.allowed] == [name]


@pytest.mark.parametrize("wrong", ["prod/x=iam-wildcard:X", "dev/x=$(touch):X", "--yes"])
def test_consent_to_what_is_not_reviewed_makes_no_review(pipeline: Pipeline, wrong: str) -> None:
    done = pipeline.review(ALLOW=wrong)
    assert done.returncode in (3, 64)
    assert not list((pipeline.project.root / ".reviews").glob("*.json"))


def test_a_review_that_fails_says_why_in_the_summary(pipeline: Pipeline) -> None:
    edit(pipeline.project.root / "params/dev/target.yaml", 'account: "', 'account: "9')
    done = pipeline.review()
    assert done.returncode not in (0, 2)
    assert pipeline.digests == ""
    assert "account" in pipeline.project.summary.read_text()


def test_the_runner_sees_no_command_in_what_others_wrote() -> None:
    assert told(subprocess.CompletedProcess([], 0, "a\n::error::x\n", "")) == ["::error::x"]
    held = "::stop-commands::t\n::error::x\n::t::\n::notice::y\n"
    assert told(subprocess.CompletedProcess([], 0, held, "")) == ["::notice::y"]
