"""The README's picture of a review: ``python docs/picture.py`` writes docs/review.svg.

It is the page that `deploy.py diff --format html` writes for a new image: its markup and style,
inside an SVG, so that it is sharp at any size, follows the reader's dark mode and asks no network.
"""

import html as escaping
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from workerstack.cloudformation import read
from workerstack.deployments import load
from workerstack.review.model import Review
from workerstack.review.predict import TemplateSide, predict_review
from workerstack.review.show import html, words

WIDTH, HEIGHT = 860, 1000
TEMPLATE = "out/webordinary-edit.template.yaml"
IMAGE = ":2026-11-28"
XHTML = "http://www.w3.org/1999/xhtml"
VOID = frozenset({"input", "wbr", "br", "meta"})
LEFT_OUT = frozenset({"script", "search"})
"""What a picture has no use for; nor for the graph, which needs more width."""


class Markup(HTMLParser):
    """The body of a page as XML, which an SVG is."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._without: list[str] = []
        self._is_body = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """An element; one that is left out takes its content with it."""
        self._is_body |= tag == "main"
        given = dict(attributes)
        hidden = tag in LEFT_OUT or "hidden" in given or given.get("class") == "picture"
        if tag not in VOID and (hidden or self._without):
            self._without.append(tag)
        if not self._is_body or self._without:
            return
        # A picture leads nowhere.
        kept = {name: value or "" for name, value in attributes if name not in ("href", "tabindex")}
        written = "".join(f' {name}="{escaping.escape(value)}"' for name, value in kept.items())
        self.parts.append(f"<{tag}{written}{'/' if tag in VOID else ''}>")

    def handle_endtag(self, tag: str) -> None:
        """Its end."""
        if self._without:
            self._without.pop()
        elif self._is_body:
            self.parts.append(f"</{tag}>")
        self._is_body &= tag != "main"

    def handle_data(self, data: str) -> None:
        """A text."""
        if self._is_body and not self._without:
            self.parts.append(escaping.escape(data, quote=False))


def review() -> Review:
    """What a new image would change in dev/webordinary-edit."""
    deployment = load("dev/webordinary-edit", ROOT)
    values = {
        name: ",".join(value) if isinstance(value, tuple) else value
        for name, value in deployment.parameters.items()
    }
    template = read((ROOT / TEMPLATE).read_text("utf-8"), TEMPLATE).data
    sides = [
        TemplateSide(template, each, deployment.tags)
        for each in (values, {**values, "ImageReference": IMAGE})
    ]
    target = deployment.target
    return predict_review(
        *sides, name=deployment.name, account=target.account, region=target.region,
        stack=deployment.stack,
    )  # fmt: skip


def picture() -> str:
    """The SVG."""
    found = review()
    # A picture has one width: what the page does on a narrow screen is none of its.
    style = (html.FOLDER / "page.css").read_text("utf-8").partition("@media (max-width")[0]
    body = re.sub(r"\n\s*\n+", "\n", "".join(Markup(html.render([found])).parts))
    title = escaping.escape(words.title(found))
    told = escaping.escape(f"{words.counts(found)}. {words.verdict(found)}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title told"'
        f' width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">\n'
        f'<title id="title">{title}</title><desc id="told">{told}</desc>\n'
        f"<style>{escaping.escape(style, quote=False)}</style>\n"
        f'<foreignObject width="{WIDTH}" height="{HEIGHT}">'
        f'<body xmlns="{XHTML}" style="height: {HEIGHT}px">\n{body}\n</body></foreignObject>\n'
        "</svg>\n"
    )


if __name__ == "__main__":
    (ROOT / "docs/review.svg").write_text(picture(), encoding="utf-8")
