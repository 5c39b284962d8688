"""How long it takes to read and resolve many templates in one process."""

import json
import sys
import time
from pathlib import Path

from workerstack.cloudformation import read, resolve, surroundings

ROOT = Path(__file__).parent.parent
TEMPLATES = 600
RESOURCES = 20
LIMIT = 3.0
"""Seconds in which they are resolved."""


def main() -> int:
    """Prints the figures; 1 where resolving takes longer than the limit."""
    files = sorted((ROOT / "out").glob("*.template.yaml"))
    texts = [file.read_text() for file in files]
    started = time.perf_counter()
    for text in texts:
        read(text, "bench")
    reading = (time.perf_counter() - started) / len(texts)
    templates = [read(_of_size(text), "bench") for text in texts]
    here = surroundings("111122223333", "us-west-2", "bench")
    started = time.perf_counter()
    for number in range(TEMPLATES):
        stack = resolve(templates[number % len(templates)], {"SubnetIds": "a,b"}, here)
        assert len(stack.resources) == RESOURCES
    resolving = time.perf_counter() - started
    sys.stdout.write(f"{'reading a template of out/':<46} {reading * 1000:7.1f} ms\n")
    what = f"resolving {TEMPLATES} templates of {RESOURCES} resources"
    sys.stdout.write(f"{what:<46} {resolving:7.2f} s\n")
    return int(resolving > LIMIT)


def _of_size(text: str) -> str:
    """The template with resources of its own repeated, until there are twenty."""
    data = read(text, "bench").data
    names = list(data["Resources"])
    for number in range(RESOURCES - len(names)):
        data["Resources"][f"Again{number}"] = data["Resources"][names[number % len(names)]]
    return json.dumps(data)
