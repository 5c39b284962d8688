"""Whether a person stands between a review and its execution: GitHub is asked, not trusted."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workerstack.ci.github import Api
from workerstack.problem import Refusal

SETTINGS = "in the repository's settings, under Environments"


def check_protected(name: str, api: Api) -> list[str]:
    """Raises Refusal where the environment has no required reviewers; what else is open.

    GitHub makes an environment that a job names and that is not there, without protection,
    and runs the job: so it is asked before a job names it.
    """
    found = api.environment(name)
    if found is None:
        raise Refusal(
            f"There is no GitHub environment {name}",
            "GitHub would make one that nobody guards",
            f"Create it with required reviewers, {SETTINGS}",
        )
    if not any(rule.get("reviewers") for rule in _rules(found)):
        raise Refusal(
            f"The GitHub environment {name} has no required reviewers",
            "whoever can push would execute without anybody's approval",
            f"Add required reviewers {SETTINGS}",
        )
    return list(_open(found))


def _rules(environment: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rules = environment.get("protection_rules") or ()
    return [rule for rule in rules if rule.get("type") == "required_reviewers"]


def _open(environment: Mapping[str, Any]) -> Iterator[str]:
    if not all(rule.get("prevent_self_review") for rule in _rules(environment)):
        yield "Whoever started a run may approve it: self-review is not prevented."
    if environment.get("can_admins_bypass", True):
        yield "Administrators may bypass the approval; what they bypass is refused here."
    if not environment.get("deployment_branch_policy"):
        yield "Workflows of every branch may ask for this environment, not only those of main."


def check_approved(name: str, run: str, api: Api) -> list[str]:
    """Who approved the run for this environment; raises Refusal where nobody did.

    The reviewers that were required when the review was made may be gone since.
    """
    found = [each for each in api.approvals(run) if each.get("state") == "approved"]
    approvers = [
        str((each.get("user") or {}).get("login", "somebody"))
        for each in found
        if _names(name, each.get("environments") or ())
    ]
    if not approvers:
        raise Refusal(
            f"Nobody approved this run for the environment {name}",
            "it was not asked for, or an administrator bypassed it",
            f"Run the workflow again, and have it approved; see to it {SETTINGS}",
        )
    return approvers


def _names(name: str, environments: Sequence[Mapping[str, Any]]) -> bool:
    # GitHub's names of environments are not case-sensitive.
    return any(str(each.get("name")).casefold() == name.casefold() for each in environments)
