"""Shipping an image: whether it is there and fits the tasks, and its digest in params/.

Source: ECR API reference, DescribeImages (imageStatus); ECS developer guide, "Task definition
parameters", runtimePlatform.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from workerstack import files
from workerstack.cloudformation import parse
from workerstack.deployer import images, revisions
from workerstack.deployer.aws import Clients
from workerstack.deployer.image_parameter import Slot
from workerstack.deployer.images import Contents, Image, Platform
from workerstack.problem import Problem, Refusal

ENOUGH_TAGS = 3000
"""Tags among which the nearest ones are looked for: more would not be answered in two seconds."""

NEAREST = 3


@dataclass(frozen=True)
class Shipped:
    """An image that may be shipped; ``platform`` is the one that the tasks take of it."""

    image: Image
    contents: Contents
    platform: Platform | None
    scan: images.Scan | None = None
    unknown: tuple[str, ...] = ()


def wanted_of(word: str) -> str:
    """A tag or a digest as it was typed, with or without its sign; raises Problem for neither."""
    bare = word.removeprefix("@") if word.startswith("@") else word.removeprefix(":")
    if images.DIGEST.fullmatch(bare) or images.TAG.fullmatch(bare):
        return bare
    raise Problem(
        f"{word!r} is neither a tag nor a digest",
        "a tag has letters, digits, `_`, `.` and `-`; a digest is sha256: and 64 of 0-9a-f",
        "Give one as the registry has it",
    )


def checked(clients: Clients, slots: Sequence[Slot], wanted: str) -> Shipped:
    """The image with this tag or digest, if all of the slots can run it.

    Raises Refusal where it is not there (with the nearest tags), is archived, is no container
    image, or is for another platform.
    """
    repository = slots[0].current.repository
    image = images.find(clients, repository, wanted)
    if image is None:
        raise Refusal(
            f"There is no image {_short(wanted)} in {repository.name}",
            f"ECR of {repository.account} in {repository.region} has none",
            _nearest(clients, repository, wanted, slots[0].deployment.name),
        )
    if image.archived:
        raise Refusal(
            f"{_short(wanted)} is archived", "ECR gives nobody an image that is archived",
            f"Restore it (aws ecr update-image-storage-class --repository-name {repository.name}"
            f" --image-id imageDigest={image.digest} --target-storage-class STANDARD), or push it"
            " again",
        )  # fmt: skip
    held = images.contents(clients, repository, image)
    if held.kind:
        raise Refusal(
            f"{_short(wanted)} is no container image", f"it is of the type {held.kind}",
            "Give the tag of an image",
        )  # fmt: skip
    for each in slots:
        _check_platform(each, wanted, held)
    platform = next((one for one in held.platforms if str(one) == slots[0].platform), None)
    unknown = [f"Its platform is not known: {held.unknown}"] if held.unknown else []
    found = Shipped(image, held, platform, unknown=tuple(unknown))
    return _scanned(clients, found, repository)


def _short(wanted: str) -> str:
    return wanted[:19] if images.DIGEST.fullmatch(wanted) else wanted


def _check_platform(each: Slot, wanted: str, held: Contents) -> None:
    if not held.platforms or not each.platform:
        return
    built = sorted({str(one) for one in held.platforms})
    if each.platform not in built:
        raise Refusal(
            f"{_short(wanted)} cannot run as {each.deployment.name}",
            f"its tasks are {each.platform}, and the image is for {', '.join(built)}",
            f"Build it with `docker buildx build --platform {each.platform}`, or change the task"
            " definition's RuntimePlatform in templates/compute.py",
        )


def _scanned(clients: Clients, found: Shipped, repository: images.Repository) -> Shipped:
    """With what a scan found; that nobody may ask is said, and no reason not to ship."""
    from botocore.exceptions import ClientError

    digest = found.platform.digest if found.platform else found.image.digest
    try:
        return replace(found, scan=images.scan(clients, repository, digest))
    except ClientError as error:
        said = f"What a scan found is not known: {error}"
        return replace(found, unknown=(*found.unknown, said))


def _nearest(clients: Clients, repository: images.Repository, wanted: str, deployment: str) -> str:
    tags: list[str] = []
    for image in images.tagged(clients, repository):
        tags += image.tags
        if len(tags) >= ENOUGH_TAGS:
            break
    near = nearest(wanted, tags)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    if not tags:
        return "Push it first: the repository has no tagged image"
    return f"Push it first, or see what there is: ./deploy.py ship {deployment}"


def nearest(wanted: str, tags: Iterable[str]) -> list[str]:
    """The tags that are most like the one that was asked for; upper case counts as lower case."""
    by_lower = {each.lower(): each for each in tags}
    low = wanted.lower()
    begin = [each for each in by_lower if each.startswith(low) or low.startswith(each)]
    alike = difflib.get_close_matches(low, list(by_lower), NEAREST, 0.6)
    return [by_lower[each] for each in dict.fromkeys([*alike, *sorted(begin)])][:NEAREST]


def write(slots: Sequence[Slot], image: Image, tag: str) -> list[Path]:
    """Writes the digest into all params files, or into none; gives those that changed.

    Raises Problem where the result is not what the template takes, or a file was changed since
    it was read.
    """
    contents: dict[Path, str | bytes] = {}
    for each in slots:
        contents[each.file.resolve()] = each.edited(image, tag).encode()
    for each in slots:
        # All are looked at before the first is written: half of a release is worse than none.
        if each.file.read_bytes() != each.content:
            raise Problem(
                "The file was changed while the image was looked at",
                "what somebody else writes at the same time is not overwritten",
                "Run it again",
                file=each.file,
            )
    changed = {file: new for file, new in contents.items() if file.read_bytes() != new}
    if changed:
        files.write_all(changed)
    return [each.file for each in slots if each.file.resolve() in changed]


def check_committed(slots: Sequence[Slot], root: Path) -> None:
    """Raises Refusal where a params file has other changes that are not committed.

    The review would show them as well, and whoever ships an image does not expect them. A file
    that git does not know is no such case, nor is a checkout without git.
    """
    for each in slots:
        try:
            path = each.file.resolve().relative_to(root.resolve())
            committed = revisions.text_at("HEAD", path.as_posix(), root)
        except Problem:
            return
        if committed is None:
            continue
        then, now = (
            _without(parse(text, each.file, "text").data, each.parameter)
            for text in (committed, each.content.decode())
        )
        if then != now:
            raise Refusal(
                f"{path} has other changes that are not committed",
                "they would be part of the review of this image",
                "Commit or stash them, or ship with --uncommitted",
            )


def _without(data: dict[str, Any], parameter: str) -> dict[str, Any]:
    """A params file's data without the parameter that says the image."""
    parameters = data.get("parameters") or {}
    return {**data, "parameters": {name: each for name, each in parameters.items()
                                   if name != parameter}}  # fmt: skip


def age(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that says it: `3 min`, `5 h`, `2 days`."""
    minutes = max(0, int((now - then).total_seconds() // 60))
    for length, unit in ((60 * 24, "day"), (60, "h"), (1, "min")):
        number = minutes // length
        if number:
            plural = "s" if unit == "day" and number > 1 else ""
            return f"{number} {unit}{plural} ago"
    return "just now"


def size(number: int) -> str:
    """Bytes as registries show them."""
    for length, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= length:
            return f"{number / length:.1f} {unit}"
    return f"{number} bytes"


def facts(shipped: Shipped, wanted: str, now: datetime) -> list[str]:
    """An image in words: what it is, and what is not known of it."""
    image = shipped.image
    parts = [f"{_short(wanted)} is {image.digest[:19]}"]
    if image.pushed:
        parts.append(f"pushed {age(image.pushed, now)} ({image.pushed:%Y-%m-%d %H:%M} UTC)")
    if image.size:
        parts.append(size(image.size))
    if shipped.contents.platforms:
        parts.append(", ".join(sorted({str(each) for each in shipped.contents.platforms})))
    lines = [", ".join(parts)]
    if shipped.scan:
        counts = shipped.scan.counts
        order = [each for each in SEVERITIES if counts.get(each)]
        found = ", ".join(f"{counts[each]} {each.lower()}" for each in order) or "nothing"
        lines.append(f"The scan ({shipped.scan.status.lower()}) found {found}")
    return [*lines, *shipped.unknown]


SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED", "UNTRIAGED")
