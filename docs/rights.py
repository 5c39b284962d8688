"""The policies in docs/rights.md: ``python docs/rights.py`` writes them there anew.

They are those of params/prod, with a service role, as `deploy.py rights` prints them.
"""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from workerstack.deployer import role_policies
from workerstack.deployer.rights import ROLES
from workerstack.deployer.source import read_source
from workerstack.deployments import load

PAGE = ROOT / "docs/rights.md"
SERVICE_ROLE = "arn:aws:iam::444455556666:role/prod-cloudformation"
REPOSITORY = "OWNER/NAME"
WIDTH = 96


def environment() -> role_policies.Environment:
    """params/prod, in whose target.yaml a service role is named."""
    deployment = load("prod/webordinary-edit", ROOT)
    target = deployment.target.model_copy(update={"service_role": SERVICE_ROLE})
    return role_policies.Environment((read_source(replace(deployment, target=target)),))


def page(text: str) -> str:
    """The page with every policy between its marks."""
    found = environment()
    for role in ROLES:
        text = _put(text, role, role_policies.policy(found, role))
        trust = role_policies.trust(found, role, REPOSITORY, "main", pull_requests=False)
        if trust is not None:
            text = _put(text, f"{role} trust", trust)
    return text


def _put(text: str, name: str, policy: Any) -> str:
    block = f"<!-- {name} -->\n```json\n{_written(policy)}\n```\n<!-- /{name} -->"
    marks = re.compile(rf"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
    found, times = marks.subn(lambda _: block, text)
    if times != 1:
        raise ValueError(f"docs/rights.md has {times} places for the {name}")
    return found


def _written(policy: Any) -> str:
    """JSON in which a list that fits stands in one line."""
    return re.sub(r"( *)([^\n]*)\[\n([^\[\]{}]*?)\n *\]", _line, json.dumps(policy, indent=1))


def _line(found: re.Match[str]) -> str:
    members = ", ".join(each.strip().rstrip(",") for each in found[3].split("\n"))
    line = f"{found[1]}{found[2]}[{members}]"
    return line if len(line) <= WIDTH else found[0]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
