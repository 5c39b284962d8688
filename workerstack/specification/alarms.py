"""What tells people that something is wrong: alarms, and errors in the logs."""

from collections.abc import Iterator

from workerstack.specification.checked import about, specified
from workerstack.specification.mistakes import Mistake
from workerstack.specification.names import between

LONGEST_AGE = 1_209_600
"""Seconds that a message can get old: 14 days (SQS)."""

LONGEST_WINDOW = 1_440
"""Minutes that an alarm of one-minute periods looks back at most: a day (CloudWatch)."""

LONGEST_PATTERN = 1024
"""Characters of a filter pattern (CloudWatch Logs: PutMetricFilter)."""


@specified
class Alarms:
    """Who is told of what; the topic is the parameter ``AlarmTopicArn``, empty for none.

    ``dead_letters`` of the worker's own queues. ``oldest_message`` is an age in seconds, beyond
    which a message has waited too long; ``nothing_processed`` are minutes in which messages
    waited and none was deleted. 0 is no such alarm.
    """

    dead_letters: bool = True
    oldest_message: int = 0
    nothing_processed: int = 0

    @about("oldest_message")
    def _oldest(self) -> Iterator[Mistake]:
        return between(
            0, self.oldest_message, LONGEST_AGE, "An age", " s", "SQS keeps messages for 14 days"
        )

    @about("nothing_processed")
    def _nothing(self) -> Iterator[Mistake]:
        return between(
            0, self.nothing_processed, LONGEST_WINDOW, "A window", " min",
            "an alarm looks back a day at most",
        )  # fmt: skip


@specified
class Errors:
    """Lines of the container's output that count as errors, and from how many on to tell.

    ``pattern`` is a filter pattern of CloudWatch Logs, such as ``?ERROR ?Exception``. The alarm
    fires on ``at_least`` lines within ``minutes``.
    """

    pattern: str
    at_least: int = 1
    minutes: int = 5

    @about("pattern")
    def _pattern(self) -> Iterator[Mistake]:
        if not self.pattern.strip() or len(self.pattern) > LONGEST_PATTERN:
            yield Mistake(
                f"A pattern of {len(self.pattern)} characters is impossible",
                f"an empty one matches every line, and the longest has {LONGEST_PATTERN}",
                'Write something like pattern="?ERROR ?Exception"',
            )

    @about("at_least")
    def _at_least(self) -> Iterator[Mistake]:
        if self.at_least < 1:
            yield Mistake(
                f"An alarm on {self.at_least} lines would always fire",
                "it fires on so many or more",
                "Take 1 or more",
            )

    @about("minutes")
    def _minutes(self) -> Iterator[Mistake]:
        return between(
            1, self.minutes, LONGEST_WINDOW, "A window", " min", "an alarm looks back a day at most"
        )
