"""``python -m workerstack.review.schema > docs/review.schema.json``: a review's JSON schema."""

import json
import sys

from workerstack.review.model import VERSION, Review


def schema() -> str:
    """The schema of what ``--format json`` prints, from the model itself."""
    return json.dumps(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$comment": f"Format {VERSION} of a review; a reader refuses another one.",
            **Review.model_json_schema(mode="serialization"),
        },
        indent=2,
    )


if __name__ == "__main__":
    sys.stdout.write(f"{schema()}\n")
