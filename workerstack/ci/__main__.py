"""`python -m workerstack.ci NAME`: one step of a workflow, with what GitHub says of it."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import click

from workerstack import deployments
from workerstack.ci import approval, deploying, predicting, reviewed
from workerstack.ci.github import Api, Results
from workerstack.command_line import project, run
from workerstack.problem import Problem

ENVIRONMENT = click.option("--environment", envvar="ENVIRONMENT", required=True)
ALLOW = click.option("--allow", envvar="ALLOW", default="", help="ENV/STACK=ID:LogicalId ...")
FILE = click.Path(path_type=Path)
OUTPUTS = click.option("--outputs", envvar="GITHUB_OUTPUT", type=FILE)
SUMMARY = click.option("--summary", envvar="GITHUB_STEP_SUMMARY", type=FILE)
URL = click.option("--url", envvar="GITHUB_API_URL", required=True)
REPOSITORY = click.option("--repository", envvar="GITHUB_REPOSITORY", required=True)
TOKEN = click.option("--token", envvar="GH_TOKEN", required=True)


@click.group(context_settings={"max_content_width": 96})
def steps() -> None:
    """The steps of the workflows in .github/workflows."""


@contextmanager
def no_commands() -> Iterator[None]:
    """While what others wrote is printed, the runner takes no line for one of its commands.

    Source: GitHub, "Workflow commands", "Stopping and starting workflow commands".
    """
    token = secrets.token_hex(16)
    click.echo(f"::stop-commands::{token}")
    try:
        yield
    finally:
        click.echo(f"::{token}::")


def _chosen(stacks: str, root: Path) -> str:
    """The environment of ENV or ENV/STACK; raises Problem for one that params/ does not have."""
    name = stacks.partition("/")[0]
    known = deployments.environments(root)
    if name not in known:
        raise Problem(
            f"{name!r} is no environment",
            f"params/ has {', '.join(known) or 'none'}",
            "Name one of them in the repository's variable STACKS",
        )
    return name


@steps.command()
@click.option("--base", envvar="BASE", required=True)
@click.option("--head", envvar="HEAD", required=True)
@click.option("--link", envvar="RUN", required=True)
@click.option("--folder", type=FILE, default=Path())
@SUMMARY
def predict(*, base: str, head: str, link: str, folder: Path, summary: Path | None) -> int:
    """Write the comment on a pull request, and pictures of its scaling."""
    with no_commands():
        run_deploy = partial(deploying.deploy, root=project())
        results = Results(None, summary)
        return predicting.predict(base, head, link, folder, project(), run_deploy, results)


@steps.command()
@click.option("--stacks", envvar="STACKS", required=True)
@URL
@REPOSITORY
@TOKEN
@OUTPUTS
@SUMMARY
def protected(
    *, stacks: str, url: str, repository: str, token: str, outputs: Path | None,
    summary: Path | None,
) -> int:  # fmt: skip
    """Refuse an environment that nobody guards, before anything is made for it."""
    with _told(Results(outputs, summary)) as results:
        name = _chosen(stacks, project())
        for notice in approval.check_protected(name, Api(url, repository, token)):
            results.tell(f"- {notice}")
        results.output("environment", name)
    return 0


@steps.command()
@click.option("--stacks", envvar="STACKS", required=True)
@click.option("--folder", type=FILE, default=Path("reviews"))
@ALLOW
@OUTPUTS
@SUMMARY
def review(
    *, stacks: str, folder: Path, allow: str, outputs: Path | None, summary: Path | None
) -> int:
    """Make the change sets, and show what is to be approved."""
    with no_commands(), _told(Results(outputs, summary)) as results:
        run_deploy = partial(deploying.deploy, root=project())
        return deploying.review(stacks, folder.absolute(), allow, run_deploy, results)


def _mapping(_: click.Context, __: click.Parameter, text: str) -> dict[str, str]:
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError):
        raise click.BadParameter("it is not a JSON object") from None


@steps.command()
@click.option("--folder", type=FILE, default=Path(".reviews"))
@click.option("--digests", envvar="DIGESTS", required=True, callback=_mapping,
              help="JSON: the name of each file, and its SHA-256.")  # fmt: skip
@click.option("--run", "run_id", envvar="GITHUB_RUN_ID", required=True)
@ENVIRONMENT
@URL
@REPOSITORY
@TOKEN
@SUMMARY
def approved(
    *, folder: Path, digests: dict[str, str], run_id: str, environment: str, url: str,
    repository: str, token: str, summary: Path | None,
) -> int:  # fmt: skip
    """Refuse what nobody approved, and show again what was approved."""
    with no_commands(), _told(Results(None, summary)) as results:
        found = reviewed.read(folder)
        deploying.check_approved(found, digests, environment)
        api = Api(url, repository, token)
        approval.check_protected(environment, api)
        approvers = approval.check_approved(environment, run_id, api)
        deploying.show_approved(found, approvers, results)
        return 0


@steps.command()
@click.option("--folder", type=FILE, default=Path(".reviews"))
@SUMMARY
def execute(*, folder: Path, summary: Path | None) -> int:
    """Execute what was approved, and verify it."""
    with no_commands(), _told(Results(None, summary)) as results:
        run_deploy = partial(deploying.deploy, root=project())
        found = reviewed.read(folder.absolute())
        return deploying.execute(found, run_deploy, results)


@contextmanager
def _told(results: Results) -> Iterator[Results]:
    """The results of a step; a Problem stands in the summary too."""
    try:
        yield results
    except Problem as problem:
        results.tell(deploying.refused(problem))
        raise


if __name__ == "__main__":
    run(steps)
