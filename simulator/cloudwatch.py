"""The metrics of the queue on their way to the alarms: sampled, delayed, asleep, awake.

Source: SQS Developer Guide, "Monitoring Amazon SQS queues using CloudWatch": a queue is active
for six hours after anything happens to it; the metrics of one that awakes may be 15 minutes late.
"""

from collections.abc import Sequence
from math import inf

from simulator.alarms import MINUTE, AlarmEvaluator, Sample, metric_names
from simulator.model import Alarm
from simulator.queue import MessageQueue
from simulator.settings import Settings

COUNTERS = ("NumberOfMessagesSent", "NumberOfMessagesReceived", "NumberOfMessagesDeleted")


class CloudWatch:
    """Takes a sample each minute, and keeps all alarms up to date."""

    def __init__(self, alarms: Sequence[Alarm], queue: MessageQueue, settings: Settings) -> None:
        self._queue = queue
        self._settings = settings
        self._names = metric_names(alarms)
        self.alarms = [AlarmEvaluator(alarm, self._names, settings) for alarm in alarms]
        self._late = -(-settings.metric_delay // MINUTE)
        self._reach = max(each.reach for each in self.alarms)
        self._counted = (0, 0, 0)
        self._awake_since: float = -inf
        self._last_activity: float = -inf if settings.asleep_at_start else 0
        self._awakenings: list[float] = []
        past = None if settings.asleep_at_start else self._values(0)
        self._samples: list[Sample] = [past] * (2 * self._reach + self._late)
        self._activated: list[float] = [-inf] * len(self._samples)
        self._shown: list[Sample] = [past] * (2 * self._reach)
        self._constant = 0
        for alarm in self.alarms:
            alarm.rebuild(self._shown)

    def active(self, now: int) -> None:
        """Something touches the queue at this second."""
        if now >= self.falls_asleep:
            self._awake_since = now
            if self._settings.activation_delay:
                self._awakenings.append(now + self._settings.activation_delay)
        self._last_activity = now

    def still_active(self, now: int) -> None:
        """The queue has been active without a break up to this second."""
        self._last_activity = now

    @property
    def falls_asleep(self) -> float:
        """The first second at which the queue sleeps, if nothing happens any more."""
        return self._last_activity + self._settings.sleep_after + 1

    def tick(self, now: int, skipped: int) -> None:
        """The minute ``now`` ends; in ``skipped`` minutes before it nothing changed."""
        if skipped:
            self._skip(min(skipped, 2 * self._reach + self._late))
        self._samples.append(None if now >= self.falls_asleep else self._values(now))
        self._activated.append(self._awake_since)
        if self._awakenings and self._awakenings[0] <= now:
            del self._awakenings[0]
            self._reveal(now)
        else:
            self._show(self._readable(len(self._samples) - 1 - self._late, now))
        if len(self._samples) > 4 * self._reach + 1024:
            self._forget()

    def _readable(self, index: int, now: int) -> Sample:
        late = now < self._activated[index] + self._settings.activation_delay
        return None if late else self._samples[index]

    def _show(self, sample: Sample) -> None:
        self._constant = self._constant + 1 if sample == self._shown[-1] else 0
        self._shown.append(sample)
        for alarm in self.alarms:
            alarm.add(self._shown, len(self._shown) - 1)

    def _reveal(self, now: int) -> None:
        """What was late can be read, all at once."""
        end = len(self._samples) - self._late
        self._shown = [self._readable(index, now) for index in range(end)][-2 * self._reach :]
        self._constant = 0
        for alarm in self.alarms:
            alarm.rebuild(self._shown)

    def _skip(self, minutes: int) -> None:
        self._samples.extend(self._samples[-1:] * minutes)
        self._activated.extend(self._activated[-1:] * minutes)
        self._shown.extend(self._shown[-1:] * minutes)
        for alarm in self.alarms:
            alarm.repeat(minutes)

    def _forget(self) -> None:
        del self._samples[: -2 * self._reach - self._late]
        del self._activated[: -2 * self._reach - self._late]
        del self._shown[: -2 * self._reach]

    @property
    def settled(self) -> bool:
        """Whether every datapoint in reach of an alarm, and each on its way, is the same."""
        if self._awakenings or self._constant <= self._reach or self._ageing:
            return False
        newest = self._shown[-1]
        return all(each == newest for each in self._samples[-self._late - 1 :])

    @property
    def _ageing(self) -> bool:
        """Whether a metric grows although nothing happens."""
        return "ApproximateAgeOfOldestMessage" in self._names and self._queue.oldest_reported() >= 0

    def _values(self, now: int) -> Sample:
        queue = self._queue
        values: dict[str, float | None] = {
            "ApproximateNumberOfMessagesVisible": queue.visible,
            "ApproximateNumberOfMessagesNotVisible": queue.in_flight,
            "ApproximateNumberOfMessagesDelayed": 0,
        }
        if not queue.in_flight and not self._settings.notvisible_reported_when_zero:
            values["ApproximateNumberOfMessagesNotVisible"] = None
        if "ApproximateAgeOfOldestMessage" in self._names:
            oldest = queue.oldest_reported()
            values["ApproximateAgeOfOldestMessage"] = None if oldest < 0 else now - oldest
        counted = (queue.sent, queue.received, queue.deleted)
        for name, count, before in zip(COUNTERS, counted, self._counted, strict=True):
            values[name] = count - before
        self._counted = counted
        return tuple(values[name] for name in self._names)
