"""CloudFormation Hooks: an account that has none, so that a review's questions are answered."""

from collections.abc import Callable
from typing import Any


def _answer(action: str, inner: str) -> tuple[int, dict[str, str], bytes]:
    from ministack.services.cloudformation.helpers import _xml

    answer: tuple[int, dict[str, str], bytes] = _xml(
        200, f"{action}Response", f"<{action}Result>{inner}</{action}Result>"
    )
    return answer


HANDLERS: dict[str, Callable[[Any], Any]] = {
    "DescribeChangeSetHooks": lambda _request: _answer(
        "DescribeChangeSetHooks", "<Hooks/><Status>PLANNED</Status>"
    ),
    "ListHookResults": lambda _request: _answer("ListHookResults", "<HookResults/>"),
}
