"""How often the prediction and AWS agree, and how long it takes, on what was recorded from AWS.

The contexts are AWS's own bodies before and after; from them alone the prediction says
which action it is, what is replaced, which paths change, and what forces it.
"""

import json
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import measure
from workerstack.cloudformation import Stack, from_data, resolve
from workerstack.review.predict import TemplateSide, foresee, predict

RECORDED = Path(__file__).parent.parent.parent / "shared/change-sets/recorded.jsonl"
PAIRS = RECORDED.with_name("pairs.jsonl")
LEAST = 0.95
UPDATES = 600
LIMIT = 2.3
"""Seconds of the processor for so many updates, of the fastest of a few rounds."""


@dataclass
class Count:
    """How many were compared, and in how many both said the same."""

    all: int = 0
    right: int = 0

    def add(self, *, same: bool) -> None:
        """One more."""
        self.all += 1
        self.right += same


def agreement(answers: Iterable[Mapping[str, Any]]) -> dict[str, Count]:
    """The counts by subject: action, replacement, path, recreation."""
    counts = {name: Count() for name in ("action", "replacement", "path", "recreation")}
    for answer in answers:
        changes = [
            each["ResourceChange"]
            for each in answer.get("Changes", ())
            if "BeforeContext" in each["ResourceChange"] or "AfterContext" in each["ResourceChange"]
        ]
        before, after = (_bodies(changes, side) for side in ("BeforeContext", "AfterContext"))
        predicted = {each.logical_id: each for each in predict(before, after)}
        for change in changes:
            _compare(change, predicted.get(change["LogicalResourceId"]), counts)
    return counts


def _bodies(changes: list[Mapping[str, Any]], side: str) -> Stack:
    found = {}
    for change in changes:
        if side in change:
            body = change[side]
            body = json.loads(body) if isinstance(body, str) else body
            found[change["LogicalResourceId"]] = {**body, "Type": change["ResourceType"]}
    return resolve(from_data({"Resources": found}))


def _compare(change: Mapping[str, Any], found: Any, counts: Mapping[str, Count]) -> None:
    counts["action"].add(same=found is not None and found.action == change["Action"])
    if change["Action"] != "Modify":
        return
    counts["replacement"].add(same=found is not None and found.replacement == change["Replacement"])
    ours = {each.path: each.requires_recreation for each in found.properties} if found else {}
    for detail in change["Details"]:
        target = detail["Target"]
        counts["path"].add(same=target["Path"] in ours)
        counts["recreation"].add(same=ours.get(target["Path"]) == target["RequiresRecreation"])


def main() -> int:
    """Prints the table; 1 below 95 % on action or replacement, or without the recordings."""
    if not RECORDED.exists():
        sys.stderr.write(f"There are no recorded answers at {RECORDED}.\n")
        return 1
    answers = [json.loads(line)["response"] for line in RECORDED.read_text().splitlines()]
    counts = agreement(answers)
    sys.stdout.write(f"{'prediction against AWS':<30} {'agree':>7} {'of':>7}\n")
    for name, count in counts.items():
        share = count.right / count.all
        sys.stdout.write(f"{name:<30} {count.right:7} {count.all:7} {share:8.1%}\n")
    slow = measure.show(f"predicting and judging {UPDATES} updates", _seconds(), LIMIT, " s")
    return slow or int(
        any(counts[n].right < LEAST * counts[n].all for n in ("action", "replacement"))
    )


def _seconds() -> float:
    """What ``foresee`` takes for 600 updates, by the recorded pairs of templates."""
    pairs = [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    sides = [
        [TemplateSide(pair[side], pair[f"{side}_parameters"]) for side in ("old", "new")]
        for pair in pairs
    ]
    rounds = []
    for _ in range(measure.ROUNDS):
        started = time.process_time()
        for old, new in sides:
            foresee(replace(old), replace(new), name="bench", account="111122223333", stack="x")
        rounds.append(time.process_time() - started)
    return min(rounds) / len(pairs) * UPDATES
