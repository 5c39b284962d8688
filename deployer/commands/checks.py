"""Checks as lines, as JSON, or as the JUnit report that CI systems read."""

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

import click

from deployer.commands.connection import styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer.verification import Check

FORMATS = ("text", "json", "junit")


def show_checks(name: str, checks: "Sequence[Check]", form: str) -> int:
    """Prints one line a check; the exit code, 1 where one is red."""
    if form == "json":
        click.echo(json.dumps([vars(check) for check in checks], indent=2))
    elif form == "junit":
        click.echo(junit(name, checks))
    else:
        for check in checks:
            mark = styled("green", "green") if check.green else styled("RED  ", "red")
            click.echo(f"{mark}  {check.id:<10}  {check.criterion}: {check.evidence}")
            if not check.green:
                click.echo(f"       next: {check.next_step}")
    return 0 if all(check.green for check in checks) else 1


def junit(name: str, checks: "Sequence[Check]") -> str:
    """One test case a check; a red one is a failure."""
    from deployer.showing.words import visible

    red = sum(not check.green for check in checks)
    suite = Xml.Element("testsuite", name=name, tests=str(len(checks)), failures=str(red))
    for check in checks:
        case = Xml.SubElement(
            suite, "testcase", classname=name, name=f"{check.id} {check.criterion}"
        )
        if check.green:
            Xml.SubElement(case, "system-out").text = visible(check.evidence)
        else:
            failure = Xml.SubElement(case, "failure", message=visible(check.evidence))
            failure.text = f"next: {check.next_step}"
    return Xml.tostring(suite, encoding="unicode")
