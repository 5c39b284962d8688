"""docs/rules.md: the list of the rules, made from the rules."""

from collections.abc import Mapping
from typing import Any

TITLES = {
    "E91": "Acceptance criteria",
    "E92": "Step scaling",
    "E93": "Fargate, ECS and EFS",
}

HEAD = """# The rules

What must hold in a worker's template, beside the rules of cfn-lint itself. `generate.py` runs
them before it writes; `.cfnlintrc.yaml` makes editors, pre-commit and the `cfn-lint` command run
the same. `python -m rules > docs/rules.md` makes this page from the rules; a test holds it current.

To silence a rule where it must not hold, say so in the resource's Metadata, as the literal
variant of scaling does: `cfn-lint: {config: {ignore_checks: [E9204]}}`.
"""


def markdown(rules: Mapping[str, Any]) -> str:
    """The page for a collection of rules by id."""
    parts = [HEAD]
    for prefix, title in TITLES.items():
        parts.append(f"\n## {title}\n\n| id | what | holds when | because |\n|---|---|---|---|\n")
        for number in sorted(rules):
            if number.startswith(prefix):
                rule = rules[number]
                source = rule.source_url
                link = f" ([source]({source}))" if source.startswith("https") else ""
                holds = " ".join((rule.__doc__ or "").split())
                parts.append(
                    f"| {number} | {rule.shortdesc} | {holds} | {rule.description}{link} |\n"
                )
    return "".join(parts)
