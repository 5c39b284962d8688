"""What an image's name says, and what ECR says of the image."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import REGION
from workerstack.deployer import images
from workerstack.deployer.aws import Clients
from workerstack.localaws import pushing

Client = Callable[[str], Any]
DIGEST = f"sha256:{'ab' * 32}"
HOST = f"111122223333.dkr.ecr.{REGION}.amazonaws.com"

NAMES: dict[str, tuple[str, str, str, str, str] | None] = {
    f"{HOST}/a/b:v1": ("111122223333", REGION, "a/b", "v1", ""),
    f"{HOST}/a/b": ("111122223333", REGION, "a/b", "", ""),
    f"{HOST}/a/b@{DIGEST}": ("111122223333", REGION, "a/b", "", DIGEST),
    f"{HOST}/a/b:v1@{DIGEST}": ("111122223333", REGION, "a/b", "v1", DIGEST),
    "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com/x_y.z-0:1":
        ("111122223333", "us-east-1", "x_y.z-0", "1", ""),
    "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/x:1":
        ("111122223333", "cn-north-1", "x", "1", ""),
    "111122223333.dkr-ecr.eu-west-1.on.aws/x:1": ("111122223333", "eu-west-1", "x", "1", ""),
    "public.ecr.aws/docker/library/alpine:3": None,
    "alpine": None,
    "ghcr.io/owner/name:v1": None,
    "registry.example:5000/name:v1": None,
    f"11112222333.dkr.ecr.{REGION}.amazonaws.com/x:1": None,
    f"{HOST}/UPPER:1": None,
    f"{HOST}/a@sha256:ab": None,
    f"{HOST}.evil.example/a:1": None,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_of_a_name(name: str) -> None:
    found = images.parse(name)
    parts = found and (
        found.repository.account, found.repository.region, found.repository.name, found.tag,
        found.digest,
    )  # fmt: skip
    assert parts == NAMES[name]
    assert found is None or found.is_movable is not bool(found.digest)


@pytest.fixture
def repository(client: Client, account: str) -> images.Repository:
    client("ecr").create_repository(repositoryName="example/worker")
    host = f"{account}.dkr.ecr.{REGION}.amazonaws.com"
    return images.Repository(account, REGION, "example/worker", host)


def test_an_image_of_one_platform(
    client: Client, clients: Clients, repository: images.Repository
) -> None:
    digest = pushing.push(client("ecr"), repository.name, "v1", platform="linux/arm64")
    image = images.find(clients, repository, "v1")
    assert image is not None
    assert (image.digest, image.tags, image.is_index) == (digest, ("v1",), False)
    assert image.size
    assert image.pushed
    assert images.find(clients, repository, digest) == image
    found = images.contents(clients, repository, image)
    assert [str(each) for each in found.platforms] == ["linux/arm64"]
    assert (found.digests, found.kind, found.unknown) == ((digest,), "", "")


def test_an_image_of_several_platforms(
    client: Client, clients: Clients, repository: images.Repository
) -> None:
    digest = pushing.push_index(
        client("ecr"), repository.name, "v1", ("linux/amd64", "linux/arm64")
    )
    image = images.find(clients, repository, "v1")
    assert image is not None
    assert image.is_index
    found = images.contents(clients, repository, image)
    # The attestation is not a platform.
    assert [str(each) for each in found.platforms] == ["linux/amd64", "linux/arm64"]
    assert found.digests == (digest, *(each.digest for each in found.platforms))


def test_a_chart_is_no_image(
    client: Client, clients: Clients, repository: images.Repository
) -> None:
    kind = "application/vnd.cncf.helm.config.v1+json"
    pushing.push_artifact(client("ecr"), repository.name, "chart", b"{}", kind)
    image = images.find(clients, repository, "chart")
    assert image is not None
    assert images.contents(clients, repository, image).kind == kind


def test_a_config_that_was_exchanged_is_not_believed(
    client: Client, clients: Clients, repository: images.Repository
) -> None:
    pushing.push(client("ecr"), repository.name, "v1")
    image = images.find(clients, repository, "v1")
    assert image is not None
    other = images.contents(clients, repository, image, lambda _: b'{"os": "linux"}')
    assert not other.platforms
    assert "not the one that the manifest names" in other.unknown

    def lost(_: str) -> bytes:
        raise OSError("the answer was HTTP 403")

    assert "HTTP 403" in images.contents(clients, repository, image, lost).unknown


def test_what_is_not_there(clients: Clients, repository: images.Repository) -> None:
    assert images.find(clients, repository, "v1") is None
    assert images.find(clients, repository, DIGEST) is None
    assert images.newest(images.tagged(clients, repository), 10) == []
    assert images.scan(clients, repository, DIGEST) is None


def test_the_newest_come_first_and_of_one_second_the_higher_tag() -> None:
    pushed = datetime(2026, 11, 21, 9, tzinfo=UTC)
    made = [
        images.Image("sha256:1", ("v9",), pushed),
        images.Image("sha256:2", ("v10", "latest"), pushed),
        images.Image("sha256:3", ("v1",), pushed + timedelta(seconds=1)),
        images.Image("sha256:4", ("v8",), pushed),
        images.Image("sha256:5", ("v11",), None),
    ]
    for order in (made, made[::-1]):
        assert [each.tags[0] for each in images.newest(order, 3)] == ["v1", "v10", "v9"]
