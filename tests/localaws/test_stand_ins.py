"""What the trial of a new project writes where nothing in an account tells a parameter's value."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workerstack.cloudformation import Parameter, declared_parameters, read
from workerstack.localaws import stand_ins
from workerstack.localaws.surroundings import Surroundings
from workerstack.problem import Problem

ROOT = Path(__file__).parents[2]
Client = Callable[[str], Any]

TEMPLATES = [
    *sorted((ROOT / "examples/invoices/out").glob("*.yaml")),
    ROOT / "out/webordinary-edit.template.yaml",
]


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name.partition(".")[0])
def test_every_parameter_that_a_worker_can_have_has_a_stand_in(
    file: Path, client: Client, things: Surroundings
) -> None:
    """But for those of the account that `init` finds: VPC, subnets, file system, secrets, keys."""
    found = ("VpcId", "SubnetIds", "FileSystemId", "AccessPointId", "VpcCidr")
    declared = declared_parameters(read(file.read_text(), file).data)
    asked = [each for each in declared.values() if each.default is None and each.name not in found]
    assert asked
    for each in asked:
        if re.search("secretsmanager|:kms:", each.pattern or ""):
            continue
        value = stand_ins.value(each, client, things.vpc_id)
        assert re.search(each.pattern or "", value), each.name
        assert value == stand_ins.value(each, client, things.vpc_id) or each.type == "String"


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (Parameter("A", allowed=("info", "debug")), "info"),
        (Parameter("A"), "stand-in"),
        (Parameter("A", type="Number", least=3), "3"),
        (Parameter("A", type="Number"), "1"),
        (Parameter("A", pattern="^(\\d+)$"), "1"),
        (Parameter("A", pattern="^https://.*$"), "https://example.com/"),
    ],
)
def test_a_value_of_a_variable(parameter: Parameter, expected: str, client: Client) -> None:
    assert stand_ins.value(parameter, client, "vpc-1") == expected


def test_what_nothing_stands_in_for_is_told(client: Client) -> None:
    with pytest.raises(Problem) as told:
        stand_ins.value(Parameter("Odd", pattern="^[xyz]{7}$"), client, "vpc-1")
    assert str(told.value).startswith("Nothing stands in for Odd: its values look like ^[xyz]{7}$")


def test_lines_that_were_left_open_are_filled_in(client: Client) -> None:
    text = "parameters: {}\n  # A: not found: nothing tells\n  # Other: a remark\ntags:\n"
    declared = {"A": Parameter("A")}
    assert stand_ins.filled(text, declared, client, "vpc-1") == (
        'parameters:\n  A: "stand-in"\n  # Other: a remark\ntags:\n'
    )
    assert stand_ins.filled("parameters: {}\n", declared, client, "vpc-1") == "parameters: {}\n"
