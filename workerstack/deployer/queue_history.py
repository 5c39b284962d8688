"""Two weeks of a queue's metrics, a value a minute, as CloudWatch has kept them.

Sources: CloudWatch API reference, GetMetricData (pages; a result that is incomplete says so);
User Guide, "Metrics retention" (datapoints of a minute are kept for 15 days); SQS Developer Guide,
"Available CloudWatch metrics" (sums of what was sent, received and deleted, gauges of the rest).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from workerstack.deployer import service as services
from workerstack.deployer.aws import Clients
from workerstack.problem import Problem

SPAN = timedelta(days=14)
MINUTE = 60
STATISTICS = {
    "NumberOfMessagesSent": "Sum",
    "NumberOfMessagesReceived": "Sum",
    "NumberOfMessagesDeleted": "Sum",
    "ApproximateNumberOfMessagesVisible": "Maximum",
    "ApproximateNumberOfMessagesNotVisible": "Maximum",
    "ApproximateAgeOfOldestMessage": "Maximum",
}
"""Each metric and its statistic over a minute; a sum of a gauge counts two samples twice."""


def of_stack(clients: Clients, stack_id: str, now: datetime) -> dict[str, dict[int, float]]:
    """Values by metric and second since 1970 of the queue that a stack's worker is given.

    Raises Problem where the stack has no worker with a queue, or CloudWatch no metrics of it.
    """
    return read(clients("cloudwatch"), services.queue_name(clients, stack_id), now)


def read(cloudwatch: Any, queue: str, now: datetime) -> dict[str, dict[int, float]]:
    """The same of a queue by its name."""
    names = dict(zip((f"m{number}" for number in range(len(STATISTICS))), STATISTICS, strict=True))
    queries = [
        {"Id": identifier, "MetricStat": _statistic(name, queue)}
        for identifier, name in names.items()
    ]
    # CloudWatch aligns periods to whole minutes; the minute that goes on is not whole.
    end = now.replace(second=0, microsecond=0)
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=end - SPAN, EndTime=end
    )
    found: dict[str, dict[int, float]] = {name: {} for name in STATISTICS}
    states: dict[str, str] = {}
    for page in pages:
        for each in page["MetricDataResults"]:
            name = names[each["Id"]]
            states[name] = each.get("StatusCode", "Complete")
            found[name].update(
                (int(moment.timestamp()), float(value))
                for moment, value in zip(each["Timestamps"], each["Values"], strict=True)
            )
    _check(queue, states)
    if not any(found.values()):
        raise Problem(
            f"CloudWatch has no metrics of {queue}",
            f"nothing has touched the queue in the last {SPAN.days} days, or it is another one",
            "Give a stack whose worker has worked, or a load with --load",
        )
    return found


def _statistic(name: str, queue: str) -> Mapping[str, Any]:
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": name,
        "Dimensions": [{"Name": "QueueName", "Value": queue}],
    }
    return {"Metric": metric, "Period": MINUTE, "Stat": STATISTICS[name]}


def _check(queue: str, states: Mapping[str, str]) -> None:
    """Refuses what CloudWatch did not give whole; with the last page a result is complete."""
    broken = [f"{name} is {state}" for name, state in states.items() if state != "Complete"]
    if broken:
        raise Problem(
            f"The metrics of {queue} are not whole",
            f"CloudWatch says that {', '.join(broken)}",
            "Run it again, or with an identity that may read them",
        )
