"""What the rules found, for people and for the tools that show it to them."""

from typing import TYPE_CHECKING, Any

from workerstack.problem import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workerstack.lint.lint import Linter, LintFinding

FORMATS = ("text", "json", "sarif", "junit")


def text(findings: "Sequence[LintFinding]") -> str:
    """One finding a line, ``file:line:column: id message``, and whom it concerns."""
    return "\n".join(_line(finding) for finding in findings)


def _line(finding: "LintFinding") -> str:
    place = f"{finding.file}:{finding.line}:{finding.column}"
    where = f" ({finding.path})" if finding.path else ""
    values = f" with {', '.join(finding.deployments)}" if finding.deployments else ""
    return harmless(f"{place}: {finding.rule} {finding.message}{where}{values}")


def formatted(form: str, findings: "Sequence[LintFinding]", linter: "Linter") -> str:
    """The findings as JSON, SARIF or JUnit, by cfn-lint's own formatters."""
    from cfnlint.formatters.json import JsonFormatter
    from cfnlint.formatters.junit import JUnitFormatter
    from cfnlint.formatters.sarif import SARIFFormatter
    from cfnlint.match import Match

    kinds: dict[str, Any] = {
        "json": JsonFormatter,
        "sarif": SARIFFormatter,
        "junit": JUnitFormatter,
    }
    matches = [
        Match(
            message=harmless(finding.message),
            rule=linter.rules[finding.rule],
            filename=harmless(finding.file),
            linenumber=finding.line,
            columnnumber=finding.column,
            linenumberend=finding.end_line,
            columnnumberend=finding.end_column,
        )
        for finding in findings
    ]
    return str(kinds[form]().print_matches(matches, linter.rules, None))
