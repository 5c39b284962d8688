"""One value is written, and every other byte of the file stays."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.soak import examples
from workerstack.cloudformation import parse
from workerstack.deployments.editing import with_value
from workerstack.problem import Problem

FILE = Path("params/dev/worker.yaml")
OLD, NEW = f"@sha256:{'a' * 64}", f"@sha256:{'b' * 64}"

CASES: dict[str, tuple[str, str]] = {
    "a value in quotes": (
        'parameters:\n  ImageReference: ":v1"\n  A: b\n',
        f'parameters:\n  ImageReference: "{NEW}"  # v2\n  A: b\n',
    ),
    "a value without quotes, and a comment of a person": (
        "# top\nparameters:\n  # above\n  ImageReference: :v1   # pinned because of #12\n  A: b\n",
        f'# top\nparameters:\n  # above\n  ImageReference: "{NEW}"   # v2; pinned because of #12\n'
        "  A: b\n",
    ),
    "a digest and its tag": (
        f'parameters:\n  ImageReference: "{OLD}"  # v1\n',
        f'parameters:\n  ImageReference: "{NEW}"  # v2\n',
    ),
    "a digest, its tag and a comment": (
        f"parameters:\n    ImageReference: '{OLD}' # v1; see #12\n    A: b",
        f'parameters:\n    ImageReference: "{NEW}" # v2; see #12\n    A: b',
    ),
    "a tag with a comment of one word": (
        "parameters:\n  ImageReference: ':v1'  # temporary\n",
        f'parameters:\n  ImageReference: "{NEW}"  # v2; temporary\n',
    ),
    "not there, lists not indented, tags behind": (
        "parameters:\n  SubnetIds:\n  - a\n  - b  # second\n\n# of the stack\ntags:\n  A: b\n",
        "parameters:\n  SubnetIds:\n  - a\n  - b  # second\n"
        f'  ImageReference: "{NEW}"  # v2\n\n# of the stack\ntags:\n  A: b\n',
    ),
    "not there, at the end without a line break": (
        "parameters:\n   A: b",
        f'parameters:\n   A: b\n   ImageReference: "{NEW}"  # v2',
    ),
    "not there, behind a text of several lines": (
        "parameters:\n  A: |\n    one\n    two\ntags: {}\n",
        f'parameters:\n  A: |\n    one\n    two\n  ImageReference: "{NEW}"  # v2\ntags: {{}}\n',
    ),
    "not there, behind an alias": (
        "tags:\n  A: &a b\nparameters:\n  A: *a\n",
        f'tags:\n  A: &a b\nparameters:\n  A: *a\n  ImageReference: "{NEW}"  # v2\n',
    ),
    "no parameters": (
        "template-file-path: out/x\n",
        f'template-file-path: out/x\nparameters:\n  ImageReference: "{NEW}"  # v2\n',
    ),
    "parameters with nothing": (
        "parameters:  # none yet\ntags:\n  A: b\n",
        f'parameters:  # none yet\n  ImageReference: "{NEW}"  # v2\ntags:\n  A: b\n',
    ),
    "in braces": (
        "parameters: {A: b, ImageReference: ':v1'}  # all\n",
        f'parameters: {{A: b, ImageReference: "{NEW}"}}  # all\n',
    ),
    "in braces, not there": (
        '{"parameters": {"A": "b"}}',
        f'{{"parameters": {{"A": "b", ImageReference: "{NEW}"}}}}',
    ),
    "lines of Windows, and a byte order mark": (
        "\ufeffparameters:\r\n  A: b\r\n  ImageReference: ':v1'\r\ntags: {}\r\n",
        f'\ufeffparameters:\r\n  A: b\r\n  ImageReference: "{NEW}"  # v2\r\ntags: {{}}\r\n',
    ),
    "lines of Windows, not there": (
        "parameters:\r\n  A: b\r\ntags: {}\r\n",
        f'parameters:\r\n  A: b\r\n  ImageReference: "{NEW}"  # v2\r\ntags: {{}}\r\n',
    ),
    "no value yet": (
        "parameters:\n  ImageReference:\n  A: b\n",
        f'parameters:\n  ImageReference: "{NEW}"  # v2\n  A: b\n',
    ),
    "its key in quotes, its value on the next line": (
        "parameters:\n  'ImageReference':\n    ':v1'\n",
        f"parameters:\n  'ImageReference':\n    \"{NEW}\"  # v2\n",
    ),
    "the same name elsewhere": (
        "tags:\n  ImageReference: ':v1'\nparameters:\n  ImageReference: ':v1'\n",
        f"tags:\n  ImageReference: ':v1'\nparameters:\n  ImageReference: \"{NEW}\"  # v2\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_only_the_value_changes(name: str) -> None:
    before, after = CASES[name]
    assert with_value(before, FILE, "ImageReference", NEW, "v2") == after
    assert with_value(after, FILE, "ImageReference", NEW, "v2") == after


REFUSED = {
    "an alias": "tags: {A: &x ':v1'}\nparameters:\n  ImageReference: *x\n",
    "an anchor": "parameters:\n  ImageReference: &x ':v1'\n  Other: *x\n",
    "a list": "parameters:\n  ImageReference:\n    - a\n",
    "several lines": "parameters:\n  ImageReference: |\n    :v1\n",
    "no mapping": "parameters: nothing\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_exchanged_alone_is_refused(name: str) -> None:
    with pytest.raises(Problem, match="ImageReference cannot be written here"):
        with_value(REFUSED[name], FILE, "ImageReference", NEW, "v2")


VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12).map(
    lambda text: f"'{text.replace(chr(39), chr(39) * 2)}'"
)
LINES = st.lists(
    st.sampled_from(["", "# a comment", "  # indented"])
    | st.tuples(st.from_regex(r"[A-H]{1,3}", fullmatch=True), VALUES).map(
        lambda pair: f"  {pair[0]}: {pair[1]}  # said"
    ),
    max_size=6,
    unique_by=lambda line: line.partition(":")[0] if ":" in line else line,
)


@settings(max_examples=examples(20))
@given(LINES, LINES, st.sampled_from(["\n", "\r\n"]))
def test_every_other_line_is_as_it_was(above: list[str], below: list[str], newline: str) -> None:
    names = {line.partition(":")[0] for line in above if ":" in line}
    below = [line for line in below if line.partition(":")[0] not in names]
    lines = ["parameters:", *above, "  ImageReference: ':v1'", *below, "tags:", "  A: b", ""]
    text = newline.join(lines)
    edited = with_value(text, FILE, "ImageReference", NEW, "v2")
    at = lines.index("  ImageReference: ':v1'")
    found = edited.split(newline)
    assert (found[:at], found[at + 1 :]) == (lines[:at], lines[at + 1 :])
    assert parse(edited, FILE, "text").data["parameters"]["ImageReference"] == NEW
