"""The smallest image that a task can run: one program that waits to be told to stop.

It is made here, so that nothing is fetched from a registry and no Docker is needed.
"""

import gzip
import hashlib
import io
import json
import struct
import tarfile
from collections.abc import Iterable
from typing import Any, NamedTuple

CODE = bytes.fromhex(
    "b80e000000 31ff 488d3542000000 31d2 41ba08000000 0f05"  # rt_sigprocmask(BLOCK, &set, 0, 8)
    "b880000000 488d3d2c000000 31f6 31d2 41ba08000000 0f05"  # rt_sigtimedwait(&set, 0, 0, 8)
    "b8e7000000 31ff 0f05"  # exit_group(0)
)
"""x86-64; PID 1 of a container gets only the signals that it asks for."""

TERMINATE = struct.pack("<Q", 1 << (15 - 1))
BASE, HEADERS = 0x400000, 64 + 56
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class Image(NamedTuple):
    """What a registry keeps of it: its blobs, and the manifest that names them."""

    blobs: tuple[bytes, ...]
    manifest: str


def program() -> bytes:
    """An ELF file of Linux that waits for SIGTERM and ends with 0."""
    body = CODE.ljust(SET, b"\x90") + TERMINATE
    size = HEADERS + len(body)
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head = struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, BASE + HEADERS, 64, 0, 0, 64, 56, 1, 64, 0, 0
    )  # an executable for x86-64 with one program header
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE, BASE, size, size, 0x1000)
    return identity + head + segment + body


SET = 80
"""Where the set of signals stands, counted from the first instruction."""


def image(label: str) -> Image:
    """An image of that program; another ``label`` makes it another one."""
    layer = _tar(program())
    packed = gzip.compress(layer, mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": ["/worker"], "Labels": {"version": label}},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, "size": len(config), "digest": _digest(config)},
        "layers": [{"mediaType": LAYER, "size": len(packed), "digest": _digest(packed)}],
    }
    return Image((packed, config), json.dumps(manifest))


def push(ecr: Any, repository: str, tags: Iterable[str]) -> None:
    """Puts an image under each tag into a repository of ECR, by its API alone."""
    present: set[str] = set()
    for tag in tags:
        made = image(tag)
        for blob in made.blobs:
            digest = _digest(blob)
            if digest in present:
                continue
            present.add(digest)
            upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
            ecr.upload_layer_part(
                repositoryName=repository, uploadId=upload, partFirstByte=0,
                partLastByte=len(blob) - 1, layerPartBlob=blob,
            )  # fmt: skip
            ecr.complete_layer_upload(
                repositoryName=repository, uploadId=upload, layerDigests=[digest]
            )
        ecr.put_image(
            repositoryName=repository, imageManifest=made.manifest,
            imageManifestMediaType=MANIFEST, imageTag=tag,
        )  # fmt: skip


def _tar(content: bytes) -> bytes:
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w") as archive:
        entry = tarfile.TarInfo("worker")
        entry.size, entry.mode = len(content), 0o755
        archive.addfile(entry, io.BytesIO(content))
    return found.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
