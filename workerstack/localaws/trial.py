"""A project's workers, deployed once on one machine: ``python -m workerstack.localaws.trial``.

What the templates of out/ import is made in the embedded endpoint; then the project's own commands
run as a person would run them, in a folder of their own. Nothing is left running or behind.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workerstack import localaws
from workerstack.cloudformation import declared_parameters, read
from workerstack.localaws import pushing, stand_ins, surroundings
from workerstack.localaws.walkthrough import (
    ACCOUNT,
    CHANGES,
    REGION,
    client,
    isolate,
)

CONSENT = ("--yes", "--uncommitted")
"""Nobody is there to answer, and the parameters were written a second ago."""

LONGEST_VISIBILITY_TIMEOUT = 43_200
"""Seconds for which SQS hides a received message at most: 12 hours."""

LEFT_OPEN = 1
"""The exit code of `init` that found not all values."""

ENVIRONMENT = "dev"
VPC = "webordinary"
"""The Name tag of the VPC that `surroundings` makes."""


def main() -> int:
    """Walks through it; the exit code of the first command that does not end as it should."""
    project, started = Path.cwd(), time.monotonic()
    templates = sorted((project / "out").glob("*.template.yaml"))
    if not templates:
        _say("There is no template in out/. Run `make generate` first.")
        return 1
    with localaws.start() as endpoint, tempfile.TemporaryDirectory() as folder:
        isolate(endpoint.url)
        shutil.copytree(project / "out", Path(folder, "out"))
        _say(f"An account ({ACCOUNT}, {REGION}) with what the templates import ...")
        made = surroundings.create(lambda name: client(name, endpoint.url), REGION)
        for template in templates:
            for kind, name in imported(template):
                make(kind, name, endpoint.url)
        for words, expected in _commands(templates, folder, endpoint.url, made.vpc_id):
            code = _run(words, project, folder)
            if code not in expected:
                _say(f"That ended with {code} where {expected[0]} was expected.")
                return code or 1
    _say(f"Deployed and verified, in {time.monotonic() - started:.1f} s.")
    return 0


def _commands(
    templates: list[Path], folder: str, url: str, vpc_id: str
) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    yield ["init", ENVIRONMENT, "--vpc", VPC], (0, LEFT_OPEN)
    for template in templates:
        _fill_in(template, Path(folder), url, vpc_id)
        name = f"{ENVIRONMENT}/{template.name.removesuffix('.template.yaml')}"
        review = str(Path(folder, "review.json"))
        yield ["review", name, "--output", review], (CHANGES,)
        yield ["execute", review, *CONSENT], (0,)
        yield ["verify", name], (0,)


def _fill_in(template: Path, folder: Path, url: str, vpc_id: str) -> None:
    """What `init` cannot find in an account, a person writes; here things stand in for it."""
    name = template.name.removesuffix(".template.yaml")
    file = folder / "params" / ENVIRONMENT / f"{name}.yaml"
    before = file.read_text("utf-8")
    declared = declared_parameters(read(template.read_text("utf-8"), template).data)
    text = stand_ins.filled(before, declared, lambda each: client(each, url), vpc_id)
    if text != before:
        _say(f"Filled in params/{ENVIRONMENT}/{name}.yaml: things made to stand in for the others.")
        file.write_text(text, "utf-8")


def imported(template: Path) -> Iterator[tuple[str, str]]:
    """What a template says that its parameters stand for: (``Queue``, its name)."""
    metadata = read(template.read_text(encoding="utf-8"), template).data.get("Metadata", {})
    for each in metadata.get("Parameters", {}).values():
        yield from each.items()


def make(kind: str, name: str, url: str) -> None:
    """Makes a thing that is imported, unless it is there; what is not known is none of ours."""
    if kind == "Queue":
        # Its owner sets it to more than the longest job; so does this one, whatever that is.
        hidden = {"VisibilityTimeout": str(LONGEST_VISIBILITY_TIMEOUT)}
        client("sqs", url).create_queue(QueueName=name, Attributes=hidden)
    elif kind == "Secret":
        secrets = client("secretsmanager", url)
        known = {each["Name"] for each in secrets.list_secrets()["SecretList"]}
        if name not in known:
            secrets.create_secret(Name=name, SecretString=json.dumps("not a secret"))
    elif kind == "Repository":
        ecr = client("ecr", url)
        known = {each["repositoryName"] for each in ecr.describe_repositories()["repositories"]}
        if name not in known:
            ecr.create_repository(repositoryName=name)
            pushing.push_index(ecr, name, "latest", ("linux/amd64", "linux/arm64"))
    elif kind == "Key":
        kms = client("kms", url)
        known = {each["AliasName"] for each in kms.list_aliases()["Aliases"]}
        if name not in known:
            key: dict[str, Any] = kms.create_key()["KeyMetadata"]
            kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])


def _run(words: list[str], project: Path, folder: str) -> int:
    """Shows a command as one types it, and runs it on the folder."""
    _say(f"$ python deploy.py {' '.join(each.removeprefix(f'{folder}/') for each in words)}")
    program = [sys.executable, "deploy.py", *words, "--root", folder]
    return subprocess.run(program, cwd=project, check=False).returncode


def _say(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
