"""Checks as lines, as JSON, or as the JUnit report that CI systems read."""

from typing import TYPE_CHECKING

from workerstack.commands import options
from workerstack.output import show, show_json, show_line, styled
from workerstack.problem import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workerstack.verifier.check import Verdict

FORMATS = ("text", "json", "junit")

COLOURS = {
    "PASS": "green",
    "FAIL": "red",
    "SKIP": "yellow",
}

format_option = options.format_option(*FORMATS)


def show_checks(
    name: str, checks: "Sequence[Verdict]", form: str, log: "Sequence[str]" = ()
) -> int:
    """Prints one line a check; the exit code, 1 where one fails.

    ``log``, the lines that belong to the report, is part of JUnit's only.
    """
    from workerstack.verifier.check import exit_code

    if form == "json":
        show_json([vars(check) for check in checks], 2)
    elif form == "junit":
        show(junit(name, checks, log))
    else:
        for check in checks:
            show_line(line(check))
            if not check.passed and check.next_step:
                show_line(f"      next: {check.next_step}")
    return exit_code(checks)


def line(check: "Verdict") -> str:
    """One check in one line."""
    return f"{styled(check.status, COLOURS[check.status])}  {check.id:<15}  {check.evidence}"


def junit(name: str, checks: "Sequence[Verdict]", log: "Sequence[str]" = ()) -> str:
    """One test case a check; one that fails is a failure."""
    from junit_xml import TestCase, TestSuite, to_xml_report_string

    cases = []
    for check in checks:
        evidence, next_step = harmless(check.evidence), harmless(f"next: {check.next_step}")
        case = TestCase(harmless(f"{check.id} {check.criterion}"), harmless(name))
        if check.status == "FAIL":
            case.add_failure_info(evidence, next_step)
        elif check.status == "SKIP":
            case.add_skipped_info(evidence, next_step)
        else:
            case.stdout = evidence
        cases.append(case)
    shown = "\n".join(map(harmless, log)) or None
    suite = TestSuite(harmless(name), cases, stdout=shown)
    return str(to_xml_report_string([suite], prettyprint=False))
