"""A review as one HTML file: nothing is fetched, what is a text in it stays one."""

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from workerstack.problem import harmless, harmless_lines
from workerstack.review.model import ResourceChange, Review
from workerstack.review.show import words
from workerstack.review.show.console import console_link
from workerstack.review.show.graph import graph
from workerstack.review.show.several import alike
from workerstack.review.show.words import shown

FOLDER = Path(__file__).parent
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
LARGEST = 60
"""Resources of a stack above which its graph is not legible, nor its links of use."""
FEW = 6
"""Changed places of a resource that are shown without unfolding."""

METADATA = ("Metadata", "/Metadata")
"""What changes nothing that runs."""

SAID = {"Replace": "replaced", "Add": "added", "Remove": "deleted", "Modify": "updated in place",
        "Import": "imported", "": "not changed"}  # fmt: skip
"""A mark of the graph in words."""


def render(reviews: Sequence[Review], files: Sequence[str] = ()) -> str:
    """One page on all the reviews; what does the same is shown once.

    ``files``: where each review is kept, for the commands on the page.

    A content security policy allows the page's own style and script, by their digests,
    and nothing else: even a value that became markup could neither load nor run anything.
    """
    style, script = ((FOLDER / name).read_text("utf-8") for name in ("page.css", "page.js"))
    kept = {id(each): file for each, file in zip(reviews, files, strict=bool(files))}

    def commands(review: Review) -> list[tuple[str, str]]:
        return words.commands(review, kept.get(id(review), "REVIEW_FILE"))

    page: str = _template().render(
        groups=alike(reviews),
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)};"
        " base-uri 'none'; form-action 'none'",
        words=words,
        console_link=console_link,
        graph=graph,
        shown=shown,
        body=body,
        level=level,
        filters=_filters(reviews),
        commands=commands,
        targets=targets,
        mark=mark,
        is_open=is_open,
        proofs=proofs,
        largest=LARGEST,
        said=SAID,
    )
    return page


@cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_shown,
    )  # fmt: skip
    environment.filters["breaks"] = _breaks
    environment.filters["quoted"] = _quoted
    environment.filters["lines"] = CodeText
    environment.filters["value"] = lambda value: CodeText(words.value_text(value))
    return environment.get_template("page.html.j2")


class CodeText(str):
    """A text whose line breaks are seen in the page, since it stands in code."""

    __slots__ = ()


def _shown(value: Any) -> Any:
    """Each text of the page, made harmless; markup of our own is none from outside.

    Where it stands in code, no line begins as a command of a runner, as on a terminal.
    """
    from markupsafe import Markup

    if isinstance(value, CodeText):
        return harmless_lines(value, coloured=False)
    return value if isinstance(value, Markup) else harmless(str(value))


def _filters(reviews: Sequence[Review]) -> dict[str, int]:
    """The groups that occur, in the order of risk, each with its number of resources."""
    found = Counter(words.group_of(each) for review in reviews for each in review.resources)
    known = [name for name in words.GROUPS if name in found]
    return {name: found[name] for name in (*(found.keys() - set(known)), *known)}


def targets(review: Review) -> set[str]:
    """What a finding can lead to on the page."""
    return {each.logical_id for each in review.resources} | {each.name for each in review.others}


def mark(change: ResourceChange) -> str:
    """The class of a resource: its action, or that it cannot change."""
    return change.action if change.can_change else "same"


def is_open(review: Review, change: ResourceChange) -> bool:
    """Whether the page shows it unfolded: what needs a look, and what you change if it is short."""
    if level(review, change) in ("blocking", "warning"):
        return True
    places = [each for each in shown(change) if not each.path.startswith(METADATA)]
    is_short = change.action == "Modify" and 0 < len(places) <= FEW
    return is_short and change.can_change and not change.follows


def proofs(change: ResourceChange) -> list[str]:
    """Why it cannot change, each reason once."""
    return list(dict.fromkeys(each.proof for each in change.properties if each.proof))


def _breaks(kind: str) -> Any:
    """A type that may break after each of its parts."""
    from markupsafe import Markup, escape

    return Markup("::<wbr>").join(escape(harmless(each)) for each in kind.split("::"))


def _quoted(text: str) -> Any:
    """A sentence whose commands, in backticks, are code."""
    from markupsafe import Markup, escape

    pieces = harmless(text).split("`")
    if len(pieces) % 2 == 0:
        return escape("`".join(pieces))
    return Markup("").join(
        Markup("<code>{}</code>").format(each) if number % 2 else escape(each)
        for number, each in enumerate(pieces)
    )


def _digest(content: str) -> str:
    """What the policy calls a style or script by: the SHA-256 of what is between its tags."""
    found = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{found}'"


def level(review: Review, change: ResourceChange) -> str:
    """The highest level of the findings on a resource; empty where there is none."""
    found = {each.level for each in review.findings if each.logical_id == change.logical_id}
    return next((each for each in words.LEVELS if each in found), "")


def body(change: ResourceChange) -> str:
    """The whole body of a resource that comes or goes, as YAML; empty for another one."""
    whole = change.after if change.before is None else change.before
    if change.action == "Modify" or whole is None:
        return ""
    if not isinstance(whole, dict):
        return words.value_text(whole)
    rest = {key: value for key, value in whole.items() if (key, value) != ("Type", change.type)}
    text: str = yaml.dump(rest, Dumper=DUMPER, sort_keys=False, width=10_000, allow_unicode=True)
    return text
