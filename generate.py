#!/usr/bin/env python3
"""Builds every worker's template, lints it, and writes out/ (or checks that it is current)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from command_line import run
from deployments.template import declared_parameters, parse_template
from generator import artifacts, diagram, inputs, reports, schema
from generator.lint import Finding, Linter, Request, lint_all, merged
from generator.rendering import render
from generator.verdicts import Verdicts
from generator.workers import load_workers

ROOT = Path(__file__).parent
STALE = 2


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 2 if out/ is not current.")
@click.option(
    "--lint-format",
    type=click.Choice(reports.FORMATS),
    default="text",
    help="How to print what the rules find (standard output).",
)
def generate(*, check: bool, lint_format: str) -> int:
    """Build all workers of templates/workers.py, lint them, and write out/.

    Each template is linted alone and with the values of every params file that uses it.
    Nothing is written unless everything is clean.

    Exit codes: 0 done or current, 1 an error or a lint finding, 2 out/ is stale (--check).
    """
    texts = _build()
    deployed = inputs.deployments_of(texts, ROOT)
    found = inputs.mistakes(texts, deployed, ROOT)
    if found:
        for mistake in found:
            click.echo(str(mistake), err=True)
        return 1
    findings = _lint(inputs.requests(texts, deployed, ROOT), lint_format)
    if findings:
        count = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}"
        click.echo(f"out/ was left as it is: {count} of the lint rules.", err=True)
        return 1
    return _compare(texts) if check else _write(texts)


def _build() -> dict[str, str]:
    from templates import build

    return {
        f"out/{worker.name}.template.yaml": render(build(worker).to_dict())
        for worker in load_workers()
    }


def _lint(requests: Sequence[Request], lint_format: str) -> Sequence[Finding]:
    rules = ROOT / "rules"
    judges = [*rules.glob("*.py"), *(ROOT / "generator").glob("*.py"), ROOT / ".cfnlintrc.yaml"]
    verdicts = Verdicts(ROOT / ".cache" / "verdicts", judges)
    if lint_format == "text":
        unknown = verdicts.unknown(requests)
        if not unknown:
            return []
        findings = lint_all(Linter(rules), unknown)
        click.echo(reports.text(findings), nl=bool(findings))
    else:
        linter = Linter(rules)
        findings = merged(finding for each in requests for finding in linter.lint(each))
        click.echo(reports.formatted(lint_format, findings, linter))
    if not findings:
        verdicts.keep(requests)
    return findings


def _artifacts(texts: Mapping[str, str]) -> dict[str, str]:
    """Everything that is generated: templates, editors' schemas, the README's diagram."""
    parsed = {name: parse_template(text, name) for name, text in texts.items()}
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


def _compare(texts: Mapping[str, str]) -> int:
    differences = artifacts.stale(_artifacts(texts), ROOT)
    for difference in differences.values():
        click.echo(difference, nl=False)
    if differences:
        names = ", ".join(differences)
        click.echo(f"Not current: {names}. Run `make generate` and commit.", err=True)
        return STALE
    click.echo("Everything that is generated is current, and clean.", err=True)
    return 0


def _write(texts: Mapping[str, str]) -> int:
    changed = artifacts.write(_artifacts(texts), ROOT)
    for name in changed:
        click.echo(f"wrote {name}", err=True)
    if not changed:
        click.echo("Everything that is generated was current, and clean.", err=True)
    return 0


if __name__ == "__main__":
    run(generate)
