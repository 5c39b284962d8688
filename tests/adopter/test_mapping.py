"""The mapping's file is written, read back, and refused with file and line where it is wrong."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import deployed
from tests.adopting import Client, adopt, physical_ids, take
from tests.conftest import Run
from workerstack.adopter.deployed_template import DeployedResource
from workerstack.adopter.mapping import AdoptionMapping, Entry

NAME, STACK = "live/thumbnails", "thumbnails"


@pytest.fixture
def file(command: Run, checkout: Path, hand_written_template: str) -> Path:
    """As `--template` writes it."""
    assert hand_written_template
    assert command("init", "live", "--from-stack", STACK)[0] == 0
    adopt(command, NAME, "--template", str(deployed.HAND_WRITTEN))
    return checkout / "params/live/adopt/thumbnails.yaml"


@pytest.mark.parametrize(
    ("ours", "entry", "live", "renames"),
    [
        ("Queue", {"physical_id": "q"}, {"Old": "q"}, {"Old": "Queue"}),
        ("Queue", {"physical_id": ""}, {"Old": "q"}, {"Old": "Queue"}),
        # Without AWS nothing has a physical id.
        ("Queue", {"physical_id": "q"}, {"Old": ""}, {"Old": "Queue"}),
        ("Queue", {"physical_id": "q"}, {"Old": "another"}, {}),
        ("Queue", {"physical_id": "q"}, {"Queue": "q"}, {}),
        ("Old", {"physical_id": "q"}, {"Old": "q"}, {}),
        ("Queue", {"physical_id": "q", "by": "import"}, {"Old": "q"}, {}),
    ],
)
def test_what_still_has_its_old_name_is_renamed_unless_it_is_imported(
    ours: str, entry: dict[str, Any], live: dict[str, str], renames: dict[str, str]
) -> None:
    kind = "AWS::SQS::Queue"
    mapping = AdoptionMapping(resources={ours: Entry(is_="Old", type=kind, **entry)})
    there = {name: DeployedResource(name, kind, {}, each) for name, each in live.items()}
    assert mapping.renames(there) == renames


def test_it_is_completed_and_read_back(
    command: Run, checkout: Path, client: Client, file: Path
) -> None:
    first = yaml.safe_load(file.read_text())
    assert first["new"] == [
        "DeadLetterAlarm", "DeadLetterQueuePolicy", "ExecutionRolePolicy", "QueuePolicy",
        "TaskRolePolicy",
    ]  # fmt: skip
    assert first["resources"]["Queue"]["is"] == "Jobs"
    assert "physical-id" not in first["resources"]["Queue"]
    adopt(command, NAME)
    text, second = file.read_text(), yaml.safe_load(file.read_text())
    ids = physical_ids(client, STACK)
    for ours, entry in first["resources"].items():
        assert second["resources"][ours] == entry | {"physical-id": ids[entry["is"]]}
    assert second["new"] == first["new"]
    adopt(command, NAME)
    assert file.read_text() == text
    take(command, checkout, NAME, "rename")
    code, _, _ = command("adopt", NAME)
    assert (code, file.read_text()) == (0, text)


def test_a_mapping_that_was_changed_after_the_proposal_is_stale(
    command: Run, checkout: Path, client: Client, file: Path
) -> None:
    adopt(command, NAME)
    before = physical_ids(client, STACK)
    file.write_text(file.read_text() + "# a second thought\n")
    code, _, err = command("execute", str(checkout / ".reviews/live-thumbnails-adopt-rename.json"))
    assert code == 3
    assert "The proposal is out of date: params/live/adopt/thumbnails.yaml was" in err
    assert physical_ids(client, STACK) == before


@pytest.mark.parametrize(
    ("old", "new", "code", "what"),
    [
        ("    is: Jobs\n", "    is: Job\n", 3, "Queue is no longer as it was mapped: the stack"),
        ("    is: Jobs\n", "    was: Jobs\n", 1, "resources.Queue.is has a wrong value: field"),
        ("    is: Jobs\n", "    is: [Jobs]\n", 1, "resources.Queue.is has a wrong value: input"),
        ("    is: Jobs\n", "    is: MyLogs\n", 3, "MyLogs cannot be "),
        ("    is: Jobs\n", "    is: Jobs: x\n", 1, ""),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    command: Run, file: Path, old: str, new: str, code: int, what: str
) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    got, out, err = command("adopt", NAME)
    assert (got, out) == (code, ""), err
    if what.startswith("MyLogs"):
        assert err.startswith(what)
        return
    lines = text.splitlines()
    place = lines.index("  Queue:") + 1
    near = {f"{file}:{line}: {what}" for line in range(place, place + 3)}
    assert any(err.startswith(each) for each in near), err


def test_a_physical_id_that_is_another_is_refused(command: Run, file: Path) -> None:
    adopt(command, NAME)
    text = file.read_text()
    file.write_text(text.replace("physical-id: /ecs/thumbnails", "physical-id: /ecs/other"))
    code, _, err = command("adopt", NAME)
    assert code == 3
    assert f"{file}:" in err
    assert "MyLogs is /ecs/thumbnails, and its physical-id here is /ecs/other" in err
    assert "Correct `is` and remove `physical-id`" in err
