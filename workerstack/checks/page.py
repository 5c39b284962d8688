"""docs/checks.md: the table for people, made from the table."""

from collections.abc import Iterable

from workerstack.checks.check import Check

TITLES = {
    "91": "Acceptance criteria",
    "92": "Scaling and queues",
    "93": "Fargate, ECS, EFS, roles: what AWS refuses, and what a start needs",
    "94": "Access",
}

HEAD = """# The checks

What must hold of a worker's stack, on top of the rules of cfn-lint itself. It is one table, with
three uses that say the same sentence under the same id:

- **lint**: `generate.py` asks it before it writes, of the template alone and with the values of
  every params file; `.cfnlintrc.yaml` makes editors, pre-commit and the `cfn-lint` command ask it.
- **review**: what a change brings is a finding, of the level in the table; what it fixes is said
  in a line.
- **live**: whether it can also be asked of what runs.

A check looks at what a value comes to, however it is written, and keeps silent where that is not
known. Scaling is simulated ([scaling.md](scaling.md)); rights are evaluated with every policy of a
role, wherever it stands.

Where a check must not hold, say so in the resource's Metadata:
`cfn-lint: {config: {ignore_checks: [E9204]}}`. Ids that begin with W are warnings.
`python -m workerstack.checks > docs/checks.md` makes this page; a test holds it current.
"""


def markdown(checks: Iterable[Check]) -> str:
    """The page for the rows of the table."""
    rows = list(checks)
    parts = [HEAD]
    for area, title in TITLES.items():
        parts.append(
            f"\n## {title}\n\n| id | what | holds when | because | in a review | live |\n"
            "|---|---|---|---|---|---|\n"
        )
        parts += [_row(each) for each in rows if each.id[1:].startswith(area)]
    return "".join(parts)


def _row(check: Check) -> str:
    source = check.source.removeprefix("docs/")
    link = "" if source.startswith("checks.md") else f" ([source]({source}))"
    live = "yes" if check.live else "no"
    return (
        f"| {check.id} | {check.title} | {check.holds} | {check.because}{link} |"
        f" {check.finding} | {live} |\n"
    )
