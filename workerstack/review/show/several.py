"""Reviews that do the same in several places are shown once."""

import json
from collections.abc import Sequence

from workerstack.review.model import Review
from workerstack.review.show.words import shown


def alike(reviews: Sequence[Review]) -> list[list[Review]]:
    """The reviews in groups that do the same, in the order of the first of each."""
    groups: dict[str, list[Review]] = {}
    for review in reviews:
        groups.setdefault(_what_it_does(review), []).append(review)
    return list(groups.values())


def _what_it_does(review: Review) -> str:
    """All that a review would show, but for where it is: account, region, stack, ids."""
    changes = [
        {
            **change.model_dump(
                mode="json", exclude={"physical_id", "before", "after", "properties"}
            ),
            "places": [list(place) for place in shown(change)],
            "body": None if change.action == "Modify" else [change.before, change.after],
        }
        for change in review.resources
    ]
    rest = review.model_dump(
        mode="json", include={"others", "findings", "allowed", "access", "notices"}
    )
    needs = [each.model_dump(mode="json") for each in review.needs if each.status != "PASS"]
    text = json.dumps([review.change_set.type, changes, rest, needs], sort_keys=True)
    where = review.where
    for name, value in (
        ("account", where.account), ("region", where.region), ("stack", where.stack_name),
    ):  # fmt: skip
        if value:
            text = text.replace(value, f"<{name}>")
    return text
