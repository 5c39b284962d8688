#!/usr/bin/env python3
"""Builds every worker's template, lints it, and writes out/ (or checks that it is current)."""

import gc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack.command_line import run
from workerstack.lint.preloading import Preloaded
from workerstack.lint.verdicts import Verdicts, probably_known

if TYPE_CHECKING:
    from workerstack.lint.lint import Finding, Request

ROOT = Path(__file__).parent
VERDICTS = ROOT / ".cache" / "verdicts"
RULES = ROOT / "workerstack" / "checks"
FORMATS = ("text", "json", "sarif", "junit")
STALE = 2


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 2 if out/ is not current.")
@click.option(
    "--lint-format",
    type=click.Choice(FORMATS),
    default="text",
    help="How to print what the rules find (standard output).",
)
def generate(*, check: bool, lint_format: str) -> int:
    """Build all workers of templates/workers.py, lint them, and write out/.

    Each template is linted alone and with the values of every params file that uses it.
    Nothing is written unless everything is clean.

    Exit codes: 0 done or current, 1 an error or a lint finding, 2 out/ is stale (--check).
    """
    early = lint_format == "text" and not probably_known(VERDICTS, ROOT)
    with Preloaded(RULES, early=early) as preloaded:
        return _generate(preloaded, lint_format, check=check)


def _generate(preloaded: Preloaded, lint_format: str, *, check: bool) -> int:
    from workerstack.lint import inputs

    texts = _build()
    deployed = inputs.deployments_of(texts, ROOT)
    found = inputs.mistakes(texts, deployed, ROOT)
    if found:
        for mistake in found:
            click.echo(str(mistake), err=True)
        return 1
    findings = _lint(preloaded, inputs.requests(texts, deployed, ROOT), lint_format)
    if findings:
        count = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}"
        click.echo(f"out/ was left as it is: {count} of the lint rules.", err=True)
        return 1
    return _compare(texts, quiet=lint_format != "text") if check else _write(texts)


def _build() -> dict[str, str]:
    from templates import build
    from workerstack.lint.rendering import render
    from workerstack.lint.workers import load_workers

    return {
        f"out/{worker.name}.template.yaml": render(build(worker).to_dict())
        for worker in load_workers()
    }


def _lint(
    preloaded: Preloaded, requests: "Sequence[Request]", lint_format: str
) -> "Sequence[Finding]":
    from workerstack.lint import reports

    judges = [
        *RULES.glob("*.py"),
        *(ROOT / "workerstack" / "lint").glob("*.py"),
        ROOT / ".cfnlintrc.yaml",
    ]
    verdicts = Verdicts(VERDICTS, judges)
    if lint_format == "text":
        unknown = verdicts.unknown(requests)
        if not unknown:
            return []
        findings = preloaded.lint(unknown)
        click.echo(reports.text(findings), nl=bool(findings))
    else:
        from workerstack.lint.lint import Linter, lint_one_by_one

        linter = Linter(RULES)
        findings = lint_one_by_one(linter, requests)
        click.echo(reports.formatted(lint_format, findings, linter))
    if not findings:
        verdicts.keep(requests)
    return findings


def _artifacts(texts: Mapping[str, str]) -> dict[str, str]:
    """Everything that is generated: templates, editors' schemas, the README's diagram."""
    from workerstack.cloudformation import declared_parameters, read
    from workerstack.lint import diagram, schema

    parsed = {name: read(text, name).data for name, text in texts.items()}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, template in parsed.items():
        readme = diagram.in_document(readme, name, template)
    return {
        **texts,
        "params/target.schema.json": schema.target_schema(),
        **{
            f"params/{Path(name).name.partition('.')[0]}.schema.json": schema.deployment_schema(
                declared_parameters(template)
            )
            for name, template in parsed.items()
        },
        "README.md": readme,
    }


def _compare(texts: Mapping[str, str], *, quiet: bool) -> int:
    """Shows what is not current; where the data is a report, only its names."""
    from workerstack.lint import artifacts

    differences = artifacts.stale(_artifacts(texts), ROOT)
    if not quiet:
        for difference in differences.values():
            click.echo(difference, nl=False)
    if differences:
        names = ", ".join(differences)
        click.echo(f"Not current: {names}. Run `make generate` and commit.", err=True)
        return STALE
    click.echo("Everything that is generated is current, and clean.", err=True)
    return 0


def _write(texts: Mapping[str, str]) -> int:
    from workerstack.lint import artifacts

    changed = artifacts.write(_artifacts(texts), ROOT)
    for name in changed:
        click.echo(f"{'wrote' if (ROOT / name).exists() else 'removed'} {name}", err=True)
    if not changed:
        click.echo("Everything that is generated was current, and clean.", err=True)
    return 0


if __name__ == "__main__":
    gc.disable()  # a second's work makes little garbage, and importing makes none
    run(generate)
