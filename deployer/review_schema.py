"""The JSON schema of a review: ``python -m deployer.review_schema > docs/review.schema.json``."""

import json
import sys

from deployer.review import VERSION, Review


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
