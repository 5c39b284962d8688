"""How a template reaches CloudFormation: in the request, or through a bucket of ours."""

from typing import Any

from deployer.clients import Clients
from deployer.source import Source
from problem import Problem, Refusal

INLINE_LIMIT = 51_200
"""Bytes that a template may have in a request (CloudFormation: quotas)."""

LIMIT = 1_000_000
"""Bytes that a template may have at all."""

PREFIX = "fargate-worker-stack"


def placed(source: Source, clients: Clients) -> dict[str, str]:
    """``TemplateBody``, or ``TemplateURL`` of an object that is named by its content.

    Raises Problem where it is too large or no bucket is named, Refusal where the bucket
    belongs to another account. A bucket is never created.
    """
    content = source.text.encode()
    if len(content) <= INLINE_LIMIT:
        return {"TemplateBody": source.text}
    bucket, target = source.deployment.target.template_bucket, source.deployment.target
    if len(content) > LIMIT or not bucket:
        what = f"{LIMIT:,} are the most" if len(content) > LIMIT else "no template-bucket is named"
        raise Problem(
            f"{source.file} has {len(content):,} bytes",
            f"a request holds {INLINE_LIMIT:,}, more goes through S3, and {what}",
            f"Name a bucket of account {target.account} as template-bucket in"
            f" params/{source.deployment.environment}/target.yaml, or split the template",
        )
    key = f"{PREFIX}/{source.template_digest}.template.yaml"
    _put(clients("s3"), bucket, key, content, target.account)
    suffix = "amazonaws.com.cn" if target.region.startswith("cn-") else "amazonaws.com"
    return {"TemplateURL": f"https://s3.{target.region}.{suffix}/{bucket}/{key}"}


def _put(s3: Any, bucket: str, key: str, content: bytes, account: str) -> None:
    from botocore.exceptions import ClientError

    owner = {"Bucket": bucket, "ExpectedBucketOwner": account}
    try:
        s3.head_bucket(**owner)
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        if code in ("403", "AccessDenied"):
            raise Refusal(
                f"The bucket {bucket} is not ours",
                f"account {account} may not use it, or another account owns it",
                "Name a bucket of this account as template-bucket",
            ) from error
        if code in ("404", "NoSuchBucket"):
            raise Problem(
                f"There is no bucket {bucket}",
                "a template of this size goes through it, and none is created for you",
                "Create it, or correct template-bucket in target.yaml",
            ) from error
        raise
    s3.put_object(**owner, Key=key, Body=content, ServerSideEncryption="AES256")
