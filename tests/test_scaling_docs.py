"""docs/scaling.md is current, and what it claims of the default is such a run."""

import importlib.util
import re
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from workerstack.simulator.loads import KINDS
from workerstack.simulator.settings import Settings
from workerstack.simulator.warn import WARNINGS

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs/reference/simulator.md").read_text()


@pytest.fixture(scope="module")
def scaling() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_scaling", ROOT / "docs/scaling.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pictures_and_table_are_current(scaling: ModuleType) -> None:
    assert len(scaling.LOADS) == 6
    assert set(scaling.SOURCES) < {each.name for each in fields(Settings)}
    assert scaling.main(check=True) == 0


def test_the_default_kills_nothing_in_flight_on_these_loads(scaling: ModuleType) -> None:
    for name in scaling.LOADS:
        assert dict(scaling.runs(name))["default"].summary.killed == 0, name
    assert dict(scaling.runs("long-job"))["literal"].summary.killed > 0
    assert dict(scaling.runs("long-job"))["literal"].summary.done == 0


def test_tables_name_what_there_is() -> None:
    cells = re.findall(r"^\| ([a-z-]+) \| (.+?) \|", TEXT, re.MULTILINE)
    assert {name: what for name, what in cells if name in WARNINGS} == {
        name: what for name, (what, _) in WARNINGS.items()
    }
    assert {name for name, _ in cells} >= set(KINDS)
