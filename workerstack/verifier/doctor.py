"""What the tool finds where it runs: Python, extras, git, the project, AWS; and what to do next."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from workerstack import deployments
from workerstack.deployer import aws_errors
from workerstack.deployer.aws import Clients
from workerstack.installation import with_extra
from workerstack.problem import Problem
from workerstack.verifier.check import Verdict

LEAST = (3, 11)
"""The oldest Python that the tool runs on."""

EXTRAS: Mapping[str, tuple[str, str]] = {
    "generate": ("cfnlint", "generate.py builds and lints templates"),
    "live": ("rich", "execute and watch show progress in one place of a terminal"),
    "pictures": ("matplotlib", "simulate.py draws pictures"),
    "local": ("ministack", "the embedded AWS endpoint runs"),
}
"""Each extra, a library that only it installs, and what it is for."""


def examine(
    root: Path, region: str | None, profile: str | None, endpoint_url: str | None
) -> Iterator[Verdict]:
    """One check a thing, nothing changed anywhere; what only some commands need is a SKIP."""
    yield _python()
    yield from map(_extra, EXTRAS)
    yield _git(root)
    yield _project(root)
    yield _endpoint(endpoint_url)
    yield from _aws(root, region, profile, endpoint_url)


def _python() -> Verdict:
    found = ".".join(map(str, sys.version_info[:3]))
    tool = version("fargate-worker-stack")
    if sys.version_info[:2] < LEAST:
        return Verdict("python", "Python", "FAIL", found, "Install Python 3.11 or later")
    return Verdict("python", "Python", "PASS", f"{found} ({sys.executable}), version {tool}")


def _extra(name: str) -> Verdict:
    library, use = EXTRAS[name]
    if importlib.util.find_spec(library):
        return Verdict(f"extra {name}", name, "PASS", f"{library} is installed: {use}")
    return Verdict(
        f"extra {name}", name, "SKIP", f"{library} is not installed; with it {use}",
        with_extra(name),
    )  # fmt: skip


def _git(root: Path) -> Verdict:
    def ask(*words: str) -> str:
        command = ["git", "-C", str(root), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    try:
        found = ask("--version")
    except FileNotFoundError:
        return Verdict("git", "git", "FAIL", "git is not installed", "Install git")
    if not ask("rev-parse", "--is-inside-work-tree"):
        return Verdict(
            "git", "git", "SKIP", f"{found}; {root} is not in a repository",
            "git init, then commit: only what is committed is executed",
        )  # fmt: skip
    if not ask("rev-parse", "--verify", "HEAD"):
        return Verdict(
            "git", "git", "SKIP", f"{found}; nothing is committed", "Commit what is there"
        )
    return Verdict("git", "git", "PASS", f"{found}; HEAD is {ask('rev-parse', '--short', 'HEAD')}")


def _project(root: Path) -> Verdict:
    names = deployments.environments(root)
    if not (root / "params").is_dir():
        return Verdict(
            "project", "project", "SKIP", f"{root} has no params/: only FILE --stack NAME works",
            "workerstack new DIR",
        )  # fmt: skip
    if not names:
        return Verdict(
            "project", "project", "SKIP", "params/ has no environment", "./deploy.py init dev"
        )
    try:
        found = deployments.load_all(root)
    except Problem as problem:
        return Verdict("project", "project", "FAIL", str(problem), "Correct that file")
    said = f"{len(found)} deployments in {', '.join(names)}"
    return Verdict("project", "project", "PASS", said)


def _endpoint(endpoint_url: str | None) -> Verdict:
    if endpoint_url:
        return Verdict("endpoint", "endpoint", "PASS", f"{endpoint_url}, instead of AWS")
    return Verdict("endpoint", "endpoint", "PASS", "AWS")


def _aws(
    root: Path, region: str | None, profile: str | None, endpoint_url: str | None
) -> Iterator[Verdict]:
    import boto3

    try:
        with aws_errors.explained(profile=profile):
            where = region or boto3.Session(profile_name=profile).region_name
            if not where:
                yield Verdict(
                    "region", "region", "SKIP", "neither --region nor the AWS environment has one",
                    "Set AWS_REGION, or pass --region: params/ENV/target.yaml says its own",
                )  # fmt: skip
            else:
                yield Verdict("region", "region", "PASS", str(where))
            clients = Clients(where or "us-east-1", profile, endpoint_url)
            account, caller = clients.caller()
    except Problem as problem:
        yield Verdict(
            "credentials", "credentials", "FAIL", f"{problem.what}: {problem.why}",
            problem.next_step,
        )  # fmt: skip
        return
    yield Verdict("credentials", "credentials", "PASS", caller)
    yield _account(root, account)


def _account(root: Path, account: str) -> Verdict:
    targets: dict[str, str] = {}
    for name in deployments.environments(root):
        try:
            targets[name] = deployments.load_target(root / "params" / name).account
        except Problem:
            continue  # told as the project's
    fitting = [name for name, wanted in targets.items() if wanted == account]
    if fitting or not targets:
        of = f", of {', '.join(fitting)}" if fitting else ""
        return Verdict("account", "account", "PASS", f"{account}{of}")
    wanted = ", ".join(f"{name} in {number}" for name, number in targets.items())
    return Verdict(
        "account", "account", "SKIP", f"{account}; params/ has {wanted}",
        "Use the credentials of that account (--profile)",
    )  # fmt: skip
