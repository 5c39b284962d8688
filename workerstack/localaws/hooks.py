"""CloudFormation Hooks: an account that has none, so that a review's questions are answered."""

from collections.abc import Callable
from typing import Any

from workerstack.localaws.answers import Answer, answer

HANDLERS: dict[str, Callable[[Any], Answer]] = {
    "DescribeChangeSetHooks": lambda _request: answer(
        "DescribeChangeSetHooks", "<Hooks/><Status>PLANNED</Status>"
    ),
    "ListHookResults": lambda _request: answer("ListHookResults", "<HookResults/>"),
}
