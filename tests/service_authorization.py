"""Writes workerstack/cloudformation/service_authorization.json from parliament's table.

parliament lives in the environment of the auditors, and holds AWS's Service Authorization
Reference as data: `.venv/bin/python -m tests.service_authorization` reads it there.
"""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FILE = ROOT / "workerstack/cloudformation/service_authorization.json"
SERVICES = (
    "application-autoscaling", "cloudformation", "cloudwatch", "dynamodb", "ecr", "ecs", "ec2",
    "elasticfilesystem", "elasticloadbalancing", "events", "iam", "kms", "lambda", "logs",
    "route53", "s3", "secretsmanager", "servicediscovery", "servicequotas", "sns", "sqs",
    "ssm", "sts",
)  # fmt: skip
"""The services that a worker's stack is made of, or that stood there before it."""

SOURCE = "AWS Service Authorization Reference, as in parliament 1.6.4"
LONG = 12
"""More resource types than this is nearly all of a service, and then the type decides."""


def source() -> Path:
    """parliament's data; raises ValueError where the auditors are not installed."""
    [found] = (ROOT / ".venv-audit").glob(
        "lib/python3*/site-packages/parliament/iam_definition.json"
    )
    return found


def table() -> dict[str, Any]:
    """The shipped content, made anew."""
    data = {each["prefix"]: each for each in json.loads(source().read_text(encoding="utf-8"))}
    wanted = _of_the_handlers()
    actions: dict[str, Any] = {}
    resources: dict[str, str] = {}
    for service in SERVICES:
        arns = {each["resource"]: each["arn"] for each in data[service]["resources"]}
        for each in sorted(data[service]["privileges"], key=lambda one: str(one["privilege"])):
            name = f"{service}:{each['privilege']}"
            if service == "ec2" and name not in wanted:
                continue
            kinds = [of["resource_type"] for of in each["resource_types"] if of["resource_type"]]
            if service == "ec2" and len(kinds) > LONG:
                kinds = [kind for kind in kinds if kind.rstrip("*") in EC2]
            actions[name] = sorted(
                kind.removesuffix("*") if kind.endswith("*") else f"{kind}?" for kind in kinds
            )
            for kind in kinds:
                own = kind.rstrip("*")
                resources[f"{service}:{own}"] = _pattern(arns[own])
    return {"resources": dict(sorted(resources.items())), "actions": actions}


EC2 = ("security-group", "security-group-rule", "subnet", "vpc", "network-interface")


def _pattern(arn: str) -> str:
    """An ARN with `*` for what is not known before: `${ServiceName}`."""
    kept = ("Partition", "Region", "Account")
    found = re.sub(r"\$\{(\w+)\}", lambda each: each[0] if each[1] in kept else "*", arn)
    return re.sub(r"\*+", "*", found)


def _of_the_handlers() -> set[str]:
    import cfnlint

    folder = Path(str(cfnlint.__file__)).parent / "data/schemas/resources"
    return {
        action
        for file in folder.glob("*.json")
        for handler in json.loads(file.read_text(encoding="utf-8")).get("handlers", {}).values()
        for action in handler.get("permissions", ())
    } | {"ec2:DescribeRouteTables", "ec2:DescribeVpcs", "ec2:DescribeSubnets"}


def main() -> None:
    """Writes it."""
    lines = json.dumps({"source": SOURCE, **table()}, indent=1)
    FILE.write_text(re.sub(r"\[\n\s+([^]]*?)\n\s+\]", _on_one_line, lines) + "\n", encoding="utf-8")


def _on_one_line(found: re.Match[str]) -> str:
    return "[" + re.sub(r",\n\s+", ", ", found[1]) + "]"


if __name__ == "__main__":
    main()
