"""Limits of AWS that MiniStack does not hold: what goes beyond one is refused, in AWS's words.

Here is what one resource or call may be, whatever else there is. A name that somebody has is in
`taken_names`, how many of a thing an account may have in `service_quotas`.
"""

import re
from typing import Any

STANDARD = re.compile(r"[A-Za-z0-9_-]{1,80}")
FIFO = re.compile(r"(?=.{1,80}\Z)[A-Za-z0-9_-]+\.fifo")
OF_STANDARD = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
OF_FIFO = (
    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores,"
    " must end with .fifo suffix and be 1 to 80 in length."
)
"""SQS API reference, CreateQueue (QueueName)."""


def install(sqs: Any, provisioners: Any) -> None:
    """Wraps the calls, and what makes resources; doing it twice changes nothing."""
    create_queue, name_queue = sqs._HANDLERS["CreateQueue"], provisioners._sqs_queue_name
    if hasattr(create_queue, "holds_limits"):
        return

    def create_named(request: dict[str, Any], *more: Any) -> Any:
        name = request.get("QueueName")
        if name:
            fifo = (request.get("Attributes") or {}).get("FifoQueue")
            _check_queue_name(sqs, name, is_fifo=str(fifo).lower() == "true")
        return create_queue(request, *more)

    def name_and_check(*properties: Any) -> Any:
        name, is_fifo = name_queue(*properties)
        _check_queue_name(sqs, name, is_fifo=is_fifo)
        return name, is_fifo

    create_named.holds_limits = True  # type: ignore[attr-defined]
    sqs._HANDLERS["CreateQueue"] = create_named
    provisioners._sqs_queue_name = name_and_check


def _check_queue_name(sqs: Any, name: str, *, is_fifo: bool) -> None:
    if not (FIFO if is_fifo else STANDARD).fullmatch(name):
        raise sqs._Err("InvalidParameterValue", OF_FIFO if is_fifo else OF_STANDARD)
