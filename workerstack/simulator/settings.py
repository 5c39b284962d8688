"""Everything that decides a run and stands in no template: named, with unit and default."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from workerstack.problem import Problem
from workerstack.simulator.model import Queue, Scaling
from workerstack.simulator.quantities import nearest

DAY = 86_400
CooldownFrom = Literal["fulfilment", "decision"]
OnSigterm = Literal["finish", "return"]
BEAT = 60
"""Seconds between the extensions of a sidecar that declares no other number."""
EXPIRY = 7_200
"""Seconds after which scale-in protection ends unless another number is given (ECS: 2 hours)."""


def _setting(default: Any, about: str, least: int = 0, most: int = DAY) -> Any:
    return field(default=default, metadata={"about": about, "least": least, "most": most})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The switches of the model. ``about`` in a field's metadata says what it is.

    Where AWS documents nothing, the default is what was seen, or the careful reading; sources
    are in docs/reference/simulator.md.
    """

    seed: int = _setting(1, "seed of every random choice", most=2**31)
    missing_operand_is_zero: bool = _setting(
        default=False, about="metric math takes a missing operand for 0 if the other is there"
    )
    metric_delay: int = _setting(60, "s until a metric's value can be read by an alarm")
    metric_jitter: int = _setting(
        0, "s by which each datapoint may be later still, on its own", most=3_600
    )
    activation_delay: int = _setting(
        900, "s until metrics of a queue that slept can be read (SQS: up to 15 minutes)"
    )
    sleep_after: int = _setting(21_600, "s without activity until a queue sends no metrics", 60)
    asleep_at_start: bool = _setting(default=False, about="the queue has slept before the trace")
    evaluation_range_extra: int = _setting(
        2, "periods that an alarm looks back beyond its own, for missing data", most=10
    )
    notvisible_reported_when_zero: bool = _setting(
        default=True, about="SQS reports messages in flight also while there are none"
    )
    application_autoscaling_delay: int = _setting(
        5, "s from an alarm's evaluation to the new desired count", 1, 59
    )
    cooldown_from: CooldownFrom = _setting(
        "fulfilment", "a cooldown begins when the tasks run (fulfilment) or at the decision"
    )
    scale_in_blocked_by_scale_out: bool = _setting(
        default=False, about="a scale-out's cooldown holds back scale-in, too"
    )
    start_latency: int = _setting(60, "s from the start of a task until it receives", 1)
    start_latency_spread: int = _setting(0, "s by which a start may be shorter or longer")
    pull_start: int = _setting(0, "s from the start of a task to its image pull: not billed")
    initial_tasks: int | None = _setting(None, "tasks at second 0; MinCapacity if not set")
    deployments: tuple[int, ...] = _setting((), "seconds at which the service is deployed anew")
    healthy_after: int = _setting(
        40, "s from RUNNING until a deployment counts a new task as healthy", most=3_600
    )
    start: str = _setting(
        "2026-01-05T00:00:00", "UTC time of second 0, for scheduled actions; a Monday"
    )
    concurrency: int = _setting(1, "messages that one task works on at once", 1, 1000)
    poll_latency: int = _setting(0, "s between the end of a job and the next receive")
    heartbeat: int | None = _setting(
        None,
        "s between a worker's extensions of the visibility timeout; 0: it never extends;"
        " none: what the template declares, else 0",
    )
    protection: int | None = _setting(
        None,
        "s for which a worker protects its task at each receive; 0: never;"
        " none: what the template declares, else 0",
        most=172_800,
    )
    protection_renewed: bool = _setting(
        default=False, about="protection is renewed for as long as the task works"
    )
    on_sigterm: OnSigterm = _setting(
        "finish", "a stopping worker tries to finish, or returns its message at once"
    )
    spot_reclaim: int = _setting(
        0,
        "reclaims of a Spot task in 1,000 hours that it runs; each is stopped, protected or not",
        most=100_000,
    )
    old_receipt_deletes: bool = _setting(
        default=False, about="a delete works although the message was received again since"
    )
    visibility_timeout: int = _setting(
        300, "s a received message stays hidden; for a queue outside the template", 1, 43_200
    )
    max_receive_count: int = _setting(
        0, "receives until a message is a dead letter; 0: never; for a queue outside", most=1000
    )
    retention: int = _setting(
        345_600, "s until a message is dropped; for a queue outside", 60, 1_209_600
    )
    cpu: int = _setting(256, "CPU units of a task that is not in the template", most=16_384)
    memory: int = _setting(512, "MiB of a task that is not in the template", most=122_880)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if type(value) is int:
                _bounded(each.name, value, each.metadata)

    def for_scaling(self, scaling: Scaling) -> "Settings":
        """These settings, with what the template declares where they leave it open.

        A worker or sidecar that protects its task renews that while it works; a sidecar extends
        the visibility timeout, too.
        """
        declared = scaling.declared
        visibility = (scaling.queue or self.imported_queue()).visibility_timeout
        heartbeat, protection, renewed = self.heartbeat, self.protection, self.protection_renewed
        protects = declared.protection in ("worker", "sidecar")
        if heartbeat is None:
            heartbeat = declared.heartbeat
        if heartbeat is None:
            sidecar = declared.protection == "sidecar"
            heartbeat = min(BEAT, max(1, visibility // 2)) if sidecar else 0
        if protection is None:
            protection = (declared.protection_expiry or EXPIRY) if protects else 0
            renewed = renewed or protects
        return replace(self, heartbeat=heartbeat, protection=protection, protection_renewed=renewed)

    def imported_queue(self) -> Queue:
        """The queue that is not in the template."""
        return Queue(
            visibility_timeout=self.visibility_timeout,
            retention=self.retention,
            max_receive_count=self.max_receive_count or None,
        )

    def beginning(self) -> datetime:
        """The time of second 0."""
        try:
            moment = datetime.fromisoformat(self.start)
        except ValueError:
            raise _impossible("start", self.start, "a time like 2026-01-05T08:00:00") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)

    def with_texts(self, texts: Mapping[str, str]) -> "Settings":
        """These settings, changed by ``name: text`` as people write them.

        Raises Problem for an unknown name or an impossible value.
        """
        known = {each.name: each for each in fields(self)}
        values: dict[str, Any] = {}
        for name, text in texts.items():
            if name not in known:
                raise Problem(
                    f"Unknown setting {name}", "there is none of that name", nearest(name, known)
                )
            values[name] = _value(name, text, known[name].type, known[name].metadata)
        return replace(self, **values)


def _value(name: str, text: str, kind: Any, about: Mapping[str, Any]) -> Any:
    if kind is bool:
        if text.lower() in ("yes", "true", "no", "false"):
            return text.lower() in ("yes", "true")
        raise _impossible(name, text, "yes or no")
    if get_args(kind) and all(isinstance(each, str) for each in get_args(kind)):
        if text in get_args(kind):
            return text
        raise _impossible(name, text, " or ".join(get_args(kind)))
    if kind is str:
        return text
    none = text.lower() == "none"
    try:
        if kind == tuple[int, ...]:
            return () if none else tuple(sorted(int(each) for each in text.split(",")))
        return None if none and kind == int | None else _bounded(name, int(text), about)
    except ValueError:
        raise _impossible(name, text, "a whole number") from None


def _bounded(name: str, value: int, about: Mapping[str, Any]) -> int:
    if not about["least"] <= value <= about["most"]:
        raise _impossible(name, str(value), f"a number from {about['least']} to {about['most']}")
    return value


def _impossible(name: str, text: str, allowed: str) -> Problem:
    return Problem(f"{name}={text} is impossible", f"it is {allowed}", "Change the value")
