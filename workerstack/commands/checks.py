"""Checks as lines, as JSON, or as the JUnit report that CI systems read."""

import json
from typing import TYPE_CHECKING

import click

from workerstack.commands.options import styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workerstack.verifier.check import Check

FORMATS = ("text", "json", "junit")

MARKS = {
    "green": ("green  ", "green"),
    "red": ("RED    ", "red"),
    "unknown": ("unknown", "yellow"),
}

format_option = click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", help="How it is shown."
)


def show_checks(name: str, checks: "Sequence[Check]", form: str, log: "Sequence[str]" = ()) -> int:
    """Prints one line a check; the exit code, 1 where one is red.

    ``log``, the lines that belong to the report, is part of JUnit's only.
    """
    from workerstack.verifier.check import exit_code

    if form == "json":
        click.echo(json.dumps([vars(check) for check in checks], indent=2))
    elif form == "junit":
        click.echo(junit(name, checks, log))
    else:
        for check in checks:
            click.echo(line(check))
            if not check.green and check.next_step:
                click.echo(f"         next: {check.next_step}")
    return exit_code(checks)


def line(check: "Check") -> str:
    """One check in one line."""
    mark = styled(*MARKS[check.status])
    return f"{mark}  {check.id:<10}  {check.criterion}: {check.evidence}"


def junit(name: str, checks: "Sequence[Check]", log: "Sequence[str]" = ()) -> str:
    """One test case a check; a red one is a failure, an unknown one is skipped."""
    from junit_xml import TestCase, TestSuite, to_xml_report_string

    from workerstack.review.show.words import visible

    cases = []
    for check in checks:
        evidence, next_step = visible(check.evidence), f"next: {check.next_step}"
        case = TestCase(f"{check.id} {check.criterion}", name)
        if check.status == "red":
            case.add_failure_info(evidence, next_step)
        elif check.status == "unknown":
            case.add_skipped_info(evidence, next_step)
        else:
            case.stdout = evidence
        cases.append(case)
    shown = "\n".join(map(visible, log)) or None
    suite = TestSuite(name, cases, stdout=shown)
    return str(to_xml_report_string([suite], prettyprint=False))
