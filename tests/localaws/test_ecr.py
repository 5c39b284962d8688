"""The endpoint's ECR refuses what AWS refuses, and its answers have the shapes of AWS's."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import REGION
from workerstack import localaws
from workerstack.localaws import pushing, walkthrough

NAME = "example/worker"
Client = Callable[[str], Any]


@pytest.fixture
def ecr(client: Client) -> Any:
    client("ecr").create_repository(repositoryName=NAME)
    return client("ecr")


def refused(call: Callable[..., Any], **request: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**request)
    return str(error.value.response["Error"]["Code"])


def test_what_is_not_there_is_refused(ecr: Any) -> None:
    image = {"repositoryName": NAME, "imageIds": [{"imageTag": "v1"}]}
    assert refused(ecr.describe_images, **image) == "ImageNotFoundException"
    elsewhere = {**image, "repositoryName": "example/other"}
    assert refused(ecr.describe_images, **elsewhere) == "RepositoryNotFoundException"
    answer = ecr.batch_get_image(**image)
    assert answer["failures"][0]["failureCode"] == "ImageNotFound"
    layer = {"repositoryName": NAME, "layerDigest": f"sha256:{'0' * 64}"}
    assert refused(ecr.get_download_url_for_layer, **layer) == "LayersNotFoundException"


def test_an_image_without_its_layers_is_not_taken(ecr: Any) -> None:
    manifest = {"schemaVersion": 2, "config": {"digest": f"sha256:{'1' * 64}"}}
    put = {"repositoryName": NAME, "imageTag": "v1", "imageManifest": json.dumps(manifest)}
    assert refused(ecr.put_image, **put) == "LayersNotFoundException"
    manifest = {"schemaVersion": 2, "manifests": [{"digest": f"sha256:{'1' * 64}"}]}
    put["imageManifest"] = json.dumps(manifest)
    assert refused(ecr.put_image, **put) == "ReferencedImagesNotFoundException"


def test_images_come_in_pages(ecr: Any) -> None:
    digests = {pushing.push(ecr, NAME, f"v{number}") for number in range(5)}
    pushing.push(ecr, NAME, None, mark="untagged")
    pages = list(
        ecr.get_paginator("describe_images").paginate(
            repositoryName=NAME, filter={"tagStatus": "TAGGED"}, PaginationConfig={"PageSize": 2}
        )
    )
    assert [len(page["imageDetails"]) for page in pages] == [2, 2, 1]
    assert {each["imageDigest"] for page in pages for each in page["imageDetails"]} == digests
    both = {"repositoryName": NAME, "imageIds": [{"imageTag": "v1"}], "maxResults": 2}
    assert refused(ecr.describe_images, **both) == "InvalidParameterException"


def test_a_scan_is_there_or_not(ecr: Any, account: str) -> None:
    from workerstack.localaws import ecr as registry

    digest = pushing.push(ecr, NAME, "v1")
    image = {"repositoryName": NAME, "imageId": {"imageDigest": digest}}
    assert refused(ecr.describe_image_scan_findings, **image) == "ScanNotFoundException"
    registry.put_scan(f"arn:aws:ecr:{REGION}:{account}:repository/{NAME}", digest, {"HIGH": 2})
    found = ecr.describe_image_scan_findings(**image)["imageScanFindings"]
    assert found["findingSeverityCounts"] == {"HIGH": 2}


def test_another_account_answers_whom_its_policy_names(
    ecr: Any, account: str, endpoint: localaws.Endpoint
) -> None:
    pushing.push(ecr, NAME, "v1")
    other = walkthrough.client("ecr", endpoint.url, "999988887777")
    image = {"registryId": account, "repositoryName": NAME, "imageIds": [{"imageTag": "v1"}]}
    assert refused(other.describe_images, **image) == "AccessDeniedException"
    ecr.set_repository_policy(
        repositoryName=NAME,
        policyText=json.dumps({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::999988887777:root"},
                "Action": ["ecr:DescribeImages"],
            }],
        }),
    )  # fmt: skip
    assert other.describe_images(**image)["imageDetails"][0]["imageTags"] == ["v1"]
    assert refused(other.batch_get_image, **image) == "AccessDeniedException"
