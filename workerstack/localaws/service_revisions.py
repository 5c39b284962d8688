"""The revision that a service runs, with the digest that ECS resolved each tag to.

The first task of a deployment resolves the tags; later ones run the same images, also when a tag
was pushed again. Source: ECS developer guide, "Container image resolution"; API reference,
ServiceRevision (containerImages), Service (currentServiceRevisions).
"""

from typing import Any

Data = dict[str, Any]

_DIGESTS: dict[str, dict[str, str]] = {}


def forget() -> None:
    """Drops what was resolved."""
    _DIGESTS.clear()


def install(ecs: Any) -> None:
    """Wraps the start of tasks and two actions; doing it twice changes nothing."""
    run, describe = ecs._run_task, ecs._ACTION_MAP["DescribeServices"]
    if hasattr(run, "resolves"):
        return

    def run_and_resolve(data: Data) -> Any:
        known = set(ecs._tasks)
        answer = run(data)
        for arn in set(ecs._tasks) - known:
            _resolve(ecs, ecs._tasks[arn])
        return answer

    def describe_services(data: Data) -> Any:
        for service in ecs._services.values():
            arn = _revision(service)
            service["currentServiceRevisions"] = [{"arn": arn}] if arn else []
        return describe(data)

    def describe_revisions(data: Data) -> Any:
        from ministack.core.responses import json_response

        wanted = set(data.get("serviceRevisionArns", ()))
        found = [
            _as_answer(ecs, service, arn)
            for service in ecs._services.values()
            if (arn := _revision(service)) in wanted
        ]
        return json_response({"serviceRevisions": found, "failures": []})

    run_and_resolve.resolves = run_and_resolve.wrapped = run  # type: ignore[attr-defined]
    ecs._run_task = run_and_resolve
    ecs._ACTION_MAP["DescribeServices"] = describe_services
    ecs._ACTION_MAP["DescribeServiceRevisions"] = describe_revisions


def _revision(service: Data) -> str:
    """The ARN of the revision of the primary deployment; empty where there is none."""
    for each in service.get("deployments", ()):
        if each.get("status") == "PRIMARY":
            base = service["serviceArn"].replace(":service/", ":service-revision/")
            return f"{base}/{each['id'].rpartition('/')[2]}"
    return ""


def _resolve(ecs: Any, task: Data) -> None:
    """The digests of the first task of a deployment, for this one and those after it."""
    _, _, name = str(task.get("group", "")).partition("service:")
    cluster = str(task.get("clusterArn", "")).rpartition("/")[2]
    service = ecs._services.get(f"{cluster}/{name}")
    if not name or service is None:
        return
    resolved = _DIGESTS.setdefault(_revision(service), {})
    for each in task.get("containers", ()):
        if each.get("imageDigest"):
            each["imageDigest"] = resolved.setdefault(each["name"], each["imageDigest"])


def _as_answer(ecs: Any, service: Data, arn: str) -> Data:
    definition = ecs._task_defs[ecs._resolve_td_key(service["taskDefinition"])]
    resolved = _DIGESTS.get(arn, {})
    images = []
    for each in definition["containerDefinitions"]:
        digest = resolved.get(each["name"])
        image = {"containerName": each["name"], "image": each["image"]}
        images.append({**image, "imageDigest": digest} if digest else image)
    return {
        "serviceRevisionArn": arn,
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "taskDefinition": service["taskDefinition"],
        "containerImages": images,
    }
