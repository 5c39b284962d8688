"""What AWS answered in a run of ``bench.aws``: redacted, kept, replayed and reported.

A recording is JSON: each template once by its digest, and for each change the two sides, both
answers of DescribeChangeSet, what was predicted and found, and what happened when it was executed.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from workerstack.cloudformation import Stack, read, resolve, surroundings
from workerstack.deployer.change_set_answers import read_resources
from workerstack.files import write
from workerstack.review import certain
from workerstack.review.model import ResourceChange
from workerstack.review.predict import fill, predict

VERSION = 1
ACCOUNT, RUN = "111122223333", "worker-bench"
"""What stands for the account and for the run's name in a recording."""

Recording = dict[str, Any]
Recorded = Mapping[str, Any]


@dataclass(frozen=True)
class Agreement:
    """What CloudFormation lists for one change, and what was predicted, by logical id.

    A row is ``Modify, Replacement True``, or another action alone.
    """

    name: str
    listed: Mapping[str, str]
    predicted: Mapping[str, str]

    @property
    def rows(self) -> tuple[int, int]:
        """How many rows both name, of all that one of them does."""
        return len({*self.listed} & {*self.predicted}), len({*self.listed} | {*self.predicted})

    @property
    def replacements(self) -> tuple[int, int]:
        """In how many rows of both they say the same on replacement, of all of these."""
        both = {*self.listed} & {*self.predicted}
        return sum(self.listed[each] == self.predicted[each] for each in both), len(both)

    @property
    def surprises(self) -> list[str]:
        """A sentence for each row on which they do not agree."""
        return [
            f"{name}: listed as {self.listed.get(name, 'nothing')},"
            f" predicted {self.predicted.get(name, 'nothing')}"
            for name in sorted({**self.listed, **self.predicted})
            if self.listed.get(name) != self.predicted.get(name)
        ]


def replay(recording: Recording) -> list[Agreement]:
    """The prediction of this checkout against the answers that were recorded."""
    if recording.get("version") != VERSION:
        raise ValueError(f"This is no recording of version {VERSION}")
    known = surroundings(recording["account"], recording["region"], recording["stack"])
    templates = recording["templates"]
    found = []
    for change in recording["changes"]:
        if "plain" not in change:
            continue
        old, new = (
            resolve(read(templates[side["template"]], side["template"]), side["values"], known)
            for side in (change["before"], change["after"])
        )
        found.append(_agreement(change, old, new))
    return found


def _agreement(change: Recorded, old: Stack, new: Stack) -> Agreement:
    predicted = predict(old, new)
    listed = read_resources(change["plain"], change["detailed"], {})
    return Agreement(
        change["name"],
        _rows(certain.proved(fill(listed, old, new, predicted), old, new)),
        _rows(certain.proved(predicted, old, new)),
    )


def _rows(changes: Iterable[ResourceChange]) -> dict[str, str]:
    return {
        each.logical_id: f"Modify, Replacement {each.replacement or 'False'}"
        if each.action == "Modify"
        else each.action
        for each in changes
    }


# What nobody else is to read


def redacted(recording: Recording, names: Mapping[str, str]) -> Recording:
    """The recording with ids that stand for others, the same one for the same each time.

    ``names``: what is replaced wherever it stands, such as the account. Raises ValueError where
    any of these would be left.
    """
    text = json.dumps(recording, default=str)
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, names[name])
    for pattern, substitute in _SUBSTITUTES.items():
        text = re.sub(pattern, _consistently(substitute), text)
    left = [name for name, other in names.items() if name != other and name in text]
    if left:
        raise ValueError(f"{len(left)} names would be left in the recording; it is not written")
    found: Recording = json.loads(text)
    return found


def _consistently(substitute: Callable[[str, int], str]) -> Callable[[re.Match[str]], str]:
    """The first group stays, the second is replaced by what its number gives."""
    numbers: dict[str, int] = {}
    following = count(1)

    def put(match: re.Match[str]) -> str:
        start, name = match.groups()
        number = numbers.setdefault(name, 0) or next(following)
        numbers[name] = number
        return f"{start}{substitute(name, number)}"

    return put


_SUBSTITUTES: Mapping[str, Callable[[str, int], str]] = {
    r"\b((?:vpc|subnet|sg|sgr|rtb|rtbassoc|igw|eni|fs|fsap|fsmt)-)([0-9a-f]{8,40})\b": (
        lambda name, number: f"{number:0{len(name)}x}"
    ),
    r"\b()([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b": (
        lambda _, number: f"00000000-0000-4000-8000-{number:012d}"
    ),
    # Task ids, and request ids of some services.
    r"(?<![0-9a-f])()([0-9a-f]{32})(?![0-9a-f])": lambda _, number: f"{number:032x}",
    r"(:secret:[\w/+=.@-]+-)([A-Za-z0-9]{6})\b": lambda _, number: f"{number:06d}",
    # A generated name: stack, logical id, and twelve or thirteen characters of chance.
    rf"({RUN}-[A-Z][A-Za-z]+-)([A-Za-z0-9]{{12,13}})\b": lambda _, number: f"{number:012d}",
    r"\b()(A[A-Z]{3}[A-Z0-9]{16,17})\b": lambda _, number: f"AIDA{number:016d}",
}
"""Each kind of id, and what stands for it: of the same shape, so that patterns still fit."""


# What a person reads


def report(recording: Recording, agreements: Iterable[Agreement]) -> str:
    """One page of Markdown: agreement by row, replacement and outcome, then surprises."""
    by_name = {each.name: each for each in agreements}
    rows, surprises = [], []
    totals = {"rows": (0, 0), "replacements": (0, 0), "outcomes": (0, 0)}
    for change in recording["changes"]:
        name = change["name"]
        held = [each for each in change.get("checks", ()) if each["predicted"] == each["happened"]]
        outcome = (len(held), len(change.get("checks", ())))
        found = by_name.get(name)
        cells = {
            "rows": found.rows if found else (0, 0),
            "replacements": found.replacements if found else (0, 0),
            "outcomes": outcome,
        }
        for key, (right, of) in cells.items():
            totals[key] = (totals[key][0] + right, totals[key][1] + of)
        said = ", ".join(dict.fromkeys(each["id"] for each in change["findings"])) or "-"
        status = change["status"] or "proposed only"
        rows.append([name, *(_share(each) for each in cells.values()), status, said])
        if found:
            surprises += [f"{name}: {each}" for each in found.surprises]
        surprises += [f"{name}: {each}" for each in change["surprises"]]
        surprises += [
            f"{name}: {each['what']}: predicted {each['predicted']}, then {each['happened']}"
            for each in change.get("checks", ())
            if each not in held
        ]
    executed = sum(bool(change["status"]) for change in recording["changes"])
    head = ["change", "rows", "replacements", "outcomes", "ended", "findings"]
    lines = [
        f"# {recording['where']}, {recording['region']}, {recording['made'][:10]}",
        "",
        f"{len(rows)} changes as change sets, {executed} executed, in {recording['minutes']} min.",
        f"CloudFormation and the prediction agree on {_share(totals['rows'])} rows and"
        f" {_share(totals['replacements'])} replacements.",
        f"{_share(totals['outcomes'])} outcomes were as predicted.",
        "",
        *("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)),
        "",
        "## Surprises",
        "",
        *([f"- {each}" for each in surprises] or ["None."]),
        "",
        "## Left behind",
        "",
        *([f"- {each}" for each in recording["left"]] or ["Nothing."]),
        "",
    ]
    return "\n".join(lines)


def _share(found: tuple[int, int]) -> str:
    return f"{found[0]} of {found[1]}" if found[1] else "-"


def load(file: Path) -> Recording:
    """A recording that was written."""
    found: Recording = json.loads(file.read_text("utf-8"))
    return found


def save(recording: Recording, folder: Path) -> tuple[Path, Path]:
    """Writes the recording, and its report beside it; gives both."""
    folder.mkdir(parents=True, exist_ok=True)
    day = recording["made"][:10]
    files = folder / f"aws-{day}.json", folder / f"aws-{day}.md"
    write(files[0], json.dumps(recording, indent=1) + "\n")
    write(files[1], report(recording, replay(recording)))
    return files
