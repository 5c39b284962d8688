"""Text from outside arrives harmless, whatever it contains and whoever shows it."""

import ast
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import click
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.deployer.test_watch import BEGUN, OPERATION, QUEUE, START, event, made, snapshot
from tests.reviews import REVIEWS
from workerstack import output
from workerstack.command_line import run
from workerstack.commands import deploy
from workerstack.commands.simulate import simulate
from workerstack.commands.verdicts import show_checks
from workerstack.deployer import screen as watching
from workerstack.deployer.operation import outcome
from workerstack.deployer.screen import JsonScreen, LineScreen, LiveScreen
from workerstack.deployer.service import EcsDeployment, Rollout
from workerstack.deployer.stack_states import CHANGED
from workerstack.lint import diagram, reports
from workerstack.lint.lint import LintFinding
from workerstack.problem import Problem, harmless, harmless_json, harmless_lines, json_text, marked
from workerstack.review.model import (
    AccessChange,
    Binding,
    ChangeSet,
    Finding,
    Notice,
    OtherChange,
    Part,
    PropertyChange,
    ResourceChange,
    Review,
    Where,
)
from workerstack.review.show import html, markdown
from workerstack.review.show import text as terminal
from workerstack.review.show.console import console_link
from workerstack.review.show.words import plain
from workerstack.verifier.check import Status, Verdict

ROOT = Path(__file__).parent.parent
CHARACTERS = [
    *map(chr, range(0x20)), *map(chr, range(0x7F, 0xA1)), "\u00ad", "\u034f", "\u061c", "\u115f",
    "\u180e", *map(chr, range(0x200B, 0x2010)), *map(chr, range(0x2028, 0x2030)),
    *map(chr, range(0x2060, 0x2070)), "\u2800", "\u3164", "\ud800", "\udc80", "\udcff", "\ufe0f",
    "\ufeff", "\uffa0", "\ufff9", "\ufffc", "\ufffd", "\ue000", "\U000e0001", "\U000e0041",
    "\U000e0100",
]  # fmt: skip
SEQUENCES = [
    "\x1b[2J", "\x1b[3A\x1b[0J", "\x1b]0;all green\x07", "\x9b2J", "\x1b[8m", "\x1bc",
    "ok\r- nothing", "a\u202eb", "\u2066a", "x\n+ forged", "\r\n::error::x",
    "a\u0301\u0336\u0336\u0336\u0336", "\u0336",
]  # fmt: skip
COMMANDS = [
    "::error::x", "::error file=a,line=1::x", " ::set-output name=a::b", "\t::add-mask::x",
    "::stop-commands::x", "\n::save-state name=a::b", "\n   ::set-env name=PATH::/x",
    "##[error]x", "###[group]x", "##[set-output name=a]b", "##vso[task.setvariable variable=a]b",
    "##teamcity[buildProblem]", "a" * 70 + " ::error::x " * 9,
]  # fmt: skip
HOSTILE = [*CHARACTERS, *SEQUENCES, *COMMANDS]
TEXTS_OF_FILES = [text for text in HOSTILE if not "\ud800" <= text <= "\udfff"]
"""Neither YAML nor JSON from AWS has lone surrogates; names of files do."""

TEXTS = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=5), max_size=4).map("".join)
RAW = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u180e\u200b-\u200f\u2028-\u202f"
    "\u2060-\u206f\u2800\u3164\ud800-\udfff\ue000\ufe00-\ufe0f\ufeff\uffa0\ufff9-\uffff"
    "\U000e0000-\U000e01ef]"
    r"|^\s*::|##[A-Za-z]*\[",
    re.MULTILINE,
)
"""What none of those who read it may see."""


def seen(text: str) -> str:
    found = RAW.search(text)
    assert not found, (found, text[max(0, found.start() - 30) : found.end() + 30])
    return text


@given(TEXTS)
def test_what_is_harmless_is_so_twice_and_nothing_is_dropped(text: str) -> None:
    shown = seen(f"x {harmless(text)}")
    assert "\n" not in shown
    assert harmless(shown) == shown
    assert harmless_lines(shown, coloured=False) == shown
    plain = "".join(each for each in text if each.isascii() and each.isalnum())
    assert plain in "".join(
        each
        for each in re.sub(r"\\(x..|u....|U.{8}|[nrt])", "", shown.replace(r"\x23", "#"))
        if each.isascii() and each.isalnum()
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"), ("\x9b", r"\x9b"), ("a\r\n\tb", r"a\r\n\tb"),
        ("\u202e", r"\u202e"), ("\u2028", r"\u2028"), ("\U000e0041", r"\U000e0041"),
        ("\udcff", r"\udcff"), ("\x7f", r"\x7f"), ("##[x]", r"\x23#[x]"),
        ("Grüße, Việt, Vie\u0323\u0302t, हिन्दी, 日本語, 🙂, a#b ## c", None),
        (r"C:\new `a::b` [x](y)", None),
    ],
)  # fmt: skip
def test_it_is_written_as_python_writes_it_and_what_people_write_stays(
    text: str, shown: str | None
) -> None:
    assert harmless(text) == (text if shown is None else shown)


def test_styles_of_ours_survive_and_those_of_values_are_shown() -> None:
    line = f"{marked(31)}red \x1b[32mgreen\x1b[0m{marked(0)}"
    assert harmless_lines(line, coloured=True) == "\x1b[31mred \\x1b[32mgreen\\x1b[0m\x1b[0m"
    assert harmless_lines(line, coloured=False) == r"red \x1b[32mgreen\x1b[0m"
    assert harmless(line).startswith(marked(31))


@given(TEXTS)
def test_a_style_does_not_hide_a_command(text: str) -> None:
    for line in (
        f"{marked(31)}::error::{text}",
        f"  {marked(1)}{marked(0)} ::x::",
        f"##{marked(1)}[x",
        f"#{marked(1)}#e{marked(0)}[x",
        f":{marked(1)}:error::",
    ):
        seen(harmless_lines(line, coloured=False))
        seen(re.sub(r"\x1b\[\d+m", "", harmless_lines(line, coloured=True)))


JSON = st.recursive(
    TEXTS | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


@given(JSON, st.sampled_from([None, 2]))
def test_json_keeps_its_meaning(data: Any, indent: int | None) -> None:
    assert json.loads(seen(json_text(data, indent))) == data
    whole = re.compile("[\ud800-\udfff]").sub("", json.dumps(data, ensure_ascii=False))
    assert json.loads(seen(harmless_json(whole))) == json.loads(whole)


@given(TEXTS)
@example("\n")
def test_a_problem_is_one_harmless_line(text: str) -> None:
    for problem in (
        Problem(text, "b", "c"), Problem("a", text, "c"), Problem("a", "b", text),
        Problem("a", "b", "c", file=Path(f"x{text}".replace("\0", "")), line=3),
        Problem("a", "b", "c", file=text.replace("\0", "")),
    ):  # fmt: skip
        assert "\n" not in str(problem)
        seen(harmless_lines(str(problem), coloured=False))


def review_of(text: str) -> Review:
    """A review all of whose texts are that one."""
    change = PropertyChange(
        attribute="Properties", name=text, path=f"/Properties/{text}", before=text, after=[text],
        values_given=True, requires_recreation=text, change_source=text, causing_entity=text,
        drift={text: text}, extra={text: {text: text}},
    )  # fmt: skip
    resource = ResourceChange(
        action="Modify", logical_id=text, physical_id=text, type=text, replacement=text,
        policy_action=text, properties=(change,), description=text, extra={text: text},
    )  # fmt: skip
    body = {"Type": "AWS::A::B", "Properties": {text: [text, {text: f"{text}\n{text}"}]}}
    return Review(
        where=Where(
            deployment=text, account=text, region=text, caller=text, stack_name=text, stack_id=text
        ),
        change_set=ChangeSet(
            arn=text, name=text, type="UPDATE", created=text, status=text, execution_status=text,
            reason=text, extra={text: text},
        ),
        resources=(
            resource,
            resource.model_copy(update={"action": "Add", "after": body, "properties": ()}),
            resource.model_copy(update={"action": text}),
        ),
        others=(
            OtherChange(kind="tag", name=text, before=text, after=text),
            OtherChange(kind=text, name=text, before=None, after=text),
        ),
        findings=tuple(
            Finding(id=text, level=level, logical_id=text, what=text, why=text, next_step=text)
            for level in ("blocking", "note")
        ),
        access=(
            AccessChange(
                kind="permission", gained=True, logical_id=text, effect=text, actions=(text,),
                resources=(text, text), principal=text, condition=text,
            ),
        ),
        notices=(
            Notice(source=text, mode=text, logical_id=text, text=text, next_step=text),
        ),
        unknown=(text,),
        parts=(Part(logical_id=text, type=text, refers_to=()),),
        binding=Binding(
            template=text, parameters={text: text}, tags={text: text}, topics=(text,),
        ),
    )  # fmt: skip


FORMATS: dict[str, Callable[[Review], str]] = {
    "text": lambda review: terminal.render(review, whole=True),
    "short": terminal.render,
    "coloured": lambda review: harmless_lines(
        terminal.render(review, output.styled, whole=True), coloured=False
    ),
    "markdown": lambda review: markdown.render([review]),
    "html": lambda review: html.render([review]),
    "json": lambda review: json_text(review.model_dump(mode="json"), 2),
}


@pytest.mark.parametrize("form", FORMATS)
def test_a_review_in_every_format(form: str) -> None:
    for text in TEXTS_OF_FILES:
        shown = FORMATS[form](review_of(text))
        seen(shown if form == "json" else harmless_lines(shown, coloured=False))
        found = RAW.search(shown)
        assert not found or found[0].strip() == "::", text


@settings(max_examples=12)
@given(REVIEWS)
def test_any_review_in_every_format(review: Review) -> None:
    for form, render in FORMATS.items():
        shown = render(review)
        seen(shown if form == "json" else harmless_lines(shown, coloured=False))


@pytest.mark.parametrize("forged", ["!! BLOCKING: forged", "+ Forged (AWS::A::B)", "Forged (7)"])
def test_a_value_forges_no_line_of_a_report(forged: str) -> None:
    text = f"x\n{forged}\n     > {forged}\n{forged}"
    # Values with several lines are shown in several, deeper than any line of ours.
    for line in terminal.render(review_of(text)).split("\n"):
        assert forged not in line or len(line) - len(line.lstrip()) >= 8 or r"\n" in line, line
    for line in markdown.render([review_of(text)]).split("\n"):
        assert not line.startswith((forged, "!", "F")), line


def test_a_link_leads_to_the_console_whatever_the_region_is_said_to_be() -> None:
    where = review_of("evil.example/?").where
    link = console_link(review_of("x").model_copy(update={"where": where}))
    assert re.match(r"https://[a-zA-Z0-9.%-]+\.console\.aws\.amazon\.com/", link)


def rollout_of(text: str) -> Rollout:
    return Rollout(
        deployments=(EcsDeployment(text, text, 1, 0, 0, 3, "FAILED", text),),
        stopped=(text,), log=(text,), unknown=(text,), waiting=1, in_flight=0, dead=1,
    )  # fmt: skip


@given(TEXTS)
def test_the_reasons_of_a_watcher(text: str) -> None:
    failed = {**event(4, "CREATE_FAILED", "Rule", reason=text), "ResourceType": text}
    failed |= {"LogicalResourceId": text, "PhysicalResourceId": f"x{text}"}
    going = {**QUEUE, "LogicalResourceId": text}
    now = replace(snapshot(BEGUN, going, failed), rollout=rollout_of(text), trouble=text)
    lines: list[str] = []
    screen = LineScreen(lines.append)
    screen.show(now, made(failed))
    screen.show(replace(now, now=now.now + timedelta(seconds=31)), [])
    for line in lines:
        assert "\n" not in seen(harmless_lines(line, coloured=False))
    objects: list[str] = []
    data = JsonScreen(objects.append)
    data.show(now, made(failed))
    data.show(replace(now, now=now.now + timedelta(seconds=31)), [])
    assert [json.loads(seen(each)) for each in objects]
    for block in (watching.block(now, output.styled, 80), watching.block(now, plain, 80)):
        seen(harmless_lines("\n".join(block), coloured=False))
    found = outcome("UPDATE_ROLLBACK_COMPLETE", made(BEGUN, failed), CHANGED, [text])
    for line in watching.ending(found, OPERATION, text, 80):
        assert "\n" not in seen(harmless_lines(harmless(line), coloured=False))


@pytest.mark.parametrize("text", [*SEQUENCES, *COMMANDS])
def test_the_live_screen(text: str) -> None:
    from rich.console import Console

    file = StringIO()
    console = Console(file=file, force_terminal=True, width=1000, color_system=None)
    screen = LiveScreen(console, output.painted, output.styled, lambda: "detach", lambda: START)
    failed = event(4, "CREATE_FAILED", "Rule", reason=text)
    screen.show(replace(snapshot(BEGUN, QUEUE, failed), rollout=rollout_of(text)), made(failed))
    screen.close()
    # What moves the cursor and hides it is rich's own.
    seen(re.sub(r"\x1b\[(\?25[hl]|2K|1A|\d+m)|\r", "", file.getvalue()))


@pytest.mark.parametrize("form", ["text", "json", "junit"])
def test_checks(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    for text in HOSTILE:
        checks = [Verdict(text, text, status, text, text) for status in get_args(Status)]
        show_checks(text, checks, form, [text])
        shown = seen(capsys.readouterr().out)
        if form == "junit":
            assert len(ElementTree.fromstring(shown).findall(".//testcase")) == 3  # noqa: S314
        elif form == "json":
            assert [each["evidence"] for each in json.loads(shown)] == [text] * 3
        else:
            assert len(shown.splitlines()) == 5


@pytest.fixture(scope="module")
def linter() -> Any:
    from workerstack.lint.lint import Linter

    return Linter(ROOT / "workerstack/lint/rules")


@pytest.mark.parametrize("form", ["text", "json", "sarif", "junit"])
def test_findings_of_the_linter(form: str, linter: Any, capsys: pytest.CaptureFixture[str]) -> None:
    findings = [
        LintFinding(f"out/{text}", 1, 1, 1, 2, "E9101", text, text, (text,)) for text in HOSTILE
    ]
    if form == "text":
        output.show(reports.text(findings))
        assert len(seen(capsys.readouterr().out).splitlines()) == len(findings)
        return
    shown = reports.formatted(form, findings, linter)
    (output.show if form == "junit" else output.show_json_text)(shown)
    printed = seen(capsys.readouterr().out)
    if form == "junit":
        ElementTree.fromstring(printed)  # noqa: S314
    else:
        assert json.loads(printed)


def test_a_diagram_is_one_whatever_its_parts_are_called() -> None:
    for text in HOSTILE:
        drawn = diagram.mermaid({"Resources": {text: {"Type": f'{text}"]; click x "javascript:1'}}})
        [head, node] = seen(drawn).splitlines()
        assert head == "flowchart LR"
        assert re.fullmatch(r'    \w+\["[^"<>`]*<br/>[^"<>`]*"\]', node), node


TYPED = ["\x1b", "\x7f", "\x9b", "\r", "\n", "\udcff", "\u200b", "\U000e0041"]


def ended(words: list[str], command: click.Command, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["x.py", *words])
    with pytest.raises(SystemExit) as end:
        run(command)
    return int(end.value.code or 0)


@pytest.mark.parametrize(
    "words",
    [
        ["{}"], ["diff", "--{}"], ["diff", "a", "b", "{}"], ["diff", "a", "b", "--format", "{}"],
        ["execute", "{}"], ["review", "{}"], ["verify", "dev/{}"], ["diff", "x{}", "nothing"],
        ["watch", "a", "--timeout", "{}"], ["diff", "a", "b", "--params", "git:{}:x"],
    ],
)  # fmt: skip
def test_what_is_typed_wrong(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in [*TYPED, *SEQUENCES, *COMMANDS]:
        code = ended([word.format(text) for word in words], deploy.deploy, monkeypatch)
        found = capsys.readouterr()
        assert code in (1, 64), (text, found.err)
        assert "Traceback" not in found.err
        assert len(found.err.splitlines()) <= 4, found.err
        seen(found.err + found.out)


DEFECT = r"""
import logging, warnings, click
from workerstack.command_line import run

@click.command()
def broken():
    logging.getLogger("botocore").warning("refused: \x1b[2J\n::error::%s", "\u202e")
    warnings.warn("old \x9b2J")
    raise ValueError("\x1b[2J\n::error::x")

run(broken)
"""


def test_a_defect_and_what_libraries_say() -> None:
    found = subprocess.run(
        [sys.executable, "-c", DEFECT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 1
    err = seen(found.stderr)
    assert r"refused: \x1b[2J" in err
    assert r"old \x9b2J" in err
    assert r"ValueError: \x1b[2J" in err


def test_questions(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", Answers("y\nRole\\x1b[2J\n"))
    assert output.confirm("Delete \x1b[2J\n::error::x")
    assert output.choose("Which\u202e", ["Role\x1b[2J", "none"]) == "Role\x1b[2J"
    found = capsys.readouterr()
    seen(found.err + found.out)


class Answers(StringIO):
    """Somebody at a terminal."""

    def isatty(self) -> bool:
        return True


def test_what_a_stream_cannot_write_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    output.show("Grüße 🙂")
    assert raw.getvalue() == b"Gr\\xfc\\xdfe \\U0001f642\n"


TEMPLATE = (ROOT / "out/webordinary-edit.template.yaml").read_text()


@pytest.mark.parametrize("text", ["\x1b[2J", "$x^$", "\n::error::x", "##[error]", "\u202e", "=1+1"])
@pytest.mark.parametrize("style", ["text", "json", "csv"])
def test_a_simulation(
    text: str, style: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from workerstack.cloudformation import read

    data = read(TEMPLATE, "x").data
    data["Resources"] = {
        (f"A{text}" if each == "BacklogAlarm" else each): body
        for each, body in data["Resources"].items()
    }
    file = tmp_path / f"x{text.replace('/', '')}.json"
    file.write_text(json.dumps(data))
    words = [
        str(file),
        "--load",
        "poisson:rate=5/h,for=1h,service=3m",
        "--format",
        style,
        "--events",
    ]
    drawn = style == "text" and text in ("\x1b[2J", "$x^$")
    words += ["--picture", str(tmp_path / "x.svg")] if drawn else []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        code = ended(words, simulate, monkeypatch)
    found = capsys.readouterr()
    assert code == 0, found.err
    assert f"A{harmless(text)}" in found.out or style == "json"
    seen(found.out + found.err)
    if style == "json":
        assert f"A{text}" in json.loads(found.out)["series"]["alarms"]
    if drawn:
        ElementTree.parse(tmp_path / "x.svg")  # noqa: S314


OWN = {"bench", "docs", "examples", "protector", "tests"}
ROOMS_OF_THEIR_OWN = ("workerstack/checks/__main__.py", "workerstack/localaws/")
"""They print what they made themselves: figures, an address, a schema, a list of rules."""

EDGE = {
    "workerstack/ci/__main__.py",  # GitHub's own commands
    "workerstack/ci/deploying.py",  # what deploy.py has said, harmless already
    "workerstack/output.py",
    "workerstack/review/schema.py",
}


def written(tree: ast.AST) -> list[str]:
    """All that writes to the terminal past the edge."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in ("print", "Console", "os.write") or re.match(
                r"click\.(echo|secho|confirm|prompt|progressbar|pause|style)|sys\.std\w+\.write",
                name,
            ):
                found.append(name)
            found += [
                f"{name}({keyword.arg}=sys...)"
                for keyword in node.keywords
                if ast.unparse(keyword.value) in ("sys.stdout", "sys.stderr")
            ]
        elif isinstance(node, ast.ImportFrom) and node.module == "click":
            found += [each.name for each in node.names]
    return found


def test_nothing_is_written_past_the_edge() -> None:
    past = {
        str(file.relative_to(ROOT)): found
        for file in ROOT.rglob("*.py")
        if not file.relative_to(ROOT).parts[0].startswith(".")  # environments, of whatever name
        if file.relative_to(ROOT).parts[0] not in OWN and str(file.relative_to(ROOT)) not in EDGE
        if not str(file.relative_to(ROOT)).startswith(ROOMS_OF_THEIR_OWN)
        if (found := written(ast.parse(file.read_text())))
    }
    assert past == {}


@pytest.mark.parametrize(
    "code",
    ["print(x)", "click.echo(x)", "sys.stderr.write(x)", "f(file=sys.stdout)", "Console()",
     "from click import echo"],
)  # fmt: skip
def test_what_writes_past_the_edge_is_found(code: str) -> None:
    assert written(ast.parse(code))
