"""Cut policies: each document fits, and all together allow what the whole did, no more."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from workerstack.commands.rights import _environment
from workerstack.deployer.policy_documents import INLINE, MANAGED, fitting, size
from workerstack.deployer.rights import ROLES, policy

ROOT = Path(__file__).parents[2]
NAMES = some.text("abcdef", min_size=1, max_size=9)
STATEMENTS = some.lists(
    some.builds(
        lambda actions, resources, wanted: {
            "Effect": "Allow",
            "Action": actions,
            "Resource": resources,
            **({"Condition": {"StringEquals": {"a": wanted}}} if wanted else {}),
        },
        some.lists(NAMES, min_size=1, max_size=5, unique=True),
        some.lists(NAMES, min_size=1, max_size=30, unique=True),
        some.none() | NAMES,
    ),
    max_size=20,
)


def allowed(*documents: Any) -> set[tuple[str, str, str]]:
    return {
        (action, resource, repr(each.get("Condition")))
        for document in documents
        for each in document["Statement"]
        for action in each["Action"]
        for resource in each["Resource"]
    }


@given(STATEMENTS)
def test_the_same_is_allowed(statements: list[dict[str, Any]]) -> None:
    numbered = [{"Sid": f"S{number}", **each} for number, each in enumerate(statements)]
    whole = {"Version": "2012-10-17", "Statement": numbered}
    found = fitting(whole, 300)
    assert allowed(*found) == allowed(whole)
    for document in found:
        alone = len(document["Statement"]) == 1 and len(document["Statement"][0]["Resource"]) == 1
        assert size(document) <= 300 or alone
    sids = [each["Sid"] for document in found for each in document["Statement"]]
    assert len(set(sids)) == len(sids)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("root", [ROOT, ROOT / "examples/invoices"], ids=["ours", "invoices"])
def test_every_role_of_every_environment_fits(root: Path, role: str) -> None:
    whole = policy(_environment("dev", root, (), ()), role)
    found = fitting(whole)
    assert allowed(*found) == allowed(whole)
    assert max(map(size, found)) <= MANAGED
    assert len(found) == -(-size(whole) // MANAGED)
    if size(whole) <= MANAGED:
        assert found == [whole]
    elif root == ROOT:
        assert size(whole) <= INLINE
