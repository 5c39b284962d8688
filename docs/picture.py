"""The README's picture of a review: ``python docs/picture.py`` writes docs/review.svg.

It is what `deploy.py diff` prints on a terminal when the web-serving stack becomes the worker.
"""

import re
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from workerstack.cloudformation import read
from workerstack.deployments import load
from workerstack.output import painted, styled
from workerstack.review.predict import Side, predict_review
from workerstack.review.show import text

LINES = 84
"""How much of the report is in the picture."""

WIDTH = 100
TEMPLATES = ("workerstack/localaws/web-serving.template.yaml", "out/webordinary-edit.template.yaml")
PARAMS = "params/dev/webordinary-edit.yaml"
FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""A font of somebody's server: a picture asks no network for anything."""


def picture() -> str:
    """The SVG."""
    deployment = load("dev/webordinary-edit", ROOT)
    values = {
        name: ",".join(value) if isinstance(value, tuple) else value
        for name, value in deployment.parameters.items()
    }
    sides = [
        Side(read((ROOT / path).read_text(), path).data, values, deployment.tags)
        for path in TEMPLATES
    ]
    target = deployment.target
    review = predict_review(
        *sides, name=deployment.name, account=target.account, region=target.region,
        stack=deployment.stack,
    )  # fmt: skip
    lines = text.render(review, styled, WIDTH).split("\n")
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    console.print(f"$ deploy.py diff {' '.join(TEMPLATES)} \\\n    --params {PARAMS}")
    console.print(painted("\n".join(lines[:LINES])))
    console.print(f"... and {len(lines) - LINES} lines more", style="dim")
    return FONT.sub("", console.export_svg(title="deploy.py diff", unique_id="review"))


if __name__ == "__main__":
    (ROOT / "docs/review.svg").write_text(picture(), encoding="utf-8")
