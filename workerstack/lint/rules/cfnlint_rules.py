"""Each check of the table as a cfn-lint rule: the same id, the same sentence, the value's line.

cfn-lint looks for classes in the files of this folder (``append_rules``), so that editors,
pre-commit and its command say what generate.py says.
"""

from typing import Any

from cfnlint.rules._rule import CloudFormationLintRule, RuleMatch

from workerstack.checks import CHECKS, Check, run
from workerstack.cloudformation import Stack, from_data, resolve
from workerstack.problem import Problem

_latest: list[Any] = []


def _stacks(cfn: Any) -> list[Stack]:
    """The template with each set of values, or with the defaults; once for all rules.

    None where it is no template: what is wrong then, cfn-lint says itself.
    """
    if not _latest or _latest[0] is not cfn:
        _latest[:] = [cfn, list(_resolved(cfn))]
    found: list[Stack] = _latest[1]
    return found


def _resolved(cfn: Any) -> list[Stack]:
    try:
        template = from_data(cfn.template)
        sets = [each.parameters for each in cfn.context.parameter_sets or ()] or [{}]
        return [resolve(template, values) for values in sets]
    except Problem:
        return []


def _rule(check: Check) -> type[CloudFormationLintRule]:
    def match(_self: CloudFormationLintRule, cfn: Any) -> list[RuleMatch]:
        found = {
            (each.place(stack), each.violation.sentence): None
            for stack in _stacks(cfn)
            for each in run(stack, checks=[check])
        }
        return [RuleMatch(list(place), sentence) for place, sentence in found]

    return type(
        f"Check{check.id}",
        (CloudFormationLintRule,),
        {
            "__doc__": check.holds,
            "__module__": __name__,
            "id": check.id,
            "shortdesc": check.title,
            "description": check.because,
            "source_url": check.source,
            "tags": ["fargate-worker-stack"],
            "match": match,
        },
    )


globals().update({f"Check{check.id}": _rule(check) for check in CHECKS})
