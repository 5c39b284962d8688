"""Where images come from, other than from ECR of the own account and Region."""

import re
from collections.abc import Iterator

from workerstack.specification.checked import about, specified
from workerstack.specification.mistakes import Mistake
from workerstack.specification.names import ACCOUNT, REGION

REPOSITORY = r"[a-z0-9]+([._/-][a-z0-9]+)*"
DIGEST = r"sha256:[0-9a-f]{64}"


@specified
class OtherRepository:
    """A repository of ECR in another account or Region; its policy must let this one pull.

    They are the parameters ``ImageAccount`` and ``ImageRegion``, with these as defaults. The
    Region is this one where it is left out.
    Source: ECR, "Private repository policies".
    """

    name: str
    account: str
    region: str = ""

    @about("name")
    def _name(self) -> Iterator[Mistake]:
        return check_repository(self.name)

    @about("account", "region")
    def _place(self) -> Iterator[Mistake]:
        if not re.fullmatch(ACCOUNT, self.account):
            yield Mistake(
                f"Account {self.account!r} is impossible",
                "an account has twelve digits",
                "Write it as text, zeros at its beginning included",
            )
        if self.region and not re.fullmatch(REGION, self.region):
            yield Mistake(
                f"Region {self.region!r} is impossible",
                "it is a code such as eu-central-1",
                "Leave it out for the Region of the stack",
                field="region",
            )


@specified
class PublicImage:
    """An image that anybody may pull, by its digest: a tag is whatever its owner says today."""

    name: str
    digest: str

    @about("name")
    def _name(self) -> Iterator[Mistake]:
        if not re.fullmatch(rf"[a-z0-9.-]+\.[a-z]+(:\d+)?/{REPOSITORY}", self.name):
            yield Mistake(
                f"Public image {self.name!r} is impossible",
                "it begins with its registry, and the version is the digest",
                'Write something like "public.ecr.aws/docker/library/python"',
            )

    @about("digest")
    def _digest(self) -> Iterator[Mistake]:
        if not re.fullmatch(DIGEST, self.digest):
            yield Mistake(
                f"Digest {self.digest!r} is impossible",
                "it is sha256: and 64 hexadecimal digits; a tag can be moved by others",
                "Ask the registry: docker buildx imagetools inspect NAME:TAG",
            )


@specified
class CachedImage:
    """An image of another registry through ECR's pull-through cache.

    ``prefix`` is that of the cache rule, in this account and Region; the first pull makes the
    repository ``PREFIX/NAME``, which the execution role may do.
    Source: ECR, "Sync an upstream registry with an Amazon ECR private registry".
    """

    prefix: str
    name: str

    @about("prefix", "name")
    def _names(self) -> Iterator[Mistake]:
        for field in ("prefix", "name"):
            yield from check_repository(getattr(self, field), field)


Image = OtherRepository | PublicImage | CachedImage


def check_repository(name: str, field: str = "name") -> Iterator[Mistake]:
    """Wrong where ECR takes no such repository (CreateRepository)."""
    registry = re.match(r"\d{12}\.dkr\.ecr\.", name)
    if registry or not re.fullmatch(REPOSITORY, name) or len(name) > 256:  # noqa: PLR2004 - ECR's
        yield Mistake(
            f"Repository {name!r} is impossible",
            "ECR allows lower-case letters, digits and ._-/ between them, at most 256",
            "Give its name without registry, tag and digest",
            field=field,
        )
