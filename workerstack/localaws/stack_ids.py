"""Stacks by their ids: taken wherever a name is, and kept while a creation is only proposed."""

from collections.abc import Callable
from typing import Any

Handler = Callable[[Any], Any]

BY_NAME = ("DeleteChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "ListChangeSets")
"""Actions in which MiniStack knows a stack by its name only."""


def install(actions: dict[str, Handler]) -> None:
    """Wraps the handlers of change sets; doing it twice changes nothing."""
    for action in BY_NAME:
        actions[action] = _wrapped(actions[action], _with_name)
    actions["CreateChangeSet"] = _wrapped(actions["CreateChangeSet"], _keeping_the_id)


def _wrapped(handler: Handler, wrapper: Callable[[Handler, Any], Any]) -> Handler:
    if hasattr(handler, "takes_ids"):
        return handler

    def handle(request: Any) -> Any:
        return wrapper(handler, request)

    handle.takes_ids = True  # type: ignore[attr-defined]
    return handle


def _with_name(handler: Handler, request: Any) -> Any:
    """``arn:...:stack/NAME/UUID`` as NAME."""
    name = _name(request)
    return handler({**request, "StackName": [name]} if name else request)


def _name(request: Any) -> str:
    stack = _text(request, "StackName")
    return stack.split("/")[1] if stack.startswith("arn:") else stack


def _keeping_the_id(handler: Handler, request: Any) -> Any:
    """Else a new stack, with a new id, would take the place of the one in REVIEW_IN_PROGRESS."""
    from ministack.services.cloudformation import _stacks, changesets

    shell = _stacks.get(_name(request))
    creates = _text(request, "ChangeSetType") == "CREATE"
    if not (creates and shell and shell["StackStatus"] == "REVIEW_IN_PROGRESS"):
        # By its name, else a change set of the same name would be made a second time.
        return _with_name(handler, request)
    request = {**request, "StackName": [_name(request)]}
    ids, another = [shell["StackId"].rpartition("/")[2]], changesets.new_uuid
    # The stack's id is the first that is made.
    changesets.new_uuid = lambda: ids.pop() if ids else another()
    try:
        return handler(request)
    finally:
        changesets.new_uuid = another


def _text(request: Any, key: str) -> str:
    from ministack.services.cloudformation import helpers

    return str(helpers._p(request, key))
