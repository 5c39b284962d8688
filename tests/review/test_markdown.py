"""The review in a pull request: what is a text there stays one, within the limit."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.reviews import NASTY, REVIEWS, said
from tests.soak import examples
from workerstack.review.model import UNKNOWN, Review
from workerstack.review.show import markdown
from workerstack.review.show.markdown import CommentPart, fenced, text

OURS = {
    "h3", "p", "strong", "em", "code", "table", "thead", "tbody", "tr", "th", "td", "details",
    "summary", "pre", "ul", "li", "br", "a", "hr", "blockquote",
}  # fmt: skip
PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")


class Seen(HTMLParser):
    """What a browser would make of the comment."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attributes if name == "href"]
        assert {name for name, _ in attributes} <= {"href", "class"}

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def squeezed(value: str) -> str:
    return "".join(each for each in value if each.isalnum())


@settings(max_examples=examples(15))
@given(REVIEWS)
def test_nothing_is_lost_and_nothing_is_markup(review: Review) -> None:
    comment = markdown.render([review], limit=10**9)
    seen = Seen(PARSER.render(comment))
    assert {tag.lstrip("/") for tag in seen.tags} <= OURS
    assert all(link.startswith("https://us-west-2.console.aws.amazon.com/") for link in seen.links)
    assert seen.tags.count("details") == seen.tags.count("/details")
    found = squeezed("".join(seen.texts)).casefold()
    for value in said(review):
        if value.isascii() and value.isprintable() and "\\" not in value and value != UNKNOWN:
            # A sentence begins with a capital, whatever it is made of.
            assert squeezed(value).casefold() in found, value


@settings(max_examples=examples(15))
@given(st.lists(REVIEWS, min_size=1, max_size=3), st.integers(2_000, 20_000))
def test_it_is_never_longer_than_the_limit(reviews: list[Review], limit: int) -> None:
    comment = markdown.render(reviews, limit)
    assert len(comment) <= limit
    whole = markdown.render(reviews, 10**9)
    if len(whole) > limit:
        assert "Left out or shortened" in comment
    assert comment.startswith(markdown.MARKER)


@given(st.text() | NASTY)
def test_a_text_is_one_paragraph_of_itself(value: str) -> None:
    page = PARSER.render(f"x {text(value)} x")
    seen = Seen(page)
    assert {tag.lstrip("/") for tag in seen.tags} <= {"p"}
    assert squeezed(value) in squeezed("".join(seen.texts)) or not value.isprintable()


@given(st.lists(st.text(st.characters(codec="utf-8")) | NASTY, max_size=5))
def test_no_line_ends_its_fence(lines: list[str]) -> None:
    tokens = PARSER.parse(f"{fenced(lines, 'diff')}\n\nafter")
    assert [token.type for token in tokens][:1] == ["fence"]
    assert tokens[-2].content == "after"


def test_nobody_is_mentioned() -> None:
    assert not re.search(r"@\w", text("@everyone and #12"))
    assert not re.search(r"#\d", text("@everyone and #12"))


@pytest.mark.parametrize(
    ("limit", "kept"),
    [(10_000, ["a" * 300, "b" * 300]), (600, ["a" * 300, "short"]), (300, ["", "short"])],
)
def test_later_blocks_keep_at_least_their_short_form(limit: int, kept: list[str]) -> None:
    found = markdown.fitted([CommentPart("a" * 300), CommentPart("b" * 300, "short")], limit)
    assert [line for line in found.split("\n")[:2] if line] == [line for line in kept if line]


def test_a_block_is_cut_before_a_later_one_loses_its_short_form() -> None:
    """What would fit were it the last one must leave room for the names of those behind it."""
    first = markdown.CommentPart("a" * 60, "a" * 5)
    second = markdown.CommentPart("b" * 100, "b" * 40)
    limit = markdown.RESERVE + 61 + 10
    assert markdown.fitted([first, second], limit).splitlines()[:2] == ["a" * 5, "b" * 40]
    assert markdown.fitted([first, second], limit + 31).splitlines()[:2] == ["a" * 60, "b" * 40]
