"""ECR as AWS answers: what is pushed is kept and looked for, and nobody is kinder than AWS.

MiniStack forgets the bytes of layers, has no scan, takes an image for there that lacks a layer,
answers an empty list for an image that is not there, and knows no page, no filter, no other
account. Source: ECR API reference, each action; ECR user guide, "Private repository policies".
"""

import hashlib
import json
import os
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import Any

Data = dict[str, Any]
Handler = Callable[[Data], Any]

PAGE = 100
"""Images a page, where the request names no number (DescribeImages, maxResults)."""

INDEXES = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)

_UPLOADS: dict[str, bytes] = {}
_SCANS: dict[tuple[str, str], Data] = {}


def forget() -> None:
    """Drops what was uploaded and what was found."""
    _UPLOADS.clear()
    _SCANS.clear()


def put_scan(repository_arn: str, digest: str, counts: dict[str, int]) -> None:
    """What a scan of an image found: there is no API that says so, AWS scans by itself."""
    _SCANS[repository_arn, digest] = dict(counts)


def install(app: Any, ecr: Any) -> None:
    """Puts the stricter answers in the place of MiniStack's; doing it twice changes nothing."""
    if hasattr(ecr.handle_request, "wrapped"):
        return
    handle = ecr.handle_request
    answers = _Answers(ecr)

    async def handle_strictly(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: Any
    ) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        data = json.loads(body or b"{}")
        return await answers.answer(
            action, data, lambda: handle(method, path, headers, body, query_params)
        )

    handle_strictly.wrapped = handle  # type: ignore[attr-defined]
    ecr.handle_request = handle_strictly
    app.SERVICE_HANDLERS["ecr"] = handle_strictly


class _Error(Exception):
    """A refusal, by its code."""


class _Answers:
    """MiniStack's ECR, with the actions that are answered here."""

    def __init__(self, ecr: Any) -> None:
        self.ecr = ecr
        self.own: dict[str, Handler] = {
            "DescribeImages": self.describe_images,
            "BatchGetImage": self.batch_get_image,
            "GetDownloadUrlForLayer": self.download_url,
            "DescribeImageScanFindings": self.scan_findings,
            "InitiateLayerUpload": self.initiate_upload,
            "UploadLayerPart": self.upload_part,
            "CompleteLayerUpload": self.complete_upload,
            "PutImage": self.put_image,
        }

    async def answer(self, action: str, data: Data, otherwise: Callable[[], Awaitable[Any]]) -> Any:
        """An action of ours, in the registry that the request names; else MiniStack's."""
        from ministack.core.responses import (
            error_response_json,
            get_account_id,
            get_region,
            json_response,
            request_scope,
        )

        own = self.own.get(action)
        if own is None:
            return await otherwise()
        caller, region = get_account_id(), get_region()
        registry = data.get("registryId") or caller
        try:
            with request_scope(registry, region):
                self._check_repository(data["repositoryName"], registry)
                if registry != caller:
                    self._check_policy(f"ecr:{action}", data["repositoryName"], caller)
                found = own(data)
        except _Error as error:
            code, message = error.args
            return error_response_json(code, message, 400)
        return found if isinstance(found, tuple) else json_response(found)

    def _check_repository(self, name: str, registry: str) -> None:
        if name not in self.ecr._repositories:
            message = f"The repository with name '{name}' does not exist in the registry with id"
            raise _Error("RepositoryNotFoundException", f"{message} '{registry}'")

    def _check_policy(self, action: str, name: str, caller: str) -> None:
        """Another account's repository answers whom its policy names."""
        from workerstack.cloudformation.policies import AccessRequest, Answer, decide, read

        arn = self.ecr._repositories[name]["repositoryArn"]
        policy = json.loads(self.ecr._repo_policies.get(name) or "{}")
        named = [
            each
            for each in policy.get("Statement", ())
            if f":{caller}:" in json.dumps(each.get("Principal")).replace('"', ":")
        ]
        for each in named:
            each["Resource"] = "*"  # a repository's policy is on the repository
        decision = decide((read({**policy, "Statement": named}),), AccessRequest(action, arn))
        if decision.answer is not Answer.ALLOWED:
            raise _Error(
                "AccessDeniedException",
                f"User: arn:aws:iam::{caller}:root is not authorized to perform: {action} on"
                f" resource: {arn} because no resource-based policy allows the {action} action",
            )

    def _found(self, data: Data, wanted: Data) -> Data | None:
        found: Data | None = self.ecr._find_image(data["repositoryName"], wanted)
        return found

    def _wanted(self, data: Data, wanted: Data) -> Data:
        found = self._found(data, wanted)
        if found is None:
            digest, tag = wanted.get("imageDigest", "null"), wanted.get("imageTag", "null")
            raise _Error(
                "ImageNotFoundException",
                f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not"
                f" exist within the repository with name '{data['repositoryName']}' in the"
                f" registry with id '{self.ecr._registry_id()}'",
            )
        return found

    def describe_images(self, data: Data) -> Data:
        name = data["repositoryName"]
        if data.get("imageIds") is not None:
            if "maxResults" in data or "nextToken" in data:
                raise _Error(
                    "InvalidParameterException",
                    "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Cannot be"
                    " used with imageIds'",
                )
            return {"imageDetails": [self._detail(self._wanted(data, each), name)
                                     for each in data["imageIds"]]}  # fmt: skip
        status = data.get("filter", {}).get("tagStatus", "ANY")
        images = [
            each
            for each in self.ecr._images.get(name, ())
            if status == "ANY" or bool(each.get("imageTags")) == (status == "TAGGED")
        ]
        start, size = int(data.get("nextToken") or 0), int(data.get("maxResults") or PAGE)
        page = [self._detail(each, name) for each in images[start : start + size]]
        more = {"nextToken": str(start + size)} if start + size < len(images) else {}
        return {"imageDetails": page, **more}

    def _detail(self, image: Data, name: str) -> Data:
        manifest = _parsed(image["imageManifest"])
        sizes = [each.get("size", 0) for each in (manifest.get("config", {}),
                                                  *manifest.get("layers", ()))]  # fmt: skip
        of_each = [
            self._detail(found, name)["imageSizeInBytes"]
            for each in manifest.get("manifests", ())
            if (found := self.ecr._find_image(name, {"imageDigest": each["digest"]}))
        ]
        detail = {
            "registryId": self.ecr._registry_id(),
            "repositoryName": name,
            "imageDigest": image["imageDigest"],
            # Of an index it is the largest of its images (ImageDetail, imageSizeInBytes).
            "imageSizeInBytes": max(of_each, default=sum(sizes)),
            "imagePushedAt": image["imagePushedAt"],
            "imageManifestMediaType": image["imageManifestMediaType"],
            "artifactMediaType": manifest.get("config", {}).get("mediaType"),
            "imageStatus": image.get("imageStatus", "ACTIVE"),
            "imageTags": image.get("imageTags") or None,
        }
        return {key: value for key, value in detail.items() if value is not None}

    def batch_get_image(self, data: Data) -> Data:
        images, failures = [], []
        for wanted in data["imageIds"]:
            found = self._found(data, wanted)
            if found is None:
                failures.append({"imageId": wanted, "failureCode": "ImageNotFound",
                                 "failureReason": "Requested image not found"})  # fmt: skip
                continue
            tag = {"imageTag": wanted["imageTag"]} if "imageTag" in wanted else {}
            images.append({
                "registryId": self.ecr._registry_id(), "repositoryName": data["repositoryName"],
                "imageId": {"imageDigest": found["imageDigest"], **tag},
                "imageManifest": found["imageManifest"],
                "imageManifestMediaType": found["imageManifestMediaType"],
            })  # fmt: skip
        return {"images": images, "failures": failures}

    def download_url(self, data: Data) -> Data:
        """A URL of the endpoint's own registry, which gives the bytes to whoever has it."""
        name, digest = data["repositoryName"], data["layerDigest"]
        if digest not in self.ecr._layer_blobs.get(name, {}):
            raise _Error(
                "LayersNotFoundException",
                f"The layer with digest '{digest}' does not exist in the repository with name"
                f" '{name}' in the registry with id '{self.ecr._registry_id()}'",
            )
        here = f"http://{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"
        host = self.ecr._repositories[name]["repositoryUri"].partition("/")[0]
        url = f"{here}/v2/{name}/blobs/{digest}?ns={host}"
        return {"downloadUrl": url, "layerDigest": digest}

    def scan_findings(self, data: Data) -> Data:
        name = data["repositoryName"]
        image = self._wanted(data, data["imageId"])
        found = _SCANS.get((self.ecr._repositories[name]["repositoryArn"], image["imageDigest"]))
        if found is None:
            raise _Error(
                "ScanNotFoundException",
                f"Image scan does not exist for the image with '{data['imageId']}' in the"
                f" repository with name '{name}' in the registry with id"
                f" '{self.ecr._registry_id()}'",
            )
        return {
            "registryId": self.ecr._registry_id(), "repositoryName": name,
            "imageId": data["imageId"], "imageScanStatus": {"status": "COMPLETE"},
            "imageScanFindings": {
                "imageScanCompletedAt": image["imagePushedAt"], "findings": [],
                "findingSeverityCounts": found,
            },
        }  # fmt: skip

    def initiate_upload(self, data: Data) -> Any:
        answer = self.ecr._initiate_layer_upload(data)
        _UPLOADS[json.loads(answer[2])["uploadId"]] = b""
        return answer

    def upload_part(self, data: Data) -> Data:
        part = b64decode(data["layerPartBlob"])
        _UPLOADS[data["uploadId"]] += part
        return {**{key: data[key] for key in ("repositoryName", "uploadId")},
                "lastByteReceived": data["partLastByte"]}  # fmt: skip

    def complete_upload(self, data: Data) -> Data:
        content = _UPLOADS.pop(data["uploadId"], b"")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if digest not in data["layerDigests"]:
            raise _Error("InvalidLayerException", "Layer digest does not match the content")
        self.ecr._layer_blobs.setdefault(data["repositoryName"], {})[digest] = content
        return {**{key: data[key] for key in ("repositoryName", "uploadId")},
                "layerDigest": digest}  # fmt: skip

    def put_image(self, data: Data) -> Any:
        name, manifest = data["repositoryName"], _parsed(data["imageManifest"])
        if not manifest:
            raise _Error(
                "InvalidParameterException",
                "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON"
                " syntax'",
            )
        parts = [each["digest"] for each in (manifest.get("config"), *manifest.get("layers", ()))
                 if each]  # fmt: skip
        blobs = self.ecr._layer_blobs.get(name, {})
        if any(each not in blobs for each in parts):
            raise _Error(
                "LayersNotFoundException", f"Layers with digests '{parts}' required for pushing"
                f" image into repository with name '{name}' do not exist",
            )  # fmt: skip
        for each in manifest.get("manifests", ()):
            if not self.ecr._find_image(name, {"imageDigest": each["digest"]}):
                raise _Error(
                    "ReferencedImagesNotFoundException", f"Images with digests '{each['digest']}'"
                    f" required for pushing image into repository with name '{name}' do not exist",
                )  # fmt: skip
        kind = data.get("imageManifestMediaType") or manifest.get("mediaType")
        return self.ecr._put_image({**data, **({"imageManifestMediaType": kind} if kind else {})})


def _parsed(manifest: str) -> Data:
    try:
        data = json.loads(manifest)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
