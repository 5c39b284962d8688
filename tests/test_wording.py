"""Everything that users read has one term for one thing: the words of AWS, no second ones.

Read are the help of every command, the sentences in the code (errors, findings, reports), what the
templates and `params/` describe, and the documents without their code.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from generate import generate
from workerstack.commands.deploy import deploy
from workerstack.commands.fields import fields
from workerstack.commands.new import new
from workerstack.commands.program import workerstack
from workerstack.commands.simulate import simulate

ROOT = Path(__file__).parents[1]

GLOSSARY = {
    "replaced, may be replaced": r"perhaps replaced|made anew|makes? anew",
    "retained": r"stays in the account|left behind|leaves? behind",
    "not set": r"becomes nothing|from: nothing|to: nothing",
    "stack settings": r"beside the resources",
    "trust policy changes": r"who may assume a role",
    "permission": r"\b(the|a|no|any|these|those|its|more|whose|gains?) rights?\b"
    r"(?! (file|exit|state|side|term))|\brights (of|on|to|that)\b",
    "inbound rule": r"\b(a|no|every|each) ways? in\b|ingress (tcp|udp)",
    "rolled back": r"\b(take|takes|taken|took|taking)( it| them| the change)? back\b",
    "pending": r"change sets? that waits?|change sets? .{0,20}that wait\b",
    "out of date": r"\bstale\b",
    "delete": r"\bdrop(s|ped|ping)? (it|ours|them|all|the change set|with)\b",
    "logical ID": r"what it is called itself|gets? our names?|have our names?",
    "is notified of": r"\bhears?( of)?\b",
    "fix": r"\bmend(s|ed|ing)?\b",
    "confirmation": r"\bconsents?\b|(nobody|somebody) agree[ds]",
    "desired count": r"tasks? (that )?(is|are) wanted|wanted tasks",
    "matched": r"\bwhat is what\b",
    "values in params/": r"what stands in|stands in for",
    "PASS, FAIL, SKIP": r"\b(is|are|was|all|a|each|checks?) (green|red)\b|\bgreen (line|check|when)"
    r"|\bred (check|when)|^(green|red)\b",
    "plain words": r"\blook(s|ed|ing)? round\b|\bhurry\b|\bbeside\b|never lived|\brooms?\b",
    "not": r"(?<!there )\bis no (template|JSON|URL|repository|file|folder|number)\b|it is none of",
    "no contractions": r"\b(?!didn't contain changes)\w+n't\b|"
    r"\b(it|that|there|what|who)'s\b|\b\w+'(re|ll|ve)\b",
}
"""The term to use, and a pattern of what is said instead of it."""

EXCEPTIONS = {
    "docs/review.md": "report",
    "docs/without-the-tool.md": "templates",
    "workerstack/verifier/smoke.py": "live",
    "workerstack/verifier/smoke_checks.py": "live",
    "workerstack/verifier/smoke_message.py": "live",
}
"""Files that are being written anew elsewhere, with the topic; they are read again after that."""


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    for each, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{name} {each}")


COMMANDS = {
    **dict(commands(deploy, "deploy.py")),
    "generate.py": generate,
    "simulate.py": simulate,
    "workerstack": workerstack,
    "workerstack fields": fields,
    "workerstack new": new,
}


def help_of(name: str) -> str:
    command = COMMANDS[name]
    with command.make_context(name, [], resilient_parsing=True) as context:
        context.terminal_width = 80
        return command.get_help(context)


def sentences(file: Path) -> Iterator[tuple[str, int]]:
    """The texts of a module that have a space, without docstrings, and their lines."""
    tree = ast.parse(file.read_text())
    unread = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body and isinstance(node.body[0], ast.Expr)
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            unread.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            unread |= {id(each) for each in node.values if isinstance(each, ast.Constant)}
            texts = [
                str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values
            ]
            yield "".join(texts), node.lineno
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in unread and " " in str(node.value):
            yield str(node.value), node.lineno


def prose(text: str) -> str:
    """A document without its code, and with its lines."""
    text = re.sub(r"^```.*?^```$", lambda code: "\n" * code[0].count("\n"), text, flags=re.M | re.S)
    return re.sub(r"`[^`]*`|<[^>]*>|\]\([^)]*\)", "X", text)


def said_wrongly(text: str) -> list[str]:
    return [
        f"{found[0]!r}: say {term!r}"
        for term, pattern in GLOSSARY.items()
        for found in re.finditer(pattern, " ".join(text.split()), re.I)
    ]


SOURCES = [
    str(path.relative_to(ROOT))
    for folder in ("workerstack", "templates")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "localaws" not in path.parts
]
DOCUMENTS = [
    str(path.relative_to(ROOT))
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_the_words_of_the_glossary(name: str) -> None:
    assert said_wrongly(help_of(name)) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_80_columns(name: str) -> None:
    text = help_of(name)
    assert not [line for line in text.splitlines() if len(line) > 80]
    assert "..." not in text.partition("Commands:")[2], "a summary is cut off"


VERBS = {
    "Accept", "Also", "Build", "Change", "Check", "Choose", "Compare", "Continue", "Create",
    "Define", "Delete", "Do", "Draw", "End", "Execute", "Follow", "Give", "Learn", "List", "Make",
    "Map", "Merge",
    "Move", "Name", "Overwrite", "Predict", "Read", "Replay", "Restore", "Retain", "Review",
    "Run", "Say", "Search", "Send", "Show", "Start", "Take", "Try", "Use", "Wait", "Watch",
    "With", "Write",
}  # fmt: skip
"""What begins a line of help; "Also" and "With --option:" lead to a verb."""


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_a_verb(name: str) -> None:
    command = COMMANDS[name]
    options = [each for each in command.params if isinstance(each, click.Option)]
    said = [each.help or "" for each in options if not each.hidden] + [command.help or ""]
    assert not [
        each for each in said if each.split()[:1] == [] or each.split()[0].strip(",") not in VERBS
    ]


def wrong_in(name: str) -> list[str]:
    """Each forbidden word of a file, with its place."""
    if name.endswith(".py"):
        texts = [(each, f"{name}:{line}") for each, line in sentences(ROOT / name)]
    else:
        paragraphs = re.split(r"\n\n+|\n(?=[|*-] )", prose((ROOT / name).read_text()))
        texts = [(each, name) for each in paragraphs]
    return [f"{place}: {each}" for text, place in texts for each in said_wrongly(text)]


@pytest.mark.parametrize("name", [each for each in SOURCES + DOCUMENTS if each not in EXCEPTIONS])
def test_texts_say_the_words_of_the_glossary(name: str) -> None:
    assert wrong_in(name) == []


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions_are_needed(name: str) -> None:
    assert wrong_in(name), "Every word is right now: take it out of EXCEPTIONS"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Mend the cause, then review again.", 1),
        ("Fix the cause, then review again.", 0),
        ("An amendment of the right file", 0),
        ("It needs the right to write.", 1),
        ("a failed update could not be\n  taken back", 1),
        ("Update it, and the task is back", 0),
        ("This is no template: it isn't one", 2),
        ("There is no template here", 0),
        ("wait until the review is stale", 1),
        ("Wait until the queue is drained", 0),
    ],
)
def test_the_glossary_finds_words_and_only_those(text: str, count: int) -> None:
    assert len(said_wrongly(text)) == count


def test_what_is_read_of_code_is_what_users_read(tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text(
        '"""Mend it."""\ndef f(x):\n    """Mend it."""\n'
        '    return f"Mend {x} now", "Fix it", "mend"\nNAME = 1\n"""Mend it."""\n'
    )
    assert list(sentences(file)) == [("Mend {} now", 4), ("Fix it", 4)]
