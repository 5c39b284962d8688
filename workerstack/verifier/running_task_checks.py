"""The checks of running tasks: their images, and messages that no task works on.

Source: ECS developer guide, "Container image resolution" (a deployment resolves a tag once); ECR,
DescribeImages and BatchGetImage; CloudWatch, "Available CloudWatch metrics for Amazon SQS".
"""

from collections.abc import Iterator, Mapping
from typing import Any

from workerstack.cloudformation import Resource, text
from workerstack.cloudformation.values import scalar
from workerstack.deployer import images
from workerstack.deployer import service as live_service
from workerstack.deployer.deployed_stack import DeployedStack
from workerstack.deployer.running_images import moved_tags
from workerstack.verifier.asking import GoneError, understood
from workerstack.verifier.compare_properties import wanted_properties
from workerstack.verifier.deployed_checks import ALARM, SERVICE, TASK_DEFINITION, queue_url
from workerstack.verifier.live_check import Fault, Faults, LiveCheck, Look, NotKnown

OLDEST = 900
"""Seconds that a message may wait while nothing runs, where no alarm of the stack says.

Longer than an alarm of one minute and the start of a task in Fargate take together.
"""


def _services(look: Look) -> Iterator[Mapping[str, Any]]:
    for each in look.live.of(SERVICE):
        if each.logical_id in look.live.found:
            yield look.live.found[each.logical_id].properties


def _tasks(look: Look, service: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The running tasks of a service, as DescribeTasks answers."""
    found = _described(look, service, "RUNNING")
    return [each for each in found if each.get("lastStatus") == "RUNNING"]


def _described(look: Look, service: Mapping[str, Any], status: str) -> list[Mapping[str, Any]]:
    """Every task of a service that is to have a status, however many pages and calls it takes."""
    of = {"cluster": service["Cluster"]}
    arns = look.ask("ecs", "list_tasks", **of, serviceName=service["ServiceName"],
                    desiredStatus=status)["taskArns"]  # fmt: skip
    return [
        task
        for start in range(0, len(arns), live_service.TASKS_A_CALL)
        for task in look.ask(
            "ecs", "describe_tasks", **of, tasks=arns[start : start + live_service.TASKS_A_CALL]
        )["tasks"]
    ]


def _images(look: Look) -> dict[str, str]:
    """The image of each container, as deployed."""
    return {
        str(container.get("Name")): str(container.get("Image"))
        for task in look.live.of(TASK_DEFINITION)
        for container in wanted_properties(look.live, task).get("ContainerDefinitions", ())
        if isinstance(container.get("Image"), str)
    }


def _image(look: Look) -> Faults:
    named = _images(look)
    known: dict[str, tuple[str, ...]] = {}
    for service in _services(look):
        restart = look.call(
            "ecs", "UpdateService", cluster=service["Cluster"], service=service["ServiceName"],
            forceNewDeployment=True,
        )  # fmt: skip
        for task in _tasks(look, service):
            for container in task.get("containers", ()):
                image, digest = named.get(container.get("name", "")), container.get("imageDigest")
                if image is None or digest is None:
                    continue
                if image not in known:
                    known[image] = _digests(look, image)
                if not known[image]:
                    yield Fault(
                        f"{_short(image)} is not in its registry, and a task runs {digest[:19]}",
                        f"Push it, or deploy a version that exists: ./deploy.py review"
                        f" {look.deployment}",
                    )  # fmt: skip
                elif digest not in known[image]:
                    name = task["taskArn"].rpartition("/")[2]
                    yield Fault(
                        f"task {name} runs {digest[:19]}, and {_short(image)} is"
                        f" {known[image][0][:19]}", restart,
                    )  # fmt: skip
    yield from _at_rest(look)


def _at_rest(look: Look) -> Faults:
    """A tag that means another image, where no task runs: the next one runs the old one, too."""
    if _running(look):
        return
    try:
        with understood("ecs"):
            moved = moved_tags(look.clients, DeployedStack(look.live.deployed, look.live.physical))
    except GoneError:
        return
    for each in moved:
        tag = each.tag.rpartition(":")[2]
        yield Fault(
            f"{each.tag} is {each.means[:19]} by now, and the next task runs {each.runs[:19]}",
            f"./deploy.py ship {look.deployment} {tag}",
        )


def _digests(look: Look, image: str) -> tuple[str, ...]:
    """The digests that a task with this image may name; empty where there is no such image."""
    reference = images.parse(image)
    if reference is None:
        digest = image.partition("@")[2]
        if digest:
            return (digest,)
        raise NotKnown(f"{_short(image)} is not in ECR, so what its tag means is not known")
    try:
        with understood("ecr"):
            found = images.find(look.clients, reference.repository, reference.wanted)
            if found is None:
                return ()
            return images.digests(look.clients, reference.repository, found)
    except GoneError:
        return ()


def _short(image: str) -> str:
    return image.rpartition("/")[2]


def _holds_image(look: Look) -> str:
    running = [task for service in _services(look) for task in _tasks(look, service)]
    if not running:
        raise NotKnown("no task runs")
    told = [each.get("imageDigest") for task in running for each in task.get("containers", ())]
    if not any(told):
        raise NotKnown("ECS does not tell which image the tasks run")
    digests = ", ".join(sorted({str(each)[:19] for each in told if each}))
    return f"{_tasks_run(len(running))} {digests}"


def _tasks_run(number: int) -> str:
    return "1 task runs" if number == 1 else f"{number} tasks run"


def _backlog(look: Look) -> Faults:
    url = queue_url(look)
    waiting = _waiting(look, url)
    if not waiting or _running(look):
        return
    age, allowed = _age(look, url), _allowed(look, url)
    if age is not None and age > allowed:
        for service in _services(look):
            reason = _why_stopped(look, service)
            yield Fault(
                f"{waiting} messages wait in {url.rpartition('/')[2]}, the oldest for"
                f" {age:.0f} s (at most {allowed} s), and no task runs{reason}",
                look.call("ecs", "UpdateService", cluster=service["Cluster"],
                          service=service["ServiceName"], desiredCount=1),
            )  # fmt: skip


def _waiting(look: Look, url: str) -> int:
    if not url:
        return 0
    with understood("sqs"):
        return live_service.messages(look.clients("sqs"), url)["waiting"]


def _running(look: Look) -> int:
    return sum(len(_tasks(look, service)) for service in _services(look))


def _age(look: Look, url: str) -> float | None:
    """Seconds; None where CloudWatch has no datapoint of the last ten minutes."""
    with understood("monitoring"):
        return live_service.oldest(look.clients("cloudwatch"), url.rpartition("/")[2], look.now)


def _allowed(look: Look, url: str) -> int:
    """What an alarm of the stack on the oldest message's age says, else ``OLDEST``."""
    thresholds = [scalar(_wanted(look, each).get("Threshold")) for each in look.live.of(ALARM)
                  if _is_on_age(look, each, url)]  # fmt: skip
    known = [int(float(each)) for each in thresholds if each]
    return min(known, default=OLDEST)


def _wanted(look: Look, alarm: Resource) -> Mapping[str, Any]:
    return wanted_properties(look.live, alarm)


def _is_on_age(look: Look, alarm: Resource, url: str) -> bool:
    wanted = _wanted(look, alarm)
    queues = [text(each.get("Value")) for each in wanted.get("Dimensions", ())]
    return wanted.get("MetricName") == live_service.OLDEST and url.rpartition("/")[2] in queues


def _why_stopped(look: Look, service: Mapping[str, Any]) -> str:
    """The reason of the task that stopped last, where ECS still has it."""
    tasks = [each for each in _described(look, service, "STOPPED") if each.get("stoppedReason")]
    tasks.sort(key=lambda each: str(each.get("stoppedAt", "")))
    return f"; the last one stopped: {tasks[-1]['stoppedReason']}" if tasks else ""


def _holds_backlog(look: Look) -> str:
    url = queue_url(look)
    if not url:
        raise NotKnown("the container is given no QUEUE_URL")
    waiting, running = _waiting(look, url), _running(look)
    if waiting and not running and _age(look, url) is None:
        raise NotKnown(
            f"{waiting} messages wait and no task runs; CloudWatch does not tell yet how long"
        )
    return f"{waiting} waiting, {_tasks_run(running)}"


RUNNING: tuple[LiveCheck, ...] = (
    LiveCheck(
        "image", "the tasks run the image that is deployed", _image, _holds_image,
        (SERVICE, TASK_DEFINITION),
    ),
    LiveCheck(
        "backlog", "no message waits for long while nothing runs", _backlog, _holds_backlog,
        (SERVICE, TASK_DEFINITION, ALARM),
    ),
)  # fmt: skip
