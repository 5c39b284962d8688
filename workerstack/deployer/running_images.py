"""Which images the tasks of a stack run, and whether a tag means another one by now.

ECS resolves a tag once a deployment: later tasks of it run the same image, also when the tag was
pushed again, and also where none of them runs at the moment. Source: ECS developer guide,
"Container image resolution"; API reference, ServiceRevision (containerImages).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workerstack.cloudformation import text
from workerstack.cloudformation.bodies import containers
from workerstack.deployer import images
from workerstack.deployer.aws import Clients
from workerstack.deployer.deployed_stack import SERVICE, DeployedStack
from workerstack.deployer.images import ImageReference
from workerstack.deployer.service import tasks_of
from workerstack.review.case import MovedTag


@dataclass(frozen=True)
class RunningImage:
    """A container's image as it is deployed, and the digests that its running tasks name.

    ``resolved`` is what the next task runs, where none runs now and one did before.
    """

    service: str
    container: str
    image: str
    running: frozenset[str]
    resolved: frozenset[str] = frozenset()

    @property
    def reference(self) -> ImageReference | None:
        """Its parts; None for another registry than ECR."""
        return images.parse(self.image)


def deployed_images(deployed: DeployedStack) -> dict[str, str]:
    """The image of each container by name, as the stack's task definitions say it."""
    return {
        text(each.get("Name")) or "": text(each.get("Image")) or ""
        for _, each in containers(deployed.stack)
    }


def running_images(clients: Clients, deployed: DeployedStack) -> list[RunningImage]:
    """The images of all services of a stack. Raises botocore's errors."""
    return [
        RunningImage(
            service, name, image, running.get(name, frozenset()), resolved.get(name, frozenset())
        )
        for service, running, resolved in _running(clients, deployed)
        for name, image in deployed_images(deployed).items()
    ]


def _running(
    clients: Clients, deployed: DeployedStack
) -> Iterator[tuple[str, dict[str, frozenset[str]], dict[str, frozenset[str]]]]:
    """Of each service the digests that its running tasks name, and will, by container."""
    ecs = clients("ecs")
    for service, arn in deployed.of(SERVICE):
        *_, cluster, name = arn.split("/")
        found: dict[str, set[str]] = {}
        for task in tasks_of(ecs, cluster, name, ("RUNNING",)):
            # Asked for by the desired status, tasks that still start are among them, without a
            # digest.
            if task.status == "RUNNING":
                for container, digest in task.digests:
                    found.setdefault(container, set()).add(digest)
        running = {name: frozenset(each) for name, each in found.items()}
        yield service.logical_id, running, {} if running else _resolved(ecs, cluster, arn)


def _resolved(ecs: Any, cluster: str, service: str) -> dict[str, frozenset[str]]:
    """What the current revision of a service was resolved to; nothing before its first task."""
    answer = ecs.describe_services(cluster=cluster, services=[service])["services"]
    arns = [each["arn"] for one in answer for each in one.get("currentServiceRevisions", ())]
    if not arns:
        return {}
    found = ecs.describe_service_revisions(serviceRevisionArns=arns)["serviceRevisions"]
    return {
        each["containerName"]: frozenset([each["imageDigest"]])
        for one in found
        for each in one.get("containerImages", ())
        if each.get("imageDigest")
    }


def moved_tags(clients: Clients, deployed: DeployedStack) -> tuple[MovedTag, ...]:
    """The deployed tags that mean another image than the tasks run. Raises botocore's errors.

    Nothing is asked where every image is a digest.
    """
    # Looking at images costs calls of ECS and ECR, and rights to them, that a project with digests
    # need not have.
    movable = [
        found
        for each in deployed_images(deployed).values()
        if (found := images.parse(each)) and found.is_movable
    ]
    if not movable:
        return ()
    return tuple(
        moved
        for each in running_images(clients, deployed)
        if (moved := moved_tag(clients, each)) is not None
    )


def moved_or_unknown(
    clients: Clients, read: Callable[[], DeployedStack]
) -> tuple[tuple[MovedTag, ...], str]:
    """As ``moved_tags`` of what ``read`` gives; or why it is not known, where AWS refuses."""
    from botocore.exceptions import ClientError

    try:
        return moved_tags(clients, read()), ""
    except ClientError as error:
        return (), str(error)


def moved_tag(clients: Clients, one: RunningImage) -> MovedTag | None:
    """Whether a container's tag means another image by now; None also before its first task."""
    reference, known = one.reference, one.running or one.resolved
    if reference is None or not reference.is_movable or not known:
        return None
    image = images.find(clients, reference.repository, reference.wanted)
    if image is None or known <= {image.digest}:
        return None
    # An index and the image of one architecture in it are two digests of the same push: ECR answers
    # the index, and a task names either.
    old = known - frozenset(images.digests(clients, reference.repository, image))
    if not old:
        return None
    return MovedTag(
        service=one.service,
        image=one.image,
        tag=f"{reference.repository.name.rpartition('/')[2]}:{reference.wanted}",
        runs=min(old),
        means=image.digest,
        pushed=image.pushed,
    )
