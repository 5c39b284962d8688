"""What must hold of every worker: it is built, and a queue that it is given is emptied."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from templates import build
from templates.workers import ALL
from workerstack.specification import Worker

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("worker", ALL, ids=lambda worker: worker.name)
def test_a_worker_is_built(worker: Worker) -> None:
    resources = build(worker).to_dict()["Resources"].values()
    assert [each for each in resources if each["Type"] == "AWS::ECS::Service"]


@pytest.mark.parametrize("load", ["job:service=1m", "burst:count=25,service=2m"])
@pytest.mark.parametrize("worker", ALL, ids=lambda worker: worker.name)
def test_every_message_is_processed(worker: Worker, load: str) -> None:
    template = ROOT / f"out/{worker.name}.template.yaml"
    words = [str(template), "--load", load, "--format", "json"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "simulate.py"), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)["summary"]
    assert summary["done"] == summary["messages"] > 0
