"""Rights in few statements; cut policies fit, and allow together what the whole did, no more."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from workerstack.commands.rights import _environment
from workerstack.deployer.policy_documents import INLINE, MANAGED, document, fitting, size
from workerstack.deployer.resource_rights import OF_STACK, Place, ResourceRight
from workerstack.deployer.rights import ROLES
from workerstack.deployer.role_policies import policy

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


def test_statements_are_joined_where_no_action_gains_by_it() -> None:
    place = Place("aws", "us-west-2", "111122223333")
    service, cluster = (place.arn("ecs", each) for each in ("service/c/s", "cluster/c"))
    roles = [f"arn:aws:iam::111122223333:role/{each}" for each in "ab"]
    tagged = [{"StringEquals": {OF_STACK: each}} for each in "ab"]
    group = place.arn("ec2", "security-group/*")
    found = document(
        [
            ResourceRight("ecs:UpdateService", (service,)),
            ResourceRight("ecs:TagResource", (service, cluster)),
            ResourceRight("iam:GetRole", tuple(roles)),
            ResourceRight("iam:PassRole", (roles[0],)),
            ResourceRight("ec2:CreateTags", (group,), tagged[0]),
            ResourceRight("ec2:CreateTags", (group,), tagged[1]),
        ],
        place,
    )["Statement"]
    assert {tuple(each["Action"]): each["Resource"] for each in found} == {
        ("ec2:CreateTags",): [group],
        ("ecs:TagResource", "ecs:UpdateService"): [cluster, service],
        ("iam:GetRole",): roles,
        ("iam:PassRole",): roles[:1],
    }
    [tags] = [each["Condition"] for each in found if "Condition" in each]
    assert tags == {"StringEquals": {OF_STACK: ["a", "b"]}}


@given(STATEMENTS)
def test_the_same_is_allowed(statements: list[dict[str, Any]]) -> None:
    numbered = [{"Sid": f"S{number}", **each} for number, each in enumerate(statements)]
    whole = {"Version": "2012-10-17", "Statement": numbered}
    found = fitting(whole, 300)
    assert allowed(*found) == allowed(whole)
    for part in found:
        alone = len(part["Statement"]) == 1 and len(part["Statement"][0]["Resource"]) == 1
        assert size(part) <= 300 or alone
    sids = [each["Sid"] for part in found for each in part["Statement"]]
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
