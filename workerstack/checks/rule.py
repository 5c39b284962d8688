"""How a function that finds faults becomes a cfn-lint rule."""

from collections.abc import Callable, Iterator
from typing import Any

from cfnlint.rules._rule import CloudFormationLintRule, RuleMatch

from workerstack.checks.resolved import Path, Resolved, value_sets

Fault = tuple[Path, str]
"""Where in the template, and `What: why. What to do.`"""

Faults = Iterator[Fault]


_latest: list[Any] = []


def _resolved(cfn: Any) -> list[Resolved]:
    """The template under each set of values; resolved once for all rules that look at it."""
    if not _latest or _latest[0] is not cfn:
        sets = value_sets(cfn.context.parameter_sets)
        _latest[:] = [cfn, [Resolved(cfn.template, values) for values in sets]]
    found: list[Resolved] = _latest[1]
    return found


def rule(
    number: str, criterion: str, reason: str, source: str
) -> Callable[[Callable[[Resolved], Faults]], type[CloudFormationLintRule]]:
    """Makes a rule of a function from a resolved template to its faults.

    It runs once with the parameters' defaults, or once with each params file's values,
    and reports each fault once.
    """

    def make(find: Callable[[Resolved], Faults]) -> type[CloudFormationLintRule]:
        def match(_self: CloudFormationLintRule, cfn: Any) -> list[RuleMatch]:
            found = (fault for resolved in _resolved(cfn) for fault in find(resolved))
            return [RuleMatch(list(path), message) for path, message in dict.fromkeys(found)]

        return type(
            find.__name__,
            (CloudFormationLintRule,),
            {
                "__doc__": find.__doc__,
                "__module__": find.__module__,
                "id": number,
                "shortdesc": criterion,
                "description": reason,
                "source_url": source,
                "tags": ["fargate-worker-stack"],
                "match": match,
            },
        )

    return make
