"""Images of tasks: one that is not there stops its task, one of ECR gives it its digest, as on ECS.

Without containers MiniStack takes every task for running at once.
"""

from typing import Any

MISSING = ":missing"
"""The tag of an image that no registry has."""

REASON = (
    "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve"
    " ref {}: not found"
)


def install(ecs: Any) -> None:
    """Wraps the start of tasks; doing it twice changes nothing."""
    run = ecs._run_task
    if hasattr(run, "wrapped"):
        return

    def run_or_fail(data: dict[str, Any]) -> Any:
        known = set(ecs._tasks)
        answer = run(data)
        for arn in set(ecs._tasks) - known:
            _fail(ecs, ecs._tasks[arn])
            _resolve(ecs, ecs._tasks[arn])
        return answer

    run_or_fail.wrapped = run  # type: ignore[attr-defined]
    ecs._run_task = run_or_fail


def _fail(ecs: Any, task: dict[str, Any]) -> None:
    """Stops a task whose image is missing, as ECS says it (API reference, Task)."""
    key = ecs._resolve_td_key(task["taskDefinitionArn"])
    images = [each["image"] for each in ecs._task_defs[key]["containerDefinitions"]]
    missing = [image for image in images if image.endswith(MISSING)]
    if missing:
        task |= {
            "lastStatus": "STOPPED",
            "desiredStatus": "STOPPED",
            "stopCode": "TaskFailedToStart",
            "stoppedReason": REASON.format(missing[0]),
            "stoppedAt": task["createdAt"],
            "startedAt": None,
        }
        for container in task["containers"]:
            container["lastStatus"] = "STOPPED"


def _resolve(ecs: Any, task: dict[str, Any]) -> None:
    """The digest that each tag of ECR has when the task starts (API reference, Container)."""
    from ministack.services import ecr

    key = ecs._resolve_td_key(task["taskDefinitionArn"])
    images = {each["name"]: each["image"] for each in ecs._task_defs[key]["containerDefinitions"]}
    for container in task["containers"]:
        repository, _, tag = images.get(container["name"], "").partition("/")[2].rpartition(":")
        for image in ecr._images.get(repository, ()):
            if tag in image.get("imageTags", ()):
                container["imageDigest"] = image["imageDigest"]
