"""The policies that AWS itself manages and that a worker's roles are likely to use.

`managed_policies.json` holds AWS's documents (its public "AWS Managed Policy Reference Guide")
as they stood on the day `as_of`, each with its version and the day of its last change. Very long
ones, such as ReadOnlyAccess, are left out: what they allow is not known here.
"""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from workerstack.cloudformation.policies import Policy, read
from workerstack.cloudformation.policy_patterns import Opaque, pieces, shown

PARTITION = "aws"
"""AWS's other partitions have documents of their own."""
OF_AWS = re.compile(r"arn:(?P<partition>[^:]*):iam::aws:policy/(?P<name>.+)")
AFTER_PARTITION = re.compile(r":iam::aws:policy/(?P<name>.+)")


@cache
def _data() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        files(__package__).joinpath("managed_policies.json").read_text(encoding="utf-8")
    )
    return found


def as_of() -> str:
    """The day of the documents, as in 2026-10-27."""
    return str(_data()["as_of"])


def known() -> tuple[str, ...]:
    """The ARNs of all that are known here."""
    return tuple(f"arn:{PARTITION}:iam::aws:policy/{each}" for each in _data()["policies"])


def named(arn: Any) -> Policy:
    """The managed policy of this ARN, of which the partition need not be known.

    One that is not known here, such as a customer's, may allow anything: it is `unknown`. One
    that has its name but another path does not exist: IAM refuses it, which is its problem.
    """
    parts = pieces(arn)
    last = parts[-1] if parts else ""
    whole = isinstance(last, str) and OF_AWS.fullmatch(last) if len(parts) == 1 else None
    ending = isinstance(last, str) and len(parts) > 1 and AFTER_PARTITION.fullmatch(last)
    found = whole or ending or None
    reason = "it is not among the managed policies that are known here"
    if found is None or (whole and whole["partition"] != PARTITION):
        return Policy(unknown=(Opaque(shown(arn), reason),))
    name = found["name"]
    policies = _data()["policies"]
    if name in policies:
        return read(policies[name]["document"])
    right = next((each for each in policies if each.endswith("/" + name.rpartition("/")[2])), None)
    if right is None and name.rpartition("/")[2] in policies:
        right = name.rpartition("/")[2]
    if right is not None:
        return Policy(problems=(f"{name} is no policy of AWS, whose path is {right}",))
    return Policy(unknown=(Opaque(shown(arn), reason),))
