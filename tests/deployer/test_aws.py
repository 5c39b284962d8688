"""What guards a stack: its size limits, termination protection, its policy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError
from botocore.stub import Stubber

from tests.conftest import ROOT, Run
from tests.review.test_several import small
from workerstack import deployments
from workerstack.deployer import stack_protection
from workerstack.deployer.source import LIMIT, placed, read_source
from workerstack.deployments.models import Target
from workerstack.problem import Refusal


def large(checkout: Path, size: int = 60_000) -> None:
    small(checkout, "one")
    file = checkout / "out/one.template.yaml"
    file.write_text(f"{file.read_text()}# {'x' * size}\n")


def name_bucket(checkout: Path, name: str) -> None:
    target = checkout / "params/dev/target.yaml"
    target.write_text(f"{target.read_text()}template-bucket: {name}\n")


def test_a_large_template_goes_through_a_bucket_of_ours(
    command: Run, checkout: Path, client: Callable[[str], Any], account: str
) -> None:
    large(checkout)
    code, _, err = command("review", "dev/one")
    assert code == 1
    assert "no template-bucket is named" in err
    bucket = f"templates-{account}"
    name_bucket(checkout, bucket)
    code, _, err = command("review", "dev/one")
    assert code == 1
    assert f"There is no bucket {bucket}" in err
    client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    code, out, err = command("review", "dev/one", "--output", str(checkout / "r.json"))
    assert code == 2, err
    assert "+ Queue" in out
    [object_] = client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    digest = read_source(deployments.load("dev/one", checkout)).template_digest
    assert object_["Key"] == f"fargate-worker-stack/{digest}.template.yaml"
    assert command("execute", str(checkout / "r.json"))[0] == 0


def test_a_template_above_every_limit_is_refused(command: Run, checkout: Path) -> None:
    large(checkout, LIMIT)
    name_bucket(checkout, "templates")
    code, _, err = command("review", "dev/one")
    assert code == 1
    assert "1,000,000 are the most" in err


def test_a_bucket_of_somebody_else_is_refused(checkout: Path) -> None:
    large(checkout)
    name_bucket(checkout, "templates")
    source = read_source(deployments.load("dev/one", checkout))
    s3: Any = boto3.client("s3", region_name="us-west-2")
    with Stubber(s3) as stubber:
        owner = {"Bucket": "templates", "ExpectedBucketOwner": source.deployment.target.account}
        stubber.add_client_error("head_bucket", "403", expected_params=owner)
        with pytest.raises(Refusal, match="templates is not ours"):
            placed(source, lambda _: s3)  # type: ignore[arg-type]


def test_protection_is_reviewed_set_and_left_alone_where_nothing_is_said(
    command: Run, checkout: Path, client: Callable[[str], Any]
) -> None:
    small(checkout, "one")
    target, file = checkout / "params/dev/target.yaml", str(checkout / "r.json")
    guards = "termination-protection: true\nstack-policy: policy.json\n"
    target.write_text(f"{target.read_text()}{guards}")
    (checkout / "params/dev/policy.json").write_text('{"Statement": []}')
    code, out, _ = command("review", "dev/one", "--output", file)
    assert code == 2
    assert "Termination protection" in out
    code, out, err = command("execute", file)
    assert code == 0
    assert "Termination protection is on." in err
    assert "The stack policy is set." in err
    cloudformation = client("cloudformation")
    assert cloudformation.describe_stacks(StackName="one")["Stacks"][0][
        "EnableTerminationProtection"
    ]
    assert "Statement" in cloudformation.get_stack_policy(StackName="one")["StackPolicyBody"]
    small(checkout, "one", seconds=60)
    code, out, _ = command("review", "dev/one")
    assert code == 2
    assert "Termination protection" not in out
    (checkout / "params/dev/policy.json").write_text("{")
    assert "The stack policy cannot be read" in command("review", "dev/one")[2]


def test_an_execution_that_was_cut_off_before_it_guards_the_stack_is_finished(
    command: Run, checkout: Path, client: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    small(checkout, "one")
    target, file = checkout / "params/dev/target.yaml", str(checkout / "r.json")
    target.write_text(f"{target.read_text()}termination-protection: true\n")
    assert command("review", "dev/one", "--output", file)[0] == 2

    def cut_off(*_: object) -> None:
        raise ConnectionClosedError(endpoint_url="https://cloudformation")

    with monkeypatch.context() as patch:
        patch.setattr(stack_protection, "apply", cut_off)
        code, _, err = command("execute", file)
    assert code == 1
    assert "one is deployed, but what guards it is not set" in err
    code, _, err = command("watch", "dev/one")
    assert code == 0
    assert "execute\nit again with `deploy.py execute`" in err
    code, _, err = command("execute", file)
    assert code == 0
    assert "Termination protection is on." in err
    cloudformation = client("cloudformation")
    [stack] = cloudformation.describe_stacks(StackName="one")["Stacks"]
    assert (stack["EnableTerminationProtection"], stack["StackStatus"]) == (True, "CREATE_COMPLETE")
    assert "What guards" not in command("watch", "dev/one")[2]


def test_what_was_not_reviewed_is_not_set(
    command: Run, checkout: Path, client: Callable[[str], Any]
) -> None:
    small(checkout, "one")
    target, file = checkout / "params/dev/target.yaml", str(checkout / "r.json")
    assert command("review", "dev/one", "--output", file)[0] == 2
    text = target.read_text()
    target.write_text(f"{text}termination-protection: true\n")
    code, _, err = command("execute", file)
    assert code == 3
    assert "termination protection was not set when it was reviewed, and is true now" in err
    target.write_text(text)
    assert command("execute", file)[0] == 0
    # What is executed already is only watched, and still sets nothing that nobody reviewed.
    target.write_text(f"{text}termination-protection: true\n")
    code, _, err = command("execute", file)
    assert code == 0
    assert "Review again to set it" in err
    found = client("cloudformation").describe_stacks(StackName="one")["Stacks"][0]
    assert not found.get("EnableTerminationProtection")


def test_the_page_has_every_key_of_the_target() -> None:
    text = (ROOT / "docs/environments.md").read_text()
    keys = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert keys == [name.replace("_", "-") for name in Target.model_fields]


def test_nothing_is_put_back_in_a_stack_that_does_not_exist(command: Run, checkout: Path) -> None:
    small(checkout, "one")
    code, _, err = command("review", "dev/one", "--revert-drift")
    assert code == 3
    assert "nobody can have changed it" in err
