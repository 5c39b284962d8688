"""What resources say of themselves to the tool: to watcher and reports, checks and simulator."""

from workerstack.specification.worker import Worker


def described(sentence: str, **more: object) -> dict[str, object]:
    """A resource's Metadata: what it is for, in one sentence."""
    return {"Description": sentence, **more}


def meant(*checks: str) -> dict[str, object]:
    """The checks that a resource fails because the specification asks for it, silenced there."""
    return {"cfn-lint": {"config": {"ignore_checks": [*checks]}}} if checks else {}


def task_metadata(worker: Worker) -> dict[str, object]:
    """What its task does against being stopped while busy; health checks that are asked for."""
    asked = worker.health_check or any(each.health_check for each in worker.sidecars)
    return {**_protection(worker), **(meant("E9102") if asked else {})}


def _protection(worker: Worker) -> dict[str, object]:
    if worker.protection is None:
        return {}
    said: dict[str, object] = {"Protection": worker.protection}
    if worker.is_protected:
        said |= {
            "ProtectionMinutes": worker.protection_minutes,
            "Heartbeat": worker.heartbeat,
            "LongestJob": worker.longest_job,
        }
    else:
        said["Unprotected"] = worker.unprotected
    return {"Worker": said}
