"""What the documents say is true: their code builds, their names exist.

tests/test_docs_commands.py runs their commands.
"""

import dataclasses
import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from awacs import aws
from click.testing import CliRunner

import generate
import templates
from templates import workers
from tests.documents import ROOT, TEXTS, all_blocks, blocks
from workerstack import command_line, specification
from workerstack.cloudformation import declared_parameters, read
from workerstack.commands import deploy
from workerstack.review.find_checks import IDS
from workerstack.review.findings import CHECKS
from workerstack.specification import SpecificationError

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
NAMES: dict[str, Any] = {**vars(aws), **vars(specification)}


def test_quoted_files_say_so() -> None:
    quoted = [each for text in TEXTS.values() for each in blocks(text) if each.file]
    assert len(quoted) > 1
    for block in quoted:
        assert block.text in (ROOT / block.file).read_text(), block.text


def test_python_examples_build() -> None:
    for block in all_blocks("python"):
        given: dict[str, Any] = {}
        exec(block.text, dict(NAMES), given)  # noqa: S102 - our own documents
        assert given
        for name, worker in given.items():
            assert templates.build(worker).to_dict()["Resources"]
            assert worker == getattr(workers, name, worker)


def rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


WORKER = TEXTS["docs/worker.md"].partition("## All fields")
FIELDS = [row for row in rows(WORKER[0]) if re.match(r"`(steps|cpu|queue)=", row[0])]
ALL_FIELDS = [row[0].strip("`") for row in rows(WORKER[2]) if row[0].startswith("`")]


def outcome(fields: str) -> str:
    """The example worker with these fields: its steps in words, or the error."""
    written = f"dict({fields.strip('`')})"
    try:
        given = eval(written, dict(NAMES))  # noqa: S307 - our own documents
        table = dataclasses.replace(workers.THUMBNAILS, **given).step_table
    except SpecificationError as error:
        return str(error)
    inward, outward = table.scale_in, table.scale_out
    ends = [inward.threshold + (step.upper or 0) for step in inward.adjustments]
    begins = [outward.threshold + (step.lower or 0) for step in outward.adjustments]
    parts = [f"{'to ' if end else ''}{end}" for end in ends] + [f"from {each}" for each in begins]
    changes = [step.change for step in (*inward.adjustments, *outward.adjustments)]
    return ", ".join(f"{part}: {change:+d}" for part, change in zip(parts, changes, strict=True))


@pytest.mark.parametrize("row", FIELDS, ids=lambda row: row[0])
def test_fields_of_a_worker(row: list[str]) -> None:
    assert outcome(row[0]) == row[1]


@pytest.mark.parametrize("fields", ALL_FIELDS)
def test_each_field_of_a_worker_is_built(fields: str) -> None:
    given = eval(f"dict({fields})", dict(NAMES))  # noqa: S307 - our own documents
    # The reason that the example is not protected holds for no other protection.
    other: dict[str, Any] = (
        {"unprotected": ""} if given.get("protection") in ("worker", "sidecar") else {}
    )
    worker = dataclasses.replace(workers.THUMBNAILS, **other, **given)
    assert templates.build(worker).to_dict() != PLAIN or worker == workers.THUMBNAILS


PLAIN = templates.build(workers.THUMBNAILS).to_dict()


def test_every_field_is_a_row() -> None:
    written = {name for each in ALL_FIELDS for name in eval(f"dict({each})", dict(NAMES))}  # noqa: S307
    assert written == {each.name for each in dataclasses.fields(specification.Worker)}


# The names


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[name]):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
            assert anchor in slugs, target


@pytest.mark.parametrize("name", TEXTS)
def test_files_that_are_named_exist(name: str) -> None:
    top = {path.name for path in ROOT.iterdir()} - {".reviews", ".venv"}
    for word in re.findall(r"`([\w./-]+)`", TEXTS[name]):
        if word.startswith(".reviews/"):
            continue  # written by a command, and in no checkout
        suffix = word.endswith((".py", ".yaml", ".yml", ".json", ".md", ".cfg", ".toml", ".txt"))
        if word.split("/")[0] in top or (suffix and "/" in word):
            pattern = re.sub(r"ENV|STACK", "*", word).rstrip("/")
            assert list(ROOT.glob(pattern)), word


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", TEXTS)
def test_make_targets_and_subcommands_exist(name: str) -> None:
    inline = re.findall(r"`[^`\n]+`", TEXTS[name])
    code = inline + [each.text for each in blocks(TEXTS[name]) if each.language != "text"]
    for text in code:
        for target in re.findall(r"\bmake (?:[A-Z]+=\S+ )?([a-z]+)\b", text):
            assert target in targets(), target
        for command in re.findall(r"deploy\.py ([a-z]+)", text):
            assert command in deploy.deploy.commands, command


def codes(text: str) -> set[int]:
    return {int(each) for each in re.findall(r"\b(\d+) [a-z]", text)}


def test_exit_codes_are_explained_once_and_everywhere_the_same() -> None:
    explained = {int(row[0]): row[1] for row in rows(TEXTS["README.md"]) if row[0].isdigit()}
    assert {command_line.WRONG_USAGE, command_line.INTERRUPTED} < set(explained)
    for command in (generate.generate, deploy.deploy):
        told = " ".join(CliRunner().invoke(command, ["--help"]).output.split())
        said = told.partition("Exit codes:")[2].partition("Options:")[0]
        assert codes(said)
        assert codes(said) <= set(explained), said


# The AWS CLI: its words are held against botocore's model of the service, in all pages.
# tests/test_without_the_tool.py runs those of one page.


OF_DEPLOY = {
    "template-file": "TemplateBody",
    "parameter-overrides": "Parameters",
    "stack-name": "StackName",
    "capabilities": "Capabilities",
    "tags": "Tags",
    "no-execute-changeset": "ChangeSetName",
}
"""Flags of ``aws cloudformation deploy``, which is no operation, as CreateChangeSet has them."""


def aws_commands() -> Iterator[list[str]]:
    for block in all_blocks("sh"):
        for line in block.text.replace("\\\n", " ").splitlines():
            if line.startswith("aws "):
                yield line.split()[1:]


def test_aws_commands_name_what_exists() -> None:
    import botocore.session
    from botocore import xform_name

    session = botocore.session.get_session()
    found = list(aws_commands())
    assert len(found) > 3
    for service, operation, *words in found:
        model = session.get_service_model(service)
        by_name = {xform_name(each, "-"): each for each in model.operation_names}
        by_name["deploy"] = "CreateChangeSet"
        if operation == "wait":
            waiters = session.get_waiter_model(service)
            by_waiter = {xform_name(each, "-"): each for each in waiters.waiter_names}
            by_name["wait"] = waiters.get_waiter(by_waiter[words[0]]).operation
        shape = model.operation_model(by_name[operation]).input_shape
        members = shape.members if shape else {}
        flags = OF_DEPLOY if operation == "deploy" else {xform_name(m, "-"): m for m in members}
        for word in words:
            if word.startswith("--"):
                assert flags[word[2:]] in members, word


def test_aws_deploys_with_the_values_of_params() -> None:
    for _, operation, *words in aws_commands():
        if operation != "deploy":
            continue
        stack, file = (
            words[words.index(f"--{each}") + 1] for each in ("stack-name", "template-file")
        )
        given = dict(word.split("=", 1) for word in words[: words.index("--tags")] if "=" in word)
        declared = declared_parameters(read((ROOT / file).read_text(), file).data)
        assert set(given) <= set(declared)
        if "VpcId" in given:  # a creation names all of them
            values = yaml.safe_load((ROOT / f"params/dev/{stack}.yaml").read_text())
            tags = words[words.index("--tags") + 1 :]
            joined = {
                name: ",".join(value) if isinstance(value, list) else str(value)
                for name, value in values["parameters"].items()
            }
            assert given == joined
            assert tags == [f"{name}={value}" for name, value in values["tags"].items()]


# CI and pre-commit


def check_command(command: str) -> None:
    program, *words = command.split()
    if program == "make":
        assert set(words) <= targets(), command
        return
    assert program.startswith(".venv/bin/"), command
    assert (Path(sys.prefix) / program.removeprefix(".venv/")).exists(), command
    if program.endswith("/python"):
        file = words[0] if words[0] != "-m" else f"{words[1].replace('.', '/')}/__main__.py"
        assert (ROOT / file).exists(), command


def test_pre_commit_runs_what_exists() -> None:
    content = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in content["repos"] for hook in repository["hooks"]]
    assert {each["repo"] for each in content["repos"]} == {"local"}
    for hook in hooks:
        assert hook["language"] == "system"
        check_command(hook["entry"])
        assert hook.get("types_or") or any(
            re.search(hook["files"], path) for path in ("out/thumbnails.template.yaml",)
        )


def commands_of(script: str) -> list[str]:
    """The lines of a script that run something of ours, from there on."""
    found = [re.search(r"(\.venv/bin/|make ).*", line) for line in script.splitlines()]
    return [each.group().split(" ||")[0] for each in found if each]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_what_exists(file: Path) -> None:
    content = yaml.safe_load(file.read_text())
    assert "permissions" in content
    for job in content["jobs"].values():
        # What executes a change set may take as long as CloudFormation does.
        assert job["timeout-minutes"] <= (180 if "environment" in job else 30)
        for step in job["steps"]:
            if "run" in step:
                for command in commands_of(step["run"]):
                    check_command(command)


def test_each_finding_is_explained() -> None:
    table = TEXTS["docs/review.md"].split("## The findings")[1].split("\n## ")[0]
    explained = re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    ids = {each for check in CHECKS for each in check.ids} - set(IDS)
    assert sorted(explained) == sorted(ids), "those of IDS are in docs/checks.md"


def of_docs(name: str) -> ModuleType:
    """A module of docs/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_picture_is_what_is_printed() -> None:
    assert of_docs("picture").picture() == (ROOT / "docs/review.svg").read_text(), (
        "Run `python docs/picture.py`"
    )


def test_the_picture_is_for_everybody_and_asks_nobody() -> None:
    root = ElementTree.parse(ROOT / "docs/review.svg").getroot()  # noqa: S314 - our own
    by_id = {each.get("id"): each.text for each in root}
    assert root.get("role") == "img"
    assert all(by_id[name] for name in str(root.get("aria-labelledby")).split())
    assert "".join(root.itertext()).count(":2026-11-28") > 1
    assert not [each for each in root.iter() if {"href", "src"} & {*each.attrib}]
    assert "url(" not in (ROOT / "docs/review.svg").read_text()


def test_the_reference_is_what_help_prints() -> None:
    reference = of_docs("reference")
    page = reference.page()
    assert page == TEXTS["docs/reference/commands.md"], "Run `python docs/reference.py`"
    for name in deploy.deploy.commands:
        assert f"\n## deploy.py {name}\n" in page
    printed = CliRunner().invoke(deploy.deploy, ["watch", "--help"], prog_name="deploy.py").output
    assert printed.partition("\n")[2].strip() in page


def test_the_readme_is_read_to_its_end() -> None:
    assert len(TEXTS["README.md"].splitlines()) <= 120


def test_every_test_here_has_something_to_test() -> None:
    checks: list[Callable[[], int]] = [
        lambda: len(FIELDS), lambda: len(WORKFLOWS), lambda: len(all_blocks("console")),
        lambda: len(all_blocks("python")),
    ]  # fmt: skip
    assert all(check() for check in checks)
