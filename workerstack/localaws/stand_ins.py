"""What a template's parameters may be in an account that is made up: things made to stand in.

For parameters of which nothing in an account tells what they are, so that somebody has to write it.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from workerstack.cloudformation import Parameter
from workerstack.localaws import pushing
from workerstack.problem import Problem

NAME = "stand-in"
ACCOUNT = "111122223333"
OPEN = re.compile(r"^  # (\w+): .*$", re.MULTILINE)
"""A line of `init` that says why it found no value."""

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        }
    ],
}
EVERYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}

Client = Callable[[str], Any]
Make = Callable[[Client, str], str]


def filled(text: str, declared: Mapping[str, Parameter], client: Client, vpc_id: str) -> str:
    """A params file of `init` in which each value that was left open is that of a stand-in.

    Raises Problem for a parameter of which nothing can be made up.
    """

    def written(line: re.Match[str]) -> str:
        parameter = declared.get(line[1])
        if parameter is None:
            return line[0]
        return f"  {parameter.name}: {json.dumps(value(parameter, client, vpc_id))}"

    found = OPEN.sub(written, text)
    return found if found == text else found.replace("parameters: {}\n", "parameters:\n")


def value(parameter: Parameter, client: Client, vpc_id: str) -> str:
    """A possible value, whose thing is made where it is one of AWS; raises Problem for none."""
    if parameter.allowed:
        return parameter.allowed[0]
    if parameter.type in BY_TYPE:
        return BY_TYPE[parameter.type](client, vpc_id)
    if parameter.type == "Number":
        return f"{parameter.least or 1:g}"
    for text in TEXTS:
        if re.search(parameter.pattern or "", text):
            return text
    for example, make in BY_PATTERN.items():
        if re.search(parameter.pattern or "", example):
            return make(client, vpc_id)
    raise Problem(
        f"Nothing stands in for {parameter.name}",
        f"its values look like {parameter.pattern}, and are none that could be made up",
        "Give it a default in templates/workers.py for the trial, or deploy it to an account",
    )


def _group(client: Client, vpc_id: str) -> str:
    of_vpc = [{"Name": "vpc-id", "Values": [vpc_id]}]
    groups = client("ec2").describe_security_groups(Filters=of_vpc)["SecurityGroups"]
    return str(groups[0]["GroupId"])


def _route_tables(client: Client, vpc_id: str) -> str:
    of_vpc = [{"Name": "vpc-id", "Values": [vpc_id]}]
    tables = client("ec2").describe_route_tables(Filters=of_vpc)["RouteTables"]
    return ",".join(each["RouteTableId"] for each in tables)


def _prefix_list(client: Client, _: str) -> str:
    made = client("ec2").create_managed_prefix_list(
        PrefixListName=NAME, MaxEntries=1, AddressFamily="IPv4"
    )
    return str(made["PrefixList"]["PrefixListId"])


def _stored_parameter(client: Client, _: str) -> str:
    client("ssm").put_parameter(Name=NAME, Value=NAME, Type="String", Overwrite=True)
    return str(client("ssm").get_parameter(Name=NAME)["Parameter"]["ARN"])


def _policy(client: Client, _: str) -> str:
    iam = client("iam")
    known = {each["PolicyName"]: each["Arn"] for each in iam.list_policies()["Policies"]}
    if NAME not in known:
        made = iam.create_policy(PolicyName=NAME, PolicyDocument=json.dumps(EVERYTHING))
        known[NAME] = made["Policy"]["Arn"]
    return str(known[NAME])


def _role(client: Client, _: str) -> str:
    iam = client("iam")
    known = {each["RoleName"]: each["Arn"] for each in iam.list_roles()["Roles"]}
    if NAME not in known:
        made = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(TRUST))
        known[NAME] = made["Role"]["Arn"]
    return str(known[NAME])


def _protector(client: Client, _: str) -> str:
    ecr = client("ecr")
    known = {each["repositoryName"] for each in ecr.describe_repositories()["repositories"]}
    if PROTECTOR not in known:
        ecr.create_repository(repositoryName=PROTECTOR)
    return f"@{pushing.push(ecr, PROTECTOR, NAME)}"


PROTECTOR = "protector"
"""The repository of the sidecar that protects a busy worker; what else takes a digest has one."""

TEXTS = (
    NAME, "A", "1", "true", "08:00", "2026-01-01", "2026-01-01T08:00:00Z", "1.0.0", "1h", "/app",
    "example.com", "https://example.com/", "s3://example/", "user@example.com", "10.0.0.0/16",
    "us-west-2", ACCOUNT,
)  # fmt: skip
"""Texts of the kinds that programs are told by variables."""

BY_TYPE: Mapping[str, Make] = {
    "AWS::EC2::SecurityGroup::Id": _group,
    "CommaDelimitedList": _route_tables,
}
BY_PATTERN: Mapping[str, Make] = {
    f"arn:aws:ssm:us-west-2:{ACCOUNT}:parameter/{NAME}": _stored_parameter,
    f"arn:aws:iam::{ACCOUNT}:policy/{NAME}": _policy,
    f"arn:aws:iam::{ACCOUNT}:role/{NAME}": _role,
    "pl-0123456789abcdef0": _prefix_list,
    f"@sha256:{'0' * 64}": _protector,
}
"""An example of what a parameter's pattern may want, and what makes such a thing."""
