"""The faster reader of templates reads what MiniStack's own reads."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from ministack.services.cloudformation import engine

from workerstack.localaws import template_parser

ROOT = Path(__file__).parents[2]
TAGGED = """Resources:
  A:
    Type: X
    DependsOn: [B, "C"]
    Properties:
      Date: 2012-10-17
      Octal: 010
      Text: "010"
      Yes: yes
      Refs: [!Ref A, !GetAtt A.B.C, !GetAtt [A, B]]
      Sub: !Sub ["${X}-é", {X: !If [C, !Ref "AWS::NoValue", 1.5]}]
      Folded: >-
        two
        lines
      Same: &same {a: 1}
      Again: *same
"""
TEXTS = [TAGGED, *(file.read_text() for file in sorted((ROOT / "out").glob("*.yaml")))]


@pytest.mark.parametrize("text", TEXTS)
def test_it_reads_the_same(text: str) -> None:
    template_parser.install(engine)
    faster: Any = engine.CfnLoader
    assert issubclass(faster, yaml.CSafeLoader)

    class Slower(yaml.SafeLoader):
        yaml_constructors = faster.yaml_constructors

    assert engine._parse_template(text) == yaml.load(text, Slower)  # noqa: S506


def test_what_is_done_to_one_reading_is_not_seen_in_the_next() -> None:
    template_parser.install(engine)
    first: Any = engine._parse_template(TAGGED)
    first["Resources"]["A"]["Properties"].clear()
    second: Any = engine._parse_template(TAGGED)
    assert second["Resources"]["A"]["Properties"]["Octal"] is not None


def test_a_text_that_is_no_yaml_is_refused_each_time() -> None:
    template_parser.install(engine)
    for _ in range(2):
        with pytest.raises(yaml.YAMLError, match="expected node content"):
            engine._parse_template("Resources:\n  A: [")
