"""Pushing an image into ECR through its API, as `docker push` does: layers, then the manifest."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

OCI = "application/vnd.oci.image"
MANIFEST, INDEX = f"{OCI}.manifest.v1+json", f"{OCI}.index.v1+json"
CONFIG, LAYER = f"{OCI}.config.v1+json", f"{OCI}.layer.v1.tar+gzip"


def digest_of(content: bytes) -> str:
    """As registries name content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def push(
    ecr: Any, repository: str, tag: str | None, *, platform: str = "linux/amd64", mark: str = ""
) -> str:
    """Pushes an image of one platform; gives its digest. ``mark`` makes another image of it."""
    system, architecture = platform.split("/")
    config = {"os": system, "architecture": architecture, "mark": mark or tag}
    return push_artifact(ecr, repository, tag, json.dumps(config).encode(), CONFIG)


def push_artifact(ecr: Any, repository: str, tag: str | None, config: bytes, kind: str) -> str:
    """Pushes a manifest with a config of this media type, such as that of a chart."""
    layer = b"layer of " + config
    parts = [
        {"mediaType": media, "digest": _upload(ecr, repository, content), "size": len(content)}
        for media, content in ((kind, config), (LAYER, layer))
    ]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[0],
                "layers": parts[1:]}  # fmt: skip
    return _put(ecr, repository, tag, manifest)


def push_index(ecr: Any, repository: str, tag: str | None, platforms: Iterable[str]) -> str:
    """Pushes an image of several platforms, with the attestation that Docker adds."""
    manifests: list[dict[str, Any]] = []
    for platform in (*platforms, "unknown/unknown"):
        digest = push(ecr, repository, None, platform=platform, mark=f"{tag} {platform}")
        system, architecture = platform.split("/")
        manifests.append({"mediaType": MANIFEST, "digest": digest, "size": 1,
                          "platform": {"os": system, "architecture": architecture}})  # fmt: skip
    return _put(
        ecr, repository, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
    )


def _upload(ecr: Any, repository: str, content: bytes) -> str:
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    of = {"repositoryName": repository, "uploadId": upload}
    ecr.upload_layer_part(
        **of, partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content
    )
    ecr.complete_layer_upload(**of, layerDigests=[digest_of(content)])
    return digest_of(content)


def _put(ecr: Any, repository: str, tag: str | None, manifest: dict[str, Any]) -> str:
    named = {"imageTag": tag} if tag else {}
    answer = ecr.put_image(
        repositoryName=repository, imageManifest=json.dumps(manifest),
        imageManifestMediaType=manifest["mediaType"], **named,
    )  # fmt: skip
    return str(answer["image"]["imageId"]["imageDigest"])
