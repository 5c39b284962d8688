"""Stacks that other tools made, deployed to the embedded endpoint: what there is to adopt."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workerstack.localaws import surroundings

TEMPLATES = Path(__file__).parent / "templates"
CDK = TEMPLATES / "cdk-web-service.template.json"
"""What the CDK 2.276.0 makes of `cdk-web-service.js`, byte for byte."""

HAND_WRITTEN = TEMPLATES / "hand-written.template.yaml"

BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
"""The SSM parameter that `cdk bootstrap` leaves, and that each CDK template asks for."""


def deploy_cdk(
    client: Callable[[str], Any],
    account: str,
    things: surroundings.Surroundings,
    stack: str = "webordinary-edit",
) -> str:
    """Deploys the web-serving stack as `cdk deploy` would; gives its template.

    A CDK application that names its account has the ids of what it imports in its template,
    so it is another text in each account.
    """
    client("ssm").put_parameter(Name=BOOTSTRAP, Value="21", Type="String", Overwrite=True)
    text = CDK.read_text(encoding="utf-8")
    for there, here in _imported(account, things).items():
        assert there in text, there
        text = text.replace(there, here)
    create(client("cloudformation"), stack, text, {}, {"Environment": "dev"})
    return text


def deploy_hand_written(
    client: Callable[[str], Any],
    things: surroundings.Surroundings,
    stack: str = "thumbnails",
    changes: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Deploys the hand-written SQS worker, with texts of it exchanged; gives its template."""
    text = HAND_WRITTEN.read_text(encoding="utf-8")
    for before, after in changes.items():
        assert before in text, before
        text = text.replace(before, after)
    values = {"Vpc": things.vpc_id, "Subnets": ",".join(things.subnet_ids), "MaxCount": "6"}
    create(client("cloudformation"), stack, text, values, {})
    return text


def _imported(account: str, things: surroundings.Surroundings) -> dict[str, str]:
    """What the template imports, and the same here; longer texts before their parts."""
    there = "arn:aws:{}:us-west-2:111122223333:{}"
    listener = "app/webordinary/50dc6c495c0c9188"
    secret = "webordinary/github-token-AbCdEf"  # noqa: S105 - a secret's name
    return {
        there.format("elasticloadbalancing", f"listener/{listener}/f2f7dc8efc522ab2"): (
            things.listener_arn
        ),
        listener: "/".join(things.listener_arn.split("/")[1:4]),
        there.format("secretsmanager", f"secret:{secret}"): things.secret_arn,
        "vpc-0a1b2c3d4e5f60718": things.vpc_id,
        "subnet-0a1b2c3d4e5f60001": things.subnet_ids[0],
        "subnet-0a1b2c3d4e5f60002": things.subnet_ids[1],
        "fsap-0a1b2c3d4e5f60718": things.access_point_id,
        "fs-0a1b2c3d4e5f60718": things.file_system_id,
        "sg-0a1b2c3d4e5f60718": things.file_system_security_group_id,
        "sg-0a1b2c3d4e5f60b00": things.load_balancer_security_group_id,
        "111122223333": account,
    }


def create(
    cloudformation: Any, stack: str, text: str, values: Mapping[str, str], tags: Mapping[str, str]
) -> None:
    """Creates a stack and waits for it."""
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=text,
        Parameters=[{"ParameterKey": key, "ParameterValue": values[key]} for key in values],
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName=stack, WaiterConfig={"Delay": 0, "MaxAttempts": 1000})
