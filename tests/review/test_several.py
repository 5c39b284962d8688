"""Reviews of a whole environment, in every format, and predicted ones for a pull request."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.commands.test_deploy import left_behind
from tests.conftest import Run
from workerstack.deployer.stack import OWNER
from workerstack.review.schema import schema

ROOT = Path(__file__).parents[2]
QUEUE = """
Parameters: {{Seconds: {{Type: Number, Default: {seconds}}}}}
Resources:
  Queue: {{Type: AWS::SQS::Queue, Properties: {{VisibilityTimeout: !Ref Seconds}}}}
"""


def small(checkout: Path, *names: str, seconds: int = 30) -> None:
    (checkout / "params/dev/webordinary-edit.yaml").unlink(missing_ok=True)
    for name in names:
        (checkout / f"out/{name}.template.yaml").write_text(QUEUE.format(seconds=seconds))
        (checkout / f"params/dev/{name}.yaml").write_text(
            f"template-file-path: out/{name}.template.yaml\nparameters: {{}}\n"
        )


def test_what_does_the_same_is_shown_once(
    command: Run, checkout: Path, client: Callable[[str], Any]
) -> None:
    small(checkout, "one", "two")
    small(checkout, "three", seconds=60)
    code, out, err = command("review", "dev")
    assert code == 2
    assert out.count("+ Queue, added") == 2
    assert "dev/two does the same" in out
    assert err.count("Execute   ") == 3
    assert len(list((checkout / ".reviews").iterdir())) == 3
    assert sorted(left_behind(client)[0]) == ["one", "three", "two"]
    code, out, err = command("review", "dev", "--format", "json")
    assert code == 2, err
    found = json.loads(out)
    assert [each["where"]["deployment"] for each in found] == ["dev/one", "dev/three", "dev/two"]
    for each in found:
        jsonschema.validate(each, json.loads(schema()))


def test_one_that_fails_does_not_hide_the_others(command: Run, checkout: Path) -> None:
    small(checkout, "one", "two")
    (checkout / "out/two.template.yaml").write_text("Resources: []\n")
    code, out, err = command("review", "dev")
    assert code == 1
    assert "dev/one: creation" in out
    assert "dev/two: " in err
    assert "Resources is no" in err
    code, _, err = command("review", "nowhere")
    assert code == 1
    assert "Unknown environment nowhere" in err


def test_the_stack_of_another_deployment_is_left_alone(
    command: Run, checkout: Path, client: Callable[[str], Any]
) -> None:
    small(checkout, "one")
    file = str(checkout / "r.json")
    assert command("review", "dev/one", "--output", file)[0] == 2
    assert command("execute", file)[0] == 0
    tags = client("cloudformation").describe_stacks(StackName="one")["Stacks"][0]["Tags"]
    assert {"Key": OWNER, "Value": "dev/one"} in tags
    other = checkout / "params/test"
    other.mkdir()
    for each in (checkout / "params/dev").iterdir():
        (other / each.name).write_bytes(each.read_bytes())
    code, _, err = command("review", "test/one")
    assert code == 3
    assert "The stack one belongs to dev/one, and this is test/one" in err


def test_the_committed_schema_is_that_of_the_model() -> None:
    assert (ROOT / "docs/review.schema.json").read_text() == f"{schema()}\n", (
        "Run `python -m workerstack.review.schema > docs/review.schema.json`"
    )


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_every_format_lists_what_is_needed(command: Run, checkout: Path, form: str) -> None:
    before = str(ROOT / "workerstack/localaws/web-serving.template.yaml")
    after = str(checkout / "out/webordinary-edit.template.yaml")
    params = str(checkout / "params/dev/webordinary-edit.yaml")
    code, out, _ = command("diff", before, after, "--params", params, "--format", form)
    assert code == 2
    for removed in (
        "CpuScalingPolicy", "DiscoveryNamespace", "DiscoveryService", "ListenerRule",
        "LoadBalancerIngress", "MemoryScalingPolicy", "RequestScalingPolicy", "TargetGroup",
    ):  # fmt: skip
        assert removed in out
    assert "REPLACED" in out
    # Markdown's escapes.
    # A short text counts what is long; the others have all of it.
    if form != "text":
        assert "servicediscovery:DiscoverInstances" in out.replace("\\", "")
    assert "predicted" in out.lower()


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def test_a_pull_request_gets_its_diff_without_credentials(command: Run, checkout: Path) -> None:
    small(checkout, "one", "two")
    git(checkout, "init", "-q", "-b", "main")
    git(checkout, "add", ".")
    git(checkout, "commit", "-qm", "before")
    assert command("diff", "--base", "main")[0] == 0
    small(checkout, "two", seconds=60)
    small(checkout, "new")
    code, out, err = command("diff", "--base", "main", "--format", "json")
    assert code == 2
    kinds = {each["where"]["deployment"]: each["change_set"]["type"] for each in json.loads(out)}
    assert kinds == {"dev/new": "CREATE", "dev/two": "UPDATE"}
    assert "No changes: dev/one" in err
    code, out, _ = command("diff", "--base", "main", "dev/two")
    assert "VisibilityTimeout  30 -> 60" in out
    old, new = "git:main:out/two.template.yaml", str(checkout / "out/two.template.yaml")
    assert command("diff", old, new)[1].count("30 -> 60") == 1
    assert command("diff", new, new)[0] == 0
    assert "1 to delete" in command("diff", old, "nothing")[1]
    for words, expected in (
        (("git:main:out/missing.yaml", new), "does not exist"),
        (("git:nowhere:out/two.template.yaml", new), "There is no revision nowhere"),
        (("missing.yaml", new), "missing.yaml cannot be read"),
    ):
        code, _, err = command("diff", *words)
        assert code == 1
        assert expected in err
    assert command("diff", new)[0] == 64


def test_secret_values_are_nowhere(command: Run, checkout: Path) -> None:
    template = checkout / "out/one.template.yaml"
    small(checkout, "one")
    template.write_text(
        """
Parameters: {Password: {Type: String, NoEcho: true}}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {Tags: [{Key: p, Value: !Ref Password}]}}
"""
    )
    (checkout / "params/dev/one.yaml").write_text(
        "template-file-path: out/one.template.yaml\nparameters: {Password: s3cret}\n"
    )
    file = checkout / "r.json"
    for form in ("text", "json", "markdown", "html"):
        code, out, err = command("review", "dev/one", "--format", form, "--output", str(file))
        assert code == 2, err
        assert "s3cret" not in out + err + file.read_text()
        assert "Password" in out
