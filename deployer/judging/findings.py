"""The table of findings, and the judgement itself: what is risky comes first."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from deployer.judging import lost, network, opened, policies, running, scaling, stack_wide
from deployer.judging.case import Case
from deployer.review import AccessChange, Finding


class Check(NamedTuple):
    """What finds a kind of finding, and the ids that it gives; its docstring explains them."""

    ids: tuple[str, ...]
    find: Callable[[Case], Iterator[Finding]]


CHECKS = (
    Check(("deletes-stateful", "replaces-stateful", "left-behind"), lost.stateful),
    Check(("custom-name-replaced",), lost.custom_name),
    Check(("renamed",), lost.renamed),
    Check(("service-replaced",), running.replaced),
    Check(("capacity-reset",), running.capacity_reset),
    Check(("scaling-off",), scaling.off),
    Check(("scaling-mismatch",), scaling.mismatch),
    Check(("iam-wildcard",), opened.wildcard),
    Check(("trust-opened",), opened.trust),
    Check(("network-opened",), opened.network),
    Check(("import-broken",), stack_wide.broken_import),
    Check(("rollback-disabled",), stack_wide.no_rollback),
    Check(("service-detached",), running.detached),
    Check(("iam-broadened",), opened.broadened),
    Check(("undecided", "nested-not-shown"), stack_wide.undecided),
    Check(("tasks-restarted",), running.restarted),
    Check(("secret-not-compared",), stack_wide.secret),
)
"""In the order of risk; within a level findings are shown in this order."""

LEVELS = ("blocking", "warning", "note")


def judge(case: Case) -> tuple[Finding, ...]:
    """All findings on a case, blocking ones first, then in the order of CHECKS."""
    found = [finding for check in CHECKS for finding in check.find(case)]
    unique = {(each.id, each.logical_id, each.what): each for each in found}
    return tuple(sorted(unique.values(), key=lambda each: LEVELS.index(each.level)))


def access(case: Case) -> tuple[AccessChange, ...]:
    """Every statement and rule gained or lost; gained ones first, then by resource."""
    found = [
        each
        for change in case.resources
        for compare in (policies.compared, network.compared)
        for each in compare(change)
    ]
    return tuple(sorted(found, key=lambda each: (each.kind, not each.gained, each.logical_id)))
