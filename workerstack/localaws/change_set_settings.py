"""What a change set says of itself besides its changes, which MiniStack forgets.

DescribeChangeSet of AWS answers the topics, the rollback triggers and the deployment mode that the
change set was made with (API reference).
"""

from collections.abc import Callable
from typing import Any

from workerstack.localaws.answers import escaped, members

Handler = Callable[[Any], Any]

_SETTINGS: dict[str, str] = {}
"""The XML to add, by the change set's ARN."""


def install(actions: dict[str, Handler]) -> None:
    """Wraps the two handlers; doing it twice changes nothing."""
    for action, wrapper in (("CreateChangeSet", _noting), ("DescribeChangeSet", _telling)):
        if not hasattr(actions[action], "knows_settings"):
            actions[action] = _wrapped(actions[action], wrapper)


def forget() -> None:
    """Empties what was noted."""
    _SETTINGS.clear()


def _wrapped(handler: Handler, wrapper: Callable[[Handler, Any], Any]) -> Handler:
    def handle(request: Any) -> Any:
        return wrapper(handler, request)

    handle.knows_settings = True  # type: ignore[attr-defined]
    # The mark of the other wrapper, which must not wrap a second time.
    handle.takes_ids = True  # type: ignore[attr-defined]
    return handle


def _noting(handler: Handler, request: Any) -> Any:
    found = handler(request)
    arn = _between(found[2].decode(), "<Id>", "</Id>")
    if arn:
        _SETTINGS[arn] = _xml(request)
    return found


def _telling(handler: Handler, request: Any) -> Any:
    status, headers, body = handler(request)
    text = body.decode()
    arn = _between(text, "<ChangeSetId>", "</ChangeSetId>")
    end = "</DescribeChangeSetResult>"
    text = text.replace(end, _SETTINGS.get(arn, "") + end)
    return status, headers, text.encode()


def _xml(request: Any) -> str:
    topics = [each[0] for each in _listed(request, "NotificationARNs")]
    triggers = members(request, "RollbackConfiguration.RollbackTriggers", "Arn", "Type")
    minutes = request.get("RollbackConfiguration.MonitoringTimeInMinutes", [""])[0]
    mode = request.get("DeploymentMode", [""])[0]
    watched = f"<MonitoringTimeInMinutes>{escaped(minutes)}</MonitoringTimeInMinutes>"
    told = "".join(
        f"<member><Arn>{escaped(each['Arn'])}</Arn><Type>{escaped(each['Type'])}</Type></member>"
        for each in triggers
    )
    return (
        f"<NotificationARNs>{''.join(f'<member>{escaped(each)}</member>' for each in topics)}"
        "</NotificationARNs><RollbackConfiguration>"
        + (f"<RollbackTriggers>{told}</RollbackTriggers>" if triggers else "")
        + (watched if minutes else "")
        + "</RollbackConfiguration>"
        + (f"<DeploymentMode>{escaped(mode)}</DeploymentMode>" if mode else "")
    )


def _listed(request: Any, name: str) -> list[Any]:
    found: list[Any] = []
    while value := request.get(f"{name}.member.{len(found) + 1}"):
        found.append(value)
    return found


def _between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]
