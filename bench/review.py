"""A very large change set in every format: 500 resources, 10,000 property changes."""

import subprocess
import sys
import time
from pathlib import Path

from bench.measure import peak_of_children, show
from workerstack.review.model import Review
from workerstack.review.predict import TemplateSide, predict_review
from workerstack.review.show import html, markdown
from workerstack.review.show import text as terminal

ROOT = Path(__file__).parent.parent
RESOURCES = 500
PROPERTIES = 20
SECONDS = 2.0
MEBIBYTES = 300.0
FORMATS = ("json", "terminal", "markdown", "html")


def large() -> Review:
    """A review as large as CloudFormation's limits allow, with values of every kind."""

    def side(word: str) -> TemplateSide:
        bodies = {
            f"Queue{number}": {
                "Type": "AWS::SQS::Queue",
                "Properties": {
                    "Tags": [
                        {"Key": f"key{each}", "Value": f"{word} {number} {each} " + "x" * 40}
                        for each in range(PROPERTIES)
                    ],
                    "RedrivePolicy": {"deadLetterTargetArn": {"Ref": f"Queue{number // 2}"}},
                },
            }
            for number in range(RESOURCES)
        }
        return TemplateSide({"Resources": bodies})

    return predict_review(side("before"), side("after"), name="large")


def once(form: str) -> None:
    """Reads nothing, makes the review and prints the seconds that rendering it took."""
    review = large()
    assert sum(len(change.properties) for change in review.resources) == RESOURCES * PROPERTIES
    renderers = {
        "json": lambda: review.model_dump_json(indent=2),
        "terminal": lambda: terminal.render(review),
        "markdown": lambda: markdown.render([review]),
        "html": lambda: html.render([review]),
    }
    started = time.perf_counter()
    text = renderers[form]()
    sys.stdout.write(f"{time.perf_counter() - started} {len(text)}\n")


def main() -> int:
    """Measures each format in a process of its own, the memory of the whole of it."""
    failed = 0
    for form in FORMATS:
        command = [sys.executable, "-c", f"from bench import review; review.once({form!r})"]
        found = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        seconds, length = found.stdout.split()
        what = f"{form}: {RESOURCES} resources, {RESOURCES * PROPERTIES:,} changes, {length} chars"
        failed |= show(what, float(seconds), SECONDS, " s")
    failed |= show(
        "memory of the largest of these processes", peak_of_children(), MEBIBYTES, " MiB"
    )
    return failed
