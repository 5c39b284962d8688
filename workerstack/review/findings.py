"""The table of findings, and the judgement itself: what is risky comes first."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from workerstack.review import access as rows
from workerstack.review import (
    find_access,
    find_checks,
    find_execution,
    find_removal,
    find_scaling,
    find_service,
    find_weakening,
)
from workerstack.review.case import Case, Facts
from workerstack.review.model import AccessChange, Finding


class Finder(NamedTuple):
    """What finds a kind of finding, and the ids that it gives; its docstring explains them."""

    ids: tuple[str, ...]
    find: Callable[[Case], Iterator[Finding]]


CHECKS = (
    Finder(("deletes-stateful", "replaces-stateful", "left-behind"), find_removal.stateful),
    Finder(("custom-name-replaced",), find_removal.custom_name),
    Finder(("renamed",), find_removal.renamed),
    Finder(("service-replaced",), find_service.replaced),
    Finder(("capacity-reset",), find_service.capacity_reset),
    Finder(("scaling-off",), find_scaling.off),
    Finder(("scaling-mismatch",), find_scaling.mismatch),
    Finder(("iam-wildcard",), find_access.wildcard),
    Finder(("trust-opened",), find_access.trust),
    Finder(("network-opened",), find_access.network),
    Finder(find_checks.IDS, find_checks.brought),
    Finder(("import-broken", "export-changed"), find_execution.broken_import),
    Finder(("rollback-disabled",), find_execution.no_rollback),
    Finder(("service-detached",), find_service.detached),
    Finder(("architecture-changed",), find_service.architecture),
    Finder(("messages-left",), find_service.queue_left),
    Finder(("deny-lost",), find_access.deny_lost),
    Finder(("permission-lost",), find_access.right_lost),
    *(Finder(ids, find) for ids, find in find_weakening.CHECKS),
    Finder(("alarm-removed",), find_removal.alarm_removed),
    Finder(("iam-broadened",), find_access.broadened),
    Finder(("undecided", "nested-not-shown"), find_execution.undecided),
    Finder(("image-moved",), find_service.image_moved),
    Finder(("tasks-restarted",), find_service.restarted),
    Finder(("no-echo-not-compared",), find_execution.no_echo),
    Finder(("mends",), find_checks.mended),
)
"""In the order of risk; within a level findings are shown in this order."""

LEVELS = ("blocking", "warning", "note")


def judge(case: Case) -> tuple[Finding, ...]:
    """All findings on a case, blocking ones first, then in the order of CHECKS."""
    found = [finding for check in CHECKS for finding in check.find(case)]
    unique = {(each.id, each.logical_id, each.what): each for each in found}
    return tuple(sorted(unique.values(), key=lambda each: LEVELS.index(each.level)))


def steady(case: Case) -> frozenset[Finding]:
    """Those of the findings that are the same whatever runs, waits or imports at the moment."""
    without = replace(case, facts=Facts(account=case.facts.account))
    other = replace(case, facts=replace(case.facts, running_tasks=1, messages_in_flight=1))
    return frozenset(judge(without)) & frozenset(judge(other))


def access(case: Case) -> tuple[AccessChange, ...]:
    """Every statement and rule gained or lost; gained ones first, then by resource."""
    before, after = case.stacks
    found = [each for change in case.resources for each in rows.compared_policies(change)]
    if case.is_whole:
        found += rows.compared_rules(before, after)
    return tuple(sorted(found, key=lambda each: (each.kind, not each.gained, each.logical_id)))
