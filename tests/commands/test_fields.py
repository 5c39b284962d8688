"""``workerstack fields``: what there is to write, as it is read from the classes themselves."""

import dataclasses
import json
from typing import Any

import pytest
from click.testing import CliRunner

from workerstack import specification
from workerstack.commands.fields import fields
from workerstack.problem import Problem

PARTS: list[str] = [
    name for name in specification.__all__ if name not in ("Mistake", "SpecificationError")
]


def shown(*words: str) -> str:
    done = CliRunner().invoke(fields, [*words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


@pytest.mark.parametrize("name", PARTS)
def test_every_field_of_every_part_is_shown(name: str) -> None:
    part: Any = getattr(specification, name)
    data = json.loads(shown(name, "--format", "json"))
    assert [each["name"] for each in data["fields"]] == [e.name for e in dataclasses.fields(part)]
    assert len(data["description"]) > 20
    text = shown(name)
    for each in data["fields"]:
        assert f"  {each['name']} " in text
        assert "<class" not in each["type"]
        assert "typing" not in each["type"]


def test_a_worker_is_what_is_asked_of_unless_a_part_is_named() -> None:
    assert shown() == shown("Worker")
    lines = shown().splitlines()
    assert "  cpu                 a whole number; default 256" in lines
    assert "  name                a text; must be given" in lines
    assert "  docker_labels       a mapping of names, each to a text; default {}" in lines


def test_what_is_no_part_is_told() -> None:
    for name in ("Secrt", "Mistake", "__all__", "specification"):
        with pytest.raises(Problem) as told:
            fields.main([name], standalone_mode=False)
        assert f"There is no {name}: a worker is made of Alarms, " in str(told.value)


@pytest.mark.parametrize(
    ("name", "places"),
    [("Bucket", "Worker.rights"), ("OwnQueue", "Worker.queue, Worker.more_queues")],
)
def test_it_is_said_where_a_part_goes(name: str, places: str) -> None:
    done = CliRunner().invoke(fields, [name], standalone_mode=False)
    assert f"\nGoes into: {places}.\n" in done.stdout
