"""What is rendered, as another program reads it: by the rules of YAML 1.1, and by those of 1.2.

CloudFormation, cfn-lint, editors and the CDK read by different rules; text must be text to all.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

import templates
from examples.invoices import workers as examples
from templates import workers
from workerstack.lint.rendering import render
from workerstack.specification import Worker

TEXTS = [
    "012345678901", "08", "1234e567", "yes", "22:30", "0x1f", "no", "On", "off", "y", "N", "true",
    "null", "~", "", " ", "0o17", "0b11", "1_000", "+12", "-0", ".5", "5.", "1e5", "6.02E+23",
    "-.inf", ".NaN", "2026-01-05", "2026-01-05T08:00:00Z", "190:20:30", "190:20:30.15", "=", "<<",
    "0815", "1,000", "0x", "-", "+", "!Ref", "a: b", "# c", "- d", "[e]", "{f}", "&g", "*h", "%i",
    "@j", "`k", "|", ">", "'", '"', "\\", "a\nb", "\ta", "Ref", "012:", "1.2.3.4", "10.0.0.0/8",
    "-_", "._", "+_", "--", "...",
]  # fmt: skip


def reader(version: tuple[int, int]) -> YAML:
    made = YAML(typ="safe", pure=True)
    made.version = version

    def tagged(loader: Any, suffix: str, node: Any) -> Any:
        if node.id == "scalar":
            value = loader.construct_scalar(node)
        elif node.id == "sequence":
            value = loader.construct_sequence(node, deep=True)
        else:
            value = loader.construct_mapping(node, deep=True)
        return {suffix if suffix == "Ref" else f"Fn::{suffix}": value}

    made.constructor.add_multi_constructor("!", tagged)
    return made


def read(text: str, version: tuple[int, int]) -> Any:
    return reader(version).load(text)


def short(value: Any) -> Any:
    """As the short form has it: ``!GetAtt A.B`` for a list of two."""
    if isinstance(value, list):
        return [short(each) for each in value]
    if not isinstance(value, dict):
        return value
    if [*value] == ["Fn::GetAtt"]:
        return {"Fn::GetAtt": ".".join(value["Fn::GetAtt"])}
    return {name: short(each) for name, each in value.items()}


VERSIONS = pytest.mark.parametrize("version", [(1, 1), (1, 2)], ids=["1.1", "1.2"])


@VERSIONS
@pytest.mark.parametrize("worker", [*workers.ALL, *examples.ALL], ids=lambda worker: worker.name)
def test_another_reader_finds_what_was_built(worker: Worker, version: tuple[int, int]) -> None:
    built = templates.build(worker).to_dict()
    assert read(render(built), version) == short(built)


def test_the_reader_reads_by_these_rules() -> None:
    assert read("[yes, 012345678901, 22:30]", (1, 1)) == [True, "012345678901", 1350]
    assert read("[yes, 012345678901, 22:30]", (1, 2)) == ["yes", 12345678901, "22:30"]


@VERSIONS
def test_text_stays_text(version: tuple[int, int]) -> None:
    data = {"values": TEXTS, "names": dict.fromkeys(TEXTS, 1)}
    assert read(render(data), version) == data


@VERSIONS
@given(text=st.text(alphabet="0123456789abcdefexoynsEN+-._:,/~ TZ=<", max_size=12))
def test_any_text_stays_text(version: tuple[int, int], text: str) -> None:
    assert read(render({"a": [text]}), version) == {"a": [text]}


def test_numbers_and_truths_stay_what_they_are() -> None:
    assert read(render({"a": [1, 1.5, True, None]}), (1, 2)) == {"a": [1, 1.5, True, None]}


def test_plain_words_need_no_quotes() -> None:
    text = render({"a": ["arn:aws:sqs:::x", "us-west-2", "vpc-1", "fee", "2012-10-17", "a b"]})
    assert text.count("'") == 2
