"""docs/without-the-tool.md, line by line, with the real AWS CLI against the embedded endpoint."""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REGION, ROOT
from tests.interpreter import Interpreter
from workerstack import localaws
from workerstack.localaws import pushing, surroundings

Client = Callable[[str], Any]
Aws = Callable[..., str]
PAGE = (ROOT / "docs/without-the-tool.md").read_text()
FORMER = ROOT / "tests/templates/webordinary-edit.former.template.yaml"
WORKER = {"cluster": "webordinary-edit-cluster", "service": "webordinary-edit-service"}


LOADED = """
import awscli.clidriver, awscli.customizations.cloudformation.deploy
driver = awscli.clidriver.create_clidriver()
driver.session.get_service_model("cloudformation")
"""
"""What each command of the AWS CLI imports."""

DATA = str(files("awscli") / "data")


@pytest.fixture(scope="module")
def cli() -> Iterator[Interpreter]:
    """Runs the AWS CLI in a process of its own, without the time that its imports take."""
    with Interpreter(ROOT, LOADED) as running:
        yield running


@pytest.fixture
def aws(endpoint: localaws.Endpoint, account: str, cli: Interpreter) -> Aws:
    """The AWS CLI with these words; its output, or what it said where it failed."""
    environment = {
        "AWS_ENDPOINT_URL": endpoint.url, "AWS_REGION": REGION, "AWS_PAGER": "",
        "AWS_ACCESS_KEY_ID": account,
        # Importing it sets this, in the environment of the process that it is forked from.
        "AWS_DATA_PATH": DATA,
    }  # fmt: skip

    def run(*words: str) -> str:
        done = cli.run("-m", "awscli", *words, folder=ROOT, **environment)
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return run


def commands() -> Iterator[list[str]]:
    """Each command of the page's shell blocks, in its order."""
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield shlex.split(line)


def here(word: str, account: str, things: surroundings.Surroundings) -> str:
    """What the page names, as it is called in the test's account."""
    for there, instead in {
        "vpc-0a1b2c3d4e5f60718": things.vpc_id,
        "subnet-0a1b2c3d4e5f60001": things.subnet_ids[0],
        "subnet-0a1b2c3d4e5f60002": things.subnet_ids[1],
        "fs-0a1b2c3d4e5f60718": things.file_system_id,
        "fsap-0a1b2c3d4e5f60718": things.access_point_id,
        "sg-0a1b2c3d4e5f60718": things.file_system_security_group_id,
        "111122223333": account,
    }.items():
        word = re.sub(rf"\b{there}\b", instead, word)
    return word


def count(client: Client) -> int:
    [found] = client("ecs").describe_services(
        cluster=WORKER["cluster"], services=[WORKER["service"]]
    )["services"]
    return int(found["desiredCount"])


def scaled_to(client: Client, number: int) -> None:
    """What scaling does."""
    client("ecs").update_service(**WORKER, desiredCount=number)


def test_the_page_line_by_line(
    aws: Aws, client: Client, account: str, things: surroundings.Surroundings
) -> None:
    arn, ran, listed = "", [], {}
    for program, *words in commands():
        assert program == "aws"
        given = [here(word, account, things) if word != "ARN" else arn for word in words]
        out = aws(*given)
        ran.append(words[1])
        if words[1] == "deploy":
            [arn] = re.findall(r"arn:\S+:changeSet/\S+", out)
            found = json.loads(
                aws("cloudformation", "describe-change-set", "--change-set-name", arn)
            )
            assert found["Status"] == "CREATE_COMPLETE"
            stack = words[words.index("--stack-name") + 1]
            listed[stack, found["ExecutionStatus"], len(ran)] = [
                each["ResourceChange"]["LogicalResourceId"] for each in found["Changes"]
            ]
        if words[1] == "wait":
            assert count(client) == 1
            scaled_to(client, 2)
    assert ran == [
        "deploy",
        "describe-change-set",
        "execute-change-set",
        "wait",
        "deploy",
        "deploy",
    ]
    creation, update, other = listed.values()
    assert (len(creation), update, len(other)) == (15, ["ScalableTarget"], 19)
    assert count(client) == 2


def values(things: surroundings.Surroundings) -> dict[str, str]:
    return {
        "VpcId": things.vpc_id, "VpcCidr": surroundings.CIDR,
        "SubnetIds": ",".join(things.subnet_ids), "FileSystemId": things.file_system_id,
        "AccessPointId": things.access_point_id,
        "FileSystemSecurityGroupId": things.file_system_security_group_id,
        "GitHubTokenSecretArn": things.secret_arn,
    }  # fmt: skip


def deploy(aws: Aws, client: Client, template: str | Path, given: Mapping[str, str]) -> None:
    aws(
        *("cloudformation", "deploy", "--stack-name", "webordinary-edit"),
        *("--template-file", str(template), "--capabilities", "CAPABILITY_IAM"),
        "--parameter-overrides", *(f"{name}={value}" for name, value in given.items()),
    )  # fmt: skip
    # The CLI names a change set by the second, and the endpoint keeps those that were executed:
    # the next deployment within this second would meet a name that is taken.
    cloudformation = client("cloudformation")
    for made in cloudformation.list_change_sets(StackName="webordinary-edit")["Summaries"]:
        cloudformation.delete_change_set(ChangeSetName=made["ChangeSetId"])


def in_the_console(client: Client, changes: Mapping[str, str]) -> None:
    """The console sends each parameter of the new template, by default as it was given last."""
    cloudformation = client("cloudformation")
    text = (ROOT / "out/webordinary-edit.template.yaml").read_text()
    [stack] = cloudformation.describe_stacks(StackName="webordinary-edit")["Stacks"]
    last = {each["ParameterKey"] for each in stack["Parameters"]}
    declared = cloudformation.get_template_summary(TemplateBody=text)["Parameters"]
    cloudformation.update_stack(
        StackName="webordinary-edit", TemplateBody=text, Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": name, "ParameterValue": changes[name]} if name in changes
            else {"ParameterKey": name, "UsePreviousValue": True} if name in last
            else {"ParameterKey": name, "ParameterValue": each["DefaultValue"]}
            for each in declared for name in [each["ParameterKey"]]
        ],
    )  # fmt: skip
    cloudformation.get_waiter("stack_update_complete").wait(
        StackName="webordinary-edit", WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
    )


NEW = "out/webordinary-edit.template.yaml"


@pytest.mark.parametrize("said", [{"ServiceExists": "false"}, {"ServiceExists": "true"}, {}])
def test_no_order_of_ways_stops_a_worker(
    said: dict[str, str], aws: Aws, client: Client, things: surroundings.Surroundings
) -> None:
    given = values(things)
    for tag in ("1", "2", "3"):
        pushing.push(client("ecr"), surroundings.REPOSITORY, tag)
    deploy(aws, client, FORMER, given | said)
    scaled_to(client, 3)
    deploy(aws, client, NEW, said | {"ImageReference": ":1"})
    assert count(client) == 3
    in_the_console(client, {"ImageReference": ":2"})
    assert count(client) == 3
    deploy(aws, client, NEW, {"ImageReference": ":3"})
    assert count(client) == 3
    in_the_console(client, {"AssignPublicIp": "DISABLED"})
    assert count(client) == 3


def test_the_former_form_was_the_trap(
    aws: Aws, client: Client, things: surroundings.Surroundings
) -> None:
    """The control: what this endpoint does with a desired count that stays at 0."""
    deploy(aws, client, FORMER, values(things) | {"ServiceExists": "true"})
    scaled_to(client, 3)
    deploy(aws, client, FORMER, {"ServiceExists": "false", "ImageReference": ":1"})
    assert count(client) == 0
