"""How a function that finds faults becomes a cfn-lint rule."""

from collections.abc import Callable, Iterator
from typing import Any

from cfnlint.rules._rule import CloudFormationLintRule, RuleMatch

from rules.resolved import Path, Resolved, value_sets

Fault = tuple[Path, str]
"""Where in the template, and `What: why. What to do.`"""

Faults = Iterator[Fault]


def rule(
    number: str, criterion: str, reason: str, source: str
) -> Callable[[Callable[[Resolved], Faults]], type[CloudFormationLintRule]]:
    """Makes a rule of a function from a resolved template to its faults.

    It runs once with the parameters' defaults, or once with each params file's values,
    and reports each fault once.
    """

    def make(find: Callable[[Resolved], Faults]) -> type[CloudFormationLintRule]:
        def match(_self: CloudFormationLintRule, cfn: Any) -> list[RuleMatch]:
            found = (
                fault
                for values in value_sets(cfn.template, cfn.context.parameter_sets)
                for fault in find(Resolved(cfn.template, values))
            )
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
