"""FilterLogEvents in streams that are not there, which MiniStack answers with no events.

Source: CloudWatch Logs API reference, FilterLogEvents (ResourceNotFoundException).
"""

from typing import Any


def install(logs: Any) -> None:
    """Wraps the call; doing it twice changes nothing."""
    filter_events = logs._filter_log_events
    if hasattr(filter_events, "wrapped"):
        return

    def filter_existing(data: dict[str, Any]) -> Any:
        from ministack.core.responses import error_response_json

        group = logs._log_groups.get(logs._resolve_log_group_name(data))
        wanted = data.get("logStreamNames") or ()
        if group is not None and any(name not in group["streams"] for name in wanted):
            return error_response_json(
                "ResourceNotFoundException", "The specified log stream does not exist.", 400
            )
        return filter_events(data)

    filter_existing.wrapped = filter_events  # type: ignore[attr-defined]
    logs._filter_log_events = filter_existing
