"""Adopting a stack in a test: what a person does, step by step, and what the stack has then."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import templates
from templates import workers
from tests.conftest import Run
from workerstack.lint.rendering import render
from workerstack.specification import Worker

Client = Callable[[str], Any]
Ids = dict[str, str]


def physical_ids(client: Client, stack: str) -> Ids:
    """The physical id of each logical id."""
    pages = client("cloudformation").get_paginator("list_stack_resources")
    return {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in pages.paginate(StackName=stack)
        for each in page["StackResourceSummaries"]
    }


def state(client: Client, stack: str) -> Any:
    """All that an adoption could change of a stack."""
    api = client("cloudformation")
    [answer] = api.describe_stacks(StackName=stack)["Stacks"]
    template = api.get_template(StackName=stack)["TemplateBody"]
    changes = api.list_change_sets(StackName=stack)["Summaries"]
    return answer, template, physical_ids(client, stack), changes


def keep(checkout: Path, worker: Worker, kept: Mapping[str, Mapping[str, str]]) -> None:
    """The worker's template, generated with values that it keeps."""
    text = render(templates.build(dataclasses.replace(worker, kept=kept)).to_dict())
    (checkout / f"out/{worker.name}.template.yaml").write_text(text)


def keep_what_is_said(checkout: Path, worker: Worker, told: str) -> dict[str, dict[str, str]]:
    """Follows each ``keep it: kept=...`` of a report."""
    kept: dict[str, dict[str, str]] = {}
    for line in re.findall(r"keep it: kept=(\{.*?\}\}) in its Worker$", told, re.M):
        for name, values in eval(line, {}).items():  # noqa: S307 - our own report
            kept.setdefault(name, {}).update(values)
    keep(checkout, worker, kept)
    return kept


def adopt(command: Run, name: str, *options: str) -> str:
    """Proposes the next step; what was shown."""
    code, out, err = command("adopt", name, *options)
    assert code == 2, err
    return out


def take(command: Run, checkout: Path, name: str, step: str, *allowed: str) -> None:
    """Executes a step that was proposed."""
    file = checkout / f".reviews/{name.replace('/', '-')}-adopt-{step}.json"
    allow = [word for each in allowed for word in ("--allow", each)]
    code, _, err = command("execute", str(file), *allow)
    assert code == 0, err
    assert f"Go on with\n    ./deploy.py adopt {name}\n" in err


def finish(command: Run, checkout: Path, name: str) -> str:
    """Nothing is left to adopt: reviews and executes what remains, and verifies it."""
    code, _, err = command("adopt", name)
    assert (code, "All resources have the logical IDs of out/." in err) == (0, True), err
    file = str(checkout / "review.json")
    code, reviewed, err = command("review", name, "--output", file)
    assert code == 2, err
    code, _, err = command("execute", file)
    assert code == 0, err
    code, out, err = command("verify", name)
    assert code == 0, out + err
    assert command("review", name)[0] == 0
    assert command("adopt", name)[0] == 0
    return reviewed


EDIT, THUMBNAILS = workers.EDIT, workers.THUMBNAILS
