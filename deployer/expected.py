"""The object that a processed message leaves in S3, and whether it is a new one."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from deployer.clients import Clients
from problem import Problem

MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
FORBIDDEN = frozenset({"403", "AccessDenied", "Forbidden"})


@dataclass(frozen=True)
class Object:
    """An object of S3."""

    bucket: str
    key: str

    def __str__(self) -> str:
        """As it is typed."""
        return f"s3://{self.bucket}/{self.key}"


def named(text: str) -> Object:
    """An object named as ``s3://bucket/key``; raises Problem for anything else."""
    parts = urlsplit(text)
    key = text.removeprefix(f"s3://{parts.netloc}/")
    if parts.scheme != "s3" or not parts.netloc or key in {"", text}:
        raise Problem(
            f"{text} names no object", "it is not like s3://bucket/key", "Correct --expect-object"
        )
    return Object(parts.netloc, key)


def check_bucket(s3: Any, bucket: str) -> None:
    """Raises Problem where there is no such bucket.

    A refusal may mean that we may not list it, and still may look at the object.
    """
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] in MISSING:
            raise Problem(
                f"There is no bucket {bucket}", "S3 says so", "Correct --expect-object"
            ) from None
        if error.response["Error"]["Code"] not in FORBIDDEN:
            raise


class Appearance:
    """Watches for an object that was not there, or was another version, when this began.

    Versions are compared with each other and never with our clock, which may be wrong.
    ``refused``: why we may not look; ``has_come`` once it is there.
    """

    def __init__(self, clients: Clients, wanted: Object) -> None:
        self.wanted = wanted
        self.refused = ""
        self.has_come = False
        self._s3 = clients("s3")
        self._old = self._version()

    def look(self) -> bool:
        """One more look; whether it has come."""
        if not self.refused and not self.has_come:
            new = self._version()
            self.has_come = new is not None and new != self._old
        return self.has_come

    def _version(self) -> tuple[Any, ...] | None:
        from botocore.exceptions import ClientError

        try:
            found = self._s3.head_object(Bucket=self.wanted.bucket, Key=self.wanted.key)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in FORBIDDEN:
                self.refused = f"S3 refuses to show it ({code})"
            elif code not in MISSING:
                raise
            return None
        return (found["LastModified"], found["ETag"], found.get("VersionId"))
