"""Metrics that somebody publishes about the queue, such as a backlog per task: what they are.

    BacklogPerTask = visible / MAX([tasks, 1])

CloudWatch knows their names only, so whoever runs a simulation says what they are made of. They
are simulated as if they were published each minute, and as late as SQS's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from workerstack.problem import Problem
from workerstack.simulator.metric_math import Evaluate, compile_math, tokens
from workerstack.simulator.model import Metric, MetricName, Statistic, TaskCount

PARTS: Mapping[str, MetricName | TaskCount] = {
    "visible": "ApproximateNumberOfMessagesVisible",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
    "oldest": "ApproximateAgeOfOldestMessage",
    "sent": "NumberOfMessagesSent",
    "received": "NumberOfMessagesReceived",
    "deleted": "NumberOfMessagesDeleted",
    "tasks": "RunningTaskCount",
}
"""What a custom metric may be made of."""


@dataclass(frozen=True)
class CustomMetric:
    """A metric by what it is made of, as metric math with the names of ``PARTS``."""

    expression: str

    def named(self, name: str, statistic: Statistic) -> tuple[dict[str, Metric], str]:
        """Its metrics by id, and the expression on these ids, all of them beginning with a name."""
        found = tokens(self.expression)[0]
        metrics = {f"{name}_{each}": Metric(PARTS[each], statistic) for each in used(found)}
        return metrics, " ".join(f"{name}_{each}" if each in PARTS else each for each in found)


def used(found: list[str]) -> list[str]:
    """The parts among the tokens of an expression, each once."""
    return [each for each in dict.fromkeys(found) if each in PARTS]


def read_custom_metrics(given: Mapping[str, str]) -> dict[str, CustomMetric]:
    """Custom metrics by name, from expressions by name. Raises Problem."""
    return {name: _read(name, expression) for name, expression in given.items()}


def _read(name: str, expression: str) -> CustomMetric:
    parts = used(tokens(expression)[0])
    known: dict[str, Evaluate] = {each: lambda values, each=each: values[each] for each in parts}  # type: ignore[misc]
    next_step = f"Write it as metric math of {', '.join(PARTS)}"
    try:
        compile_math(expression, known, {}, zero=False)
    except Problem as error:
        raise Problem(f"The metric {name} cannot be read", error.why, next_step) from None
    if not parts:
        raise Problem(
            f"The metric {name} cannot be read", "it says nothing of queue or tasks", next_step
        )
    return CustomMetric(expression)
