"""A load from two weeks of a queue's metrics: when messages arrive, and how long a job takes.

They are read from CloudWatch (deployer.queue_history), or as the JSON of `aws cloudwatch
get-metric-data` with a period of 60 seconds, each result labelled with its metric. Sources: SQS
Developer Guide, "Available CloudWatch metrics" (sums of what was sent, received and deleted in a
minute, samples of what is in flight; none while the queue sleeps); Little's law (in flight on
average = receives a second times seconds of a job).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import exp, log, sqrt
from random import Random
from statistics import fmean, pstdev, quantiles
from typing import Any

from workerstack.problem import Problem
from workerstack.simulator.report import duration
from workerstack.simulator.traces import Message, Trace

SENT, RECEIVED, DELETED, VISIBLE, IN_FLIGHT, OLDEST = (
    "NumberOfMessagesSent",
    "NumberOfMessagesReceived",
    "NumberOfMessagesDeleted",
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateAgeOfOldestMessage",
)
NEEDED = (SENT, RECEIVED, IN_FLIGHT)
MINUTE, DAY = 60, 86_400
LEAST_DAYS = 4
"""Days of metrics without which nothing can be learned and held back for judging."""
LEAST_ALONE = 20
"""Jobs that ran alone, from which the spread of service times can be told."""
SPREAD = 0.5
"""Of the logarithm of the service times, where too few jobs ran alone."""
RESAMPLED = 200

Metrics = Mapping[str, Mapping[int, float]]
"""Values by metric and by the minute at which a period begins, in seconds since 1970."""


@dataclass(frozen=True)
class Learned:
    """``days`` hold the minutes of each learned day at which messages arrived, in seconds.

    Service times are lognormal: ``median`` seconds, ``spread`` of the logarithm. ``fit`` are
    sentences on the days that were held back.
    """

    days: tuple[tuple[int, ...], ...]
    median: float
    spread: float
    alone: int
    fit: tuple[str, ...]

    @property
    def mean(self) -> float:
        """Seconds of a job on average."""
        return self.median * exp(self.spread**2 / 2)

    def trace(self, days: int, seed: int) -> Trace:
        """So many days, each drawn from those that were learned; each message within its minute."""
        random = Random(f"learned/{seed}")
        found = []
        for number in range(days):
            for minute in random.choice(self.days):
                arrival = number * DAY + minute + random.randrange(MINUTE)
                service = random.lognormvariate(log(self.median), self.spread)
                found.append(Message(arrival, max(1, round(service))))
        return Trace.of(found)

    def __str__(self) -> str:
        count = sum(map(len, self.days))
        return "\n".join(
            [
                f"learned from {len(self.days)} days with {count:,} messages: a job takes"
                f" {self.median:.0f} s in the median, {self.mean:.0f} s on average (spread of the"
                f" logarithm {self.spread:.2f}, from {self.alone:,} jobs that ran alone)",
                *self.fit,
            ]
        )


def known(metrics: Metrics, where: str) -> Metrics:
    """The metrics, where they are enough to learn from. Raises Problem; ``where`` they are of."""
    missing = [name for name in NEEDED if not metrics.get(name)]
    if missing:
        raise Problem(
            f"Nothing can be learned of {where}",
            f"there is no {' and no '.join(missing)} in its metrics",
            "Take a time in which the worker worked, or give a load with --load",
        )
    return metrics


def read_metrics(text: str, file: str) -> Metrics:
    """The metrics of an answer of GetMetricData as JSON. Raises Problem."""

    def refused(why: str) -> Problem:
        return Problem(
            "The metrics cannot be read", why, "Export them with `aws cloudwatch get-metric-data`,"
            f" period 60, each labelled with its metric: {', '.join(NEEDED)}", file=file,
        )  # fmt: skip

    try:
        body: Any = json.loads(text)
        results = {
            str(each["Label"]).split()[-1]: {
                _second(moment): float(value)
                for moment, value in zip(each["Timestamps"], each["Values"], strict=True)
            }
            for each in body["MetricDataResults"]
        }
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise refused(f"it is no answer of GetMetricData ({error})") from None
    missing = [name for name in NEEDED if not results.get(name)]
    if missing:
        raise refused(f"there is no {' and no '.join(missing)} in it")
    return results


def _second(moment: str) -> int:
    """Seconds since 1970 of an ISO 8601 time; without a zone it is UTC."""
    found = datetime.fromisoformat(moment)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def learn(metrics: Metrics, file: str) -> Learned:
    """The load behind the metrics; the last fifth of the days judges it. Problem."""
    seconds = sorted({second for name in NEEDED for second in metrics[name]})
    # Whole days alone: half a day would be learned as a quiet one.
    first = -(-seconds[0] // DAY)
    numbers = list(range(first, (seconds[-1] + MINUTE) // DAY))
    if len(numbers) < LEAST_DAYS:
        raise Problem(
            "The metrics are too short",
            f"they cover {len(numbers)} whole days, and {LEAST_DAYS} are needed to learn and judge",
            "Export two weeks",
            file=file,
        )
    held = max(1, len(numbers) // 5)
    known, unseen = numbers[:-held], numbers[-held:]
    days = tuple(_arrivals(metrics, number) for number in known)
    mean = _service(metrics, known)
    if mean is None:
        raise Problem(
            "Nothing can be learned", "no message was received on the days that are learned",
            "Export days on which the worker worked", file=file,
        )  # fmt: skip
    lengths = _alone(metrics, known)
    spread = _spread(lengths) if len(lengths) >= LEAST_ALONE else SPREAD
    # The mean of a lognormal is above its median by this factor.
    median = mean / exp(spread**2 / 2)
    fit = tuple(_fit(metrics, days, mean, unseen))
    return Learned(days, median, spread, len(lengths), fit)


def _arrivals(metrics: Metrics, day: int) -> tuple[int, ...]:
    """The minute of each message that was sent on a day, in seconds from its begin."""
    sent = metrics[SENT]
    return tuple(
        second
        for second in range(0, DAY, MINUTE)
        for _ in range(round(sent.get(day * DAY + second, 0)))
    )


def _service(metrics: Metrics, days: Sequence[int]) -> float | None:
    """Seconds of a job on average by Little's law; None where none was received."""
    span = [day * DAY + second for day in days for second in range(0, DAY, MINUTE)]
    received = sum(metrics[RECEIVED].get(second, 0) for second in span)
    working = sum(metrics[IN_FLIGHT].get(second, 0) for second in span) * MINUTE
    return working / received if received else None


def _alone(metrics: Metrics, days: Sequence[int]) -> list[int]:
    """Minutes in flight of jobs that ran alone: one received while nothing was in flight."""
    found = []
    received, flying = metrics[RECEIVED], metrics[IN_FLIGHT]
    for day in days:
        length = taken = 0
        for second in range(day * DAY, (day + 1) * DAY, MINUTE):
            now = flying.get(second, 0)
            taken += round(received.get(second, 0))
            length += round(now)
            if not now:
                if taken == 1:
                    found.append(length)
                length = taken = 0
    return found


def _spread(lengths: Sequence[int]) -> float:
    """The spread of the logarithm of lengths that were counted in whole minutes.

    Counting adds a variance of about a sixth of a square minute (the begin and the end each fall
    anywhere within a minute).
    """
    mean = fmean(lengths)
    if not mean:
        return SPREAD
    variance = max(0.0, pstdev(lengths) ** 2 - 1 / 6)
    return sqrt(log(1 + variance / mean**2))


def _fit(
    metrics: Metrics, days: Sequence[Sequence[int]], mean: float, unseen: Sequence[int]
) -> list[str]:
    """How the days that were held back compare with what was learned."""
    random = Random("fit")
    quarters = 4
    seen = inside = 0
    for day in unseen:
        for quarter in range(quarters):
            begin, end = quarter * DAY // quarters, (quarter + 1) * DAY // quarters
            actual = sum(begin <= each < end for each in _arrivals(metrics, day))
            counts = [sum(begin <= each < end for each in day_) for day_ in days]
            # A day's number is itself drawn: around each learned one as Poisson would be.
            drawn = [
                random.gauss(count, sqrt(count + 1))
                for count in random.choices(counts, k=RESAMPLED)
            ]
            cuts = quantiles(drawn, n=20)
            seen += 1
            inside += cuts[0] <= actual <= cuts[-1]
    said = [
        f"the last {len(unseen)} days were not learned: the number of messages is within the 90 %"
        f" range in {inside} of {seen} quarters of a day"
    ]
    late = _service(metrics, unseen)
    if late is not None:
        said.append(f"a job took {late:.0f} s on average there, and {mean:.0f} s was learned")
    within = [
        [value for second, value in metrics.get(name, {}).items() if second // DAY in unseen]
        for name in (VISIBLE, OLDEST, RECEIVED, DELETED)
    ]
    if within[0] and within[1]:
        said.append(
            f"at most {max(within[0]):,.0f} messages waited there, the oldest for"
            f" {duration(round(max(within[1])))}: compare it with what is simulated"
        )
    received, deleted = sum(within[2]), sum(within[3])
    if within[3] and received > deleted:
        said.append(
            f"{received - deleted:,.0f} of {received:,.0f} receives there ended without a delete:"
            " jobs that failed, were killed, or outlived the visibility timeout"
        )
    return said
