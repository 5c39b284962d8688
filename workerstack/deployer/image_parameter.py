"""Where a stack says its image: in which parameter of params/, and in which form.

A parameter says the image where the template, given an image's digest in it, comes to that
image: looked at by its meaning, so `Image: !Ref ImageUri` serves as well as a text made of
repository and reference. Source: ECS developer guide, "Task definition parameters", image
(`repository@sha256:digest`), runtimePlatform.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workerstack.cloudformation import (
    Resource,
    Stack,
    declared_parameters,
    read,
    resolve,
    surroundings,
    text,
)
from workerstack.cloudformation.bodies import containers as containers_of
from workerstack.deployer import images
from workerstack.deployer.images import Image, ImageReference
from workerstack.deployer.source import Source, read_source
from workerstack.deployments import Deployment
from workerstack.deployments.editing import with_value
from workerstack.problem import Problem, Refusal

SOME_DIGEST = f"sha256:{'0123456789abcdef' * 4}"
SOME_TAG = "a-tag-that-nobody-uses"
FORMS = ("@{digest}", "{digest}", "{uri}@{digest}")
"""How a parameter may say an image: behind its repository, after `@`, or all of it."""

ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}
"""ECS's words for what images call otherwise (RuntimePlatform, cpuArchitecture)."""


@dataclass(frozen=True)
class Slot:
    """Where a stack says the image of a container: in which parameter, and in which form."""

    deployment: Deployment
    content: bytes
    container: str
    parameter: str
    form: str
    current: ImageReference
    platform: str

    @property
    def file(self) -> Path:
        """The params file."""
        return self.deployment.source.file

    def value(self, digest: str) -> str:
        """What the parameter says where the image has this digest."""
        return self.form.format(digest=digest, uri=self.current.repository.uri)

    def edited(self, image: Image, tag: str) -> str:
        """The text of the params file with this image, and its tag behind it."""
        written = self.content.decode()
        return with_value(written, self.file, self.parameter, self.value(image.digest), tag)


@dataclass(frozen=True)
class _Container:
    """A container of a task definition, resolved; ``image`` is empty where it is not known."""

    task: str
    name: str
    image: str
    environment: tuple[str, ...]

    @property
    def is_beside_a_sidecar(self) -> bool:
        """Whether it is given an address of its own task: the sidecar stands before its queue."""
        return any(
            each.startswith(("http://127.0.0.1:", "http://localhost:")) for each in self.environment
        )


def slot(deployment: Deployment, wanted: str = "") -> Slot:
    """Where the stack says its worker's image; ``wanted`` names a container.

    Raises Problem where no parameter says it, or several containers might be meant; Refusal for
    an image of another registry than ECR.
    """
    missing = _missing(deployment)
    for value in STAND_INS if missing else ():
        given = replace(deployment, parameters={**deployment.parameters, missing: value})
        try:
            found = _slot(given, wanted)
        except Problem:
            continue  # in the end it is said what is wrong with the file as it is
        if found.parameter == missing:
            return replace(found, deployment=deployment)
    return _slot(deployment, wanted)


STAND_INS = (f":{SOME_TAG}", f"@{SOME_DIGEST}", SOME_DIGEST)
"""Values for a required parameter that is not in the file yet: it may be the image."""


def _missing(deployment: Deployment) -> str:
    """The one required value that the file has not; empty where there is none, or are several."""
    if not deployment.template.is_file():
        return ""
    template = read(deployment.template.read_text(), str(deployment.template))
    declared = declared_parameters(template.data)
    found = [
        name for name, each in declared.items()
        if each.default is None and name not in deployment.parameters
    ]  # fmt: skip
    return found[0] if len(found) == 1 else ""


def _slot(deployment: Deployment, wanted: str) -> Slot:
    content = deployment.source.file.read_bytes()
    source = read_source(deployment)
    template = read(source.text, source.file)

    def containers(**values: str) -> list[_Container]:
        target = deployment.target
        known = surroundings(target.account, target.region, deployment.stack)
        return list(_containers(resolve(template, {**source.values(), **values}, known)))

    chosen = _chosen(deployment, source, containers(), wanted)
    reference = _reference(deployment, chosen)

    def image_with(name: str, value: str) -> str:
        return next(
            (
                each.image
                for each in containers(**{name: value})
                if (each.task, each.name) == (chosen.task, chosen.name)
            ),
            "",
        )

    uri = reference.repository.uri
    names = [
        name
        for name, each in source.declared.items()
        if not each.is_list and image_with(name, SOME_TAG) != chosen.image
    ]
    for name in names:
        for form in FORMS:
            value = form.format(digest=SOME_DIGEST, uri=uri)
            fits = source.declared[name].wrong(value) is None
            if fits and image_with(name, value) == f"{uri}@{SOME_DIGEST}":
                return Slot(
                    deployment, content, chosen.name, name, form, reference,
                    _platform(source, deployment, chosen.task),
                )  # fmt: skip
    takes_tag = [name for name in names if image_with(name, SOME_TAG) == f"{uri}:{SOME_TAG}"]
    if takes_tag:
        raise Problem(
            f"{takes_tag[0]} of {source.file} takes a tag and no digest",
            "the template puts a colon before it, and a tag may be another image tomorrow",
            f"Let the template take `:tag` or `@sha256:digest` in {takes_tag[0]}, as"
            " ImageReference of a worker does, or write the tag yourself and review",
        )
    raise Problem(
        f"No parameter of {source.file} says the image of {chosen.name}",
        f"it stands in the template as {chosen.image}",
        "Make its version a parameter, or change it in the template, generate and review",
    )


def _containers(stack: Stack) -> Iterator[_Container]:
    for task, each in containers_of(stack):
        variables = [
            text(one.get("Value")) or ""
            for one in each.get("Environment") or ()
            if isinstance(one, Mapping)
        ]
        name, image = text(each.get("Name")) or "", text(each.get("Image")) or ""
        yield _Container(task.logical_id, name, image, tuple(variables))


def _chosen(
    deployment: Deployment, source: Source, found: Sequence[_Container], wanted: str
) -> _Container:
    """The container that is meant: named, the only one, or the one that a sidecar stands beside."""
    names = ", ".join(each.name for each in found)
    if wanted:
        for each in found:
            if each.name == wanted:
                return each
        raise Problem(
            f"{deployment.name} has no container {wanted}",
            f"its task definition has {names or 'none'}",
            "Name one of them with --container",
        )
    if not found:
        raise Problem(
            f"{deployment.name} has no container", f"{source.file} has no task definition with one",
            "Ship a stack that runs an image",
        )  # fmt: skip
    beside = [each for each in found if each.is_beside_a_sidecar]
    if len(found) == 1 or len(beside) == 1:
        return (beside or list(found))[0]
    raise Problem(
        f"{deployment.name} has {len(found)} containers",
        f"{names}, and any of them might be meant",
        "Name one of them with --container",
    )


def _reference(deployment: Deployment, container: _Container) -> ImageReference:
    if not container.image:
        raise Problem(
            f"The image of {container.name} is not known before AWS decides",
            "the template takes it from Parameter Store, a NoEcho parameter, an export or a"
            " resource",
            "Change it where it is said, then review",
        )
    found = images.parse(container.image)
    if found is None:
        host = container.image.partition("/")[0]
        raise Refusal(
            f"The image of {container.name} is not in a private repository of ECR",
            f"it is {container.image}, and what {host} has cannot be asked through AWS",
            "Copy it into ECR (a pull through cache does so by itself), or write its digest into"
            f" params/{deployment.name}.yaml and run ./deploy.py review {deployment.name}",
        )
    return found


def _platform(source: Source, deployment: Deployment, task: str) -> str:
    """What the task runs on, as images say it; empty where that is not known."""
    target = deployment.target
    known = surroundings(target.account, target.region, deployment.stack)
    stack = resolve(read(source.text, source.file), source.values(), known)
    return platform_of(stack.resources[task])


def platform_of(task: Resource) -> str:
    """`linux/amd64` as a task definition says it, with ECS's defaults; empty if not known."""
    said = task.get("RuntimePlatform", default={})
    if not isinstance(said, Mapping):
        return ""
    system = text(said.get("OperatingSystemFamily", "LINUX"))
    architecture = ARCHITECTURES.get(text(said.get("CpuArchitecture", "X86_64")) or "")
    if not system or not architecture:
        return ""
    return f"{'windows' if system.startswith('WINDOWS') else system.lower()}/{architecture}"
