"""What stands in a template and is not simulated: each is named in the result, none is ignored.

A note says what is left out and what that means for the numbers.
"""

from collections.abc import Iterator

from workerstack.cloudformation import text
from workerstack.simulator.properties import Properties
from workerstack.simulator.read_service import (
    LONGEST_STOP,
    Watched,
    find_definition,
    mostly_spot,
    on_fargate,
    stop_timeout_of,
)


def notes_on(service: Properties | None, watched: Watched) -> Iterator[str]:
    """Sentences on the service, its task definition and its queue."""
    yield from _queue(watched)
    if service is not None:
        yield from _service(service)
        definition = find_definition(service)
        if definition is not None:
            yield from _task(definition, service)


def notes_on_alarm(alarm: Properties) -> Iterator[str]:
    """What one alarm has that is not simulated."""
    if "WallClockWindow" in alarm.inner("EvaluationWindow"):
        yield (
            f"{alarm.name} has a wall clock window, which is not simulated: here its window slides"
        )
    if alarm.get("EvaluationInterval") is not None:
        yield (
            f"{alarm.name} has an EvaluationInterval, which is not simulated: here it is"
            " evaluated once a minute"
        )


def _queue(watched: Watched) -> Iterator[str]:
    queue = watched.queue
    fifo = watched.name.endswith(".fifo") or (
        queue is not None and queue.truth(queue.get("FifoQueue"), "FifoQueue")
    )
    if fifo:
        yield (
            f"{watched.name} is a FIFO queue, and message groups are not simulated: here any"
            " worker may take the next message, while SQS holds back those of a group with one in"
            " flight"
        )


def _service(service: Properties) -> Iterator[str]:
    if text(service.get("SchedulingStrategy")) == "DAEMON":
        raise service.error(
            f"{service.name} does not scale",
            "its SchedulingStrategy is DAEMON, which has one task on each instance",
            "Take REPLICA",
        )
    kind = text(service.inner("DeploymentController").get("Type", "ECS"))
    strategy = text(service.inner("DeploymentConfiguration").get("Strategy", "ROLLING"))
    if kind != "ECS" or strategy != "ROLLING":
        yield (
            f"{service.name} deploys by {strategy if kind == 'ECS' else kind}, which is not"
            " simulated: deployments here are rolling updates"
        )
    if text(service.get("AvailabilityZoneRebalancing")) == "ENABLED":
        yield (
            f"{service.name} has AvailabilityZoneRebalancing, which is not simulated: it may stop"
            " a task at work that is not protected"
        )
    if service.get("LoadBalancers") or service.get("HealthCheckGracePeriodSeconds") is not None:
        yield f"Health checks of {service.name} are not simulated: here no task ever fails one"


def _task(definition: Properties, service: Properties) -> Iterator[str]:
    fargate = on_fargate(definition, service)
    if not fargate:
        yield (
            f"{service.name} runs on EC2 or its own instances, which are not simulated: there is"
            " always capacity for a task here, and the cost is what Fargate would charge"
        )
    if fargate and (written := stop_timeout_of(definition)) > LONGEST_STOP:
        yield (
            f"StopTimeout of {definition.name} is {written} s: Fargate gives {LONGEST_STOP} s at"
            " most, so that is simulated"
        )
    family = text(definition.inner("RuntimePlatform").get("OperatingSystemFamily")) or "LINUX"
    if family.upper().startswith("WINDOWS"):
        yield (
            f"{definition.name} runs on Windows, whose prices are not simulated: a license for"
            " each vCPU and a longer least time are added to the cost that is shown"
        )
    if mostly_spot(service):
        yield (
            f"{service.name} runs mostly on Spot, and how often AWS takes a task back is not known:"
            " it may stop any, protected or not; --set spot_reclaim=20 simulates 20 in 1,000 hours"
        )
