"""An image in ECR: where a task's image is, what its tag means now, for what it was built.

The one reader of it. botocore's errors go through: RepositoryNotFoundException where there is no
such repository, AccessDeniedException where the caller, or the repository of another account,
does not allow it.

Source: ECR API reference, DescribeImages, BatchGetImage, GetDownloadUrlForLayer,
DescribeImageScanFindings; OCI image specification, "image index", "image manifest", "config".
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import code_of

IMAGE = re.compile(
    r"(?P<host>(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
    r"(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn"
    r"|c2s\.ic\.gov|sc2s\.sgov\.gov|csp\.hci\.ic\.gov|cloud\.adc-e\.uk))"
    r"/(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
"""An image in a private registry of ECR, also over FIPS, IPv6 (`dkr-ecr`) or in China.

Source: AWS general reference, "Amazon ECR endpoints"; botocore, partitions.json (dnsSuffix).
"""

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""Media types of images of several platforms; a task may name the digest of its own."""

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
"""Media types of what describes a container; a chart or a signature has another one."""

OK = 200
LARGEST = 4 * 2**20
"""Bytes of a config: registries take no larger manifest, and a config is of that order."""


@dataclass(frozen=True)
class Repository:
    """A repository of ECR: in whose account, where, and as images name it."""

    account: str
    region: str
    name: str
    host: str

    @property
    def uri(self) -> str:
        """What stands before the tag or the digest of an image."""
        return f"{self.host}/{self.name}"


@dataclass(frozen=True)
class ImageReference:
    """An image as a task definition names it; a digest counts more than the tag beside it."""

    repository: Repository
    tag: str = ""
    digest: str = ""

    @property
    def is_movable(self) -> bool:
        """Whether it may be another image tomorrow."""
        return not self.digest

    @property
    def wanted(self) -> str:
        """The tag or digest by which a registry is asked; without both that is `latest`."""
        return self.digest or self.tag or "latest"


@dataclass(frozen=True)
class Image:
    """What DescribeImages says of an image; ``size`` in bytes, compressed."""

    digest: str
    tags: tuple[str, ...] = ()
    pushed: datetime | None = None
    size: int | None = None
    media_type: str = ""
    archived: bool = False

    @property
    def is_index(self) -> bool:
        """Whether it holds images of several platforms."""
        return self.media_type in INDEXES


@dataclass(frozen=True)
class Platform:
    """What an image was built for, in OCI's words (linux, amd64); ``digest`` of its manifest."""

    os: str
    architecture: str
    digest: str

    def __str__(self) -> str:
        """As `docker --platform` takes it."""
        return f"{self.os}/{self.architecture}"


@dataclass(frozen=True)
class Contents:
    """What an image holds; ``kind`` is the media type of something that is no container image.

    ``platforms`` is empty and ``unknown`` says why where the config could not be read.
    """

    platforms: tuple[Platform, ...] = ()
    digests: tuple[str, ...] = ()
    kind: str = ""
    unknown: str = ""


@dataclass(frozen=True)
class Scan:
    """What a scan found: its status, when it ended, and how many by severity."""

    status: str
    completed: datetime | None
    counts: Mapping[str, int]


def parse(image: str) -> ImageReference | None:
    """The parts of an image's name; None for another registry than a private one of ECR."""
    found = IMAGE.fullmatch(image)
    if found is None:
        return None
    repository = Repository(found["account"], found["region"], found["name"], found["host"])
    return ImageReference(repository, found["tag"] or "", found["digest"] or "")


def find(clients: Clients, repository: Repository, wanted: str) -> Image | None:
    """The image with this tag or digest; None where the repository has no such image."""
    from botocore.exceptions import ClientError

    try:
        answer = _ecr(clients, repository).describe_images(
            **_of(repository), imageIds=[_image_id(wanted)]
        )
    except ClientError as error:
        if code_of(error) == "ImageNotFoundException":
            return None
        raise
    return next(map(_image, answer["imageDetails"]), None)


def tagged(clients: Clients, repository: Repository) -> Iterator[Image]:
    """All images that have a tag, in no order, as they arrive (1,000 a call)."""
    pages = _ecr(clients, repository).get_paginator("describe_images")
    # An archived image is not listed unless it is asked for (ECR: "Archiving images").
    for page in pages.paginate(
        **_of(repository), filter={"tagStatus": "TAGGED"}, PaginationConfig={"PageSize": 1000}
    ):
        yield from map(_image, page["imageDetails"])


def newest(images: Iterable[Image], number: int) -> list[Image]:
    """The images that were pushed last, newest first.

    ECR tells whole seconds; of one second, the image with the higher tag is held to be newer.
    """
    dated = [(each.pushed, _counted(each.tags), each) for each in images if each.pushed]
    return [each for *_, each in sorted(dated, key=lambda one: one[:2], reverse=True)[:number]]


def _counted(tags: Iterable[str]) -> list[str]:
    """Tags as they are counted: 9 before 10."""
    return sorted(re.sub(r"\d+", lambda found: found[0].zfill(20), each) for each in tags)[::-1]


def contents(
    clients: Clients,
    repository: Repository,
    image: Image,
    fetch: Callable[[str], bytes] | None = None,
) -> Contents:
    """The platforms of an image, and every digest that a task which runs it may name.

    An index lists them. Of one manifest only its config says it, which lies in S3 behind a
    signed URL; ``fetch`` gets it (with HTTPS, as the AWS client would). Its digest is checked.
    """
    answer = _ecr(clients, repository).batch_get_image(
        **_of(repository),
        imageIds=[{"imageDigest": image.digest}],
        acceptedMediaTypes=[*INDEXES, *MANIFESTS],
    )
    [found] = answer.get("images") or [{}]
    manifest = _json(found.get("imageManifest", ""))
    if image.is_index or "manifests" in manifest:
        # A manifest without a platform of its own is an attestation (Docker: "unknown/unknown").
        platforms = tuple(
            Platform(each["platform"]["os"], each["platform"]["architecture"], each["digest"])
            for each in manifest.get("manifests", ())
            if each.get("platform", {}).get("architecture", "unknown") != "unknown"
        )
        return Contents(platforms, (image.digest, *(each.digest for each in platforms)))
    config = manifest.get("config", {})
    if not config:
        why = "its manifest is of an old form that does not name its config"
        return Contents((), (image.digest,), unknown=why)
    if manifest.get("artifactType") or config.get("mediaType") not in CONFIGS:
        kind = manifest.get("artifactType") or config.get("mediaType") or "of no known type"
        return Contents((), (image.digest,), kind=str(kind))
    said, unknown = _config(clients, repository, str(config["digest"]), fetch or _download)
    if not said.get("os") or not said.get("architecture"):
        why = unknown or "its config names no platform"
        return Contents((), (image.digest,), unknown=why)
    platform = Platform(str(said["os"]), str(said["architecture"]), image.digest)
    return Contents((platform,), (image.digest,))


def digests(clients: Clients, repository: Repository, image: Image) -> tuple[str, ...]:
    """Every digest that a task with this image may name; a single manifest has only its own."""
    return contents(clients, repository, image).digests if image.is_index else (image.digest,)


def scan(clients: Clients, repository: Repository, digest: str) -> Scan | None:
    """What a scan found in an image; None where it was not scanned.

    Of an index nothing is scanned but the manifests in it: ask by the platform's digest.
    """
    from botocore.exceptions import ClientError

    try:
        answer = _ecr(clients, repository).describe_image_scan_findings(
            **_of(repository), imageId={"imageDigest": digest}, maxResults=1
        )
    except ClientError as error:
        if code_of(error) in ("ScanNotFoundException", "ImageNotFoundException"):
            return None
        raise
    found = answer.get("imageScanFindings", {})
    return Scan(
        status=answer.get("imageScanStatus", {}).get("status", ""),
        completed=found.get("imageScanCompletedAt"),
        counts=dict(found.get("findingSeverityCounts", {})),
    )


def _ecr(clients: Clients, repository: Repository) -> Any:
    """A registry answers in its own Region only."""
    return clients.elsewhere(repository.region)("ecr")


def _of(repository: Repository) -> dict[str, str]:
    return {"registryId": repository.account, "repositoryName": repository.name}


def _image_id(wanted: str) -> dict[str, str]:
    return {"imageDigest" if DIGEST.fullmatch(wanted) else "imageTag": wanted}


def _image(answer: Mapping[str, Any]) -> Image:
    return Image(
        digest=answer["imageDigest"],
        tags=tuple(answer.get("imageTags", ())),
        pushed=answer.get("imagePushedAt"),
        size=answer.get("imageSizeInBytes"),
        media_type=answer.get("imageManifestMediaType", ""),
        archived=answer.get("imageStatus", "ACTIVE") != "ACTIVE",
    )


def _config(
    clients: Clients, repository: Repository, digest: str, fetch: Callable[[str], bytes]
) -> tuple[Mapping[str, Any], str]:
    """The config of a manifest; empty, with the reason, where it cannot be had."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        url = _ecr(clients, repository).get_download_url_for_layer(
            **_of(repository), layerDigest=digest
        )["downloadUrl"]
        content = fetch(url)
    except ClientError as error:
        return {}, f"{error.operation_name} was refused ({code_of(error)})"
    except (BotoCoreError, OSError) as error:
        return {}, f"its config could not be downloaded ({error})"
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
        return {}, "its config is not the one that the manifest names"
    return _json(content), ""


def _download(url: str) -> bytes:
    """What lies behind a signed URL, through the proxy and with the certificates of AWS's client.

    Raises botocore's HTTP errors, or OSError for another answer than the content.
    """
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session
    from botocore.utils import get_environ_proxies

    certificates: Any = os.environ.get("AWS_CA_BUNDLE") or True
    proxies = get_environ_proxies(url)
    session = URLLib3Session(verify=certificates, proxies=proxies, timeout=10)
    answer = session.send(AWSRequest("GET", url, stream_output=True).prepare())
    if answer.status_code != OK:
        raise OSError(f"the answer was HTTP {answer.status_code}")
    content: bytes = answer.raw.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(f"it is larger than {LARGEST:,} bytes")
    return content


def _json(text: str | bytes) -> Mapping[str, Any]:
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
