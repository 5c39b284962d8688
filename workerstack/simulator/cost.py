"""What tasks, their addresses and the alarms cost.

Sources: AWS Fargate pricing (per second with a minimum of a minute, from the start of the image
pull to the end of the task), Amazon VPC pricing (public IPv4), CloudWatch pricing (an alarm on
metric math counts each metric). The prices are data: prices.yaml, with date and source.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from workerstack.problem import Problem
from workerstack.simulator.model import Alarm, TaskSize
from workerstack.simulator.result import Cost, TaskLife

DEFAULT = Path(__file__).with_name("prices.yaml")
MONTH = 30 * 86_400
HOUR = 3_600


@dataclass(frozen=True, kw_only=True)
class Prices:
    """US dollars; see prices.yaml."""

    as_of: str
    source: str
    vcpu_hour: float
    gib_hour: float
    arm_factor: float
    spot_factor: float
    storage_gib_hour: float
    storage_free_gib: int
    public_ipv4_hour: float
    alarm_metric_month: float
    least_seconds: int


def read_prices(file: Path = DEFAULT) -> Prices:
    """The prices of a file; Problem where one is missing or no number."""
    import yaml

    try:
        data: Any = yaml.load(file.read_text(encoding="utf-8"), yaml.SafeLoader)
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise _error(file, str(error).splitlines()[0]) from error
    names = {each.name: each.type for each in fields(Prices)}
    if not isinstance(data, dict) or set(data) != set(names):
        raise _error(file, f"it must have exactly {', '.join(names)}")
    values: dict[str, Any] = {}
    for name, kind in names.items():
        if kind is str:
            values[name] = str(data[name])
        elif isinstance(data[name], int | float) and data[name] >= 0:
            values[name] = data[name]
        else:
            raise _error(file, f"{name} must be a number, not negative")
    return Prices(**values)


def _error(file: Path, why: str) -> Problem:
    return Problem("The prices cannot be used", why, f"Start from {DEFAULT.name}", file=str(file))


def task_hour(task: TaskSize, prices: Prices) -> float:
    """Dollars of one task for an hour, without its address."""
    storage = max(0, task.storage - prices.storage_free_gib) * prices.storage_gib_hour
    rate = task.cpu / 1024 * prices.vcpu_hour + task.memory / 1024 * prices.gib_hour
    rate *= prices.arm_factor if task.arm else 1
    rate *= prices.spot_factor if task.spot else 1
    return rate + storage


def billed_seconds(life: TaskLife, until: int, pull_start: int, least: int) -> int:
    """Seconds of one task that are billed up to the second ``until``."""
    begin = life.started + pull_start
    end = until if life.ended is None else min(life.ended, until)
    return max(least, end - begin) if end > begin else 0


def cost(
    tasks: Iterable[TaskLife],
    until: int,
    task: TaskSize,
    alarms: Iterable[Alarm],
    pull_start: int,
    prices: Prices,
) -> Cost:
    """What was spent by the second ``until``."""
    seconds = sum(billed_seconds(life, until, pull_start, prices.least_seconds) for life in tasks)
    metrics = sum(len(alarm.metrics) for alarm in alarms)
    return Cost(
        compute=seconds * task_hour(task, prices) / HOUR,
        addresses=seconds * prices.public_ipv4_hour / HOUR if task.public_ip else 0.0,
        alarms=metrics * prices.alarm_metric_month * until / MONTH,
    )
