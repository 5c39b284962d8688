"""What is deployed: the template's bytes and the checked values, and where a large one goes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from workerstack.cloudformation import Parameter, declared_parameters, read
from workerstack.deployer.aws import Clients
from workerstack.deployments import Deployment
from workerstack.deployments.reading import left_open, problems
from workerstack.problem import Problem, Refusal
from workerstack.review.model import Step

REMEMBERED = 8
"""How many templates are remembered; going back through git meets the same one many times."""


def template_text(body: Any) -> str:
    """A template's text from a GetTemplate answer: botocore gives a JSON template as data."""
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def digest(template: Any) -> str:
    """SHA-256 of a template's bytes, or of what botocore made of them."""
    return hashlib.sha256(template_text(template).encode()).hexdigest()


def digest_as_answered(text: str, body: Any) -> str:
    """The digest that GetTemplate's answer ``body`` has if it is the template ``text``.

    botocore gives a JSON template as data, so its spacing is lost.
    """
    if isinstance(body, str):
        return digest(text)
    try:
        return digest(json.loads(text))
    except ValueError:
        return digest(text)


@dataclass(frozen=True)
class Source:
    """A deployment's template and values, ready to be sent.

    ``origin`` says where they are from: empty for the checkout's files, else an earlier
    deployment (``workerstack.deployer.earlier``). ``adoption`` is the step of an adoption
    that it is for.
    """

    deployment: Deployment
    file: str
    text: str
    template: Mapping[str, Any]
    declared: Mapping[str, Parameter]
    origin: str = ""
    adoption: Step = ""

    @property
    def template_digest(self) -> str:
        """SHA-256 of the template's bytes."""
        return digest(self.text)

    @property
    def values_digest(self) -> str:
        """SHA-256 of each parameter's value and of the tags; secret parameters are not in it."""
        hidden = self.not_bound
        values = {name: value for name, value in self.values().items() if name not in hidden}
        told = [values, dict(self.deployment.tags)]
        return digest(json.dumps(told, sort_keys=True, ensure_ascii=False))

    @property
    def not_bound(self) -> tuple[str, ...]:
        """Secret parameters: never shown, hashed or written."""
        return tuple(sorted(name for name, each in self.declared.items() if each.no_echo))

    def values(self) -> dict[str, str]:
        """Each declared parameter's value as the API takes it; lists joined by commas."""
        values = {
            name: each.default for name, each in self.declared.items() if each.default is not None
        }
        for name, value in self.deployment.parameters.items():
            values[name] = ",".join(value) if isinstance(value, tuple) else value
        return values

    def descriptions(self) -> dict[str, str]:
        """What each resource is for, from its Metadata."""
        return descriptions_in(self.template)


def descriptions_in(template: Mapping[str, Any]) -> dict[str, str]:
    """The description of each resource that has one in its Metadata."""
    found = {
        name: body.get("Metadata")
        for name, body in template["Resources"].items()
        if isinstance(body, dict)
    }
    return {
        name: metadata["Description"]
        for name, metadata in found.items()
        if isinstance(metadata, dict) and isinstance(metadata.get("Description"), str)
    }


def read_source(deployment: Deployment) -> Source:
    """The deployment's template and checked values.

    Raises Problem where the template is missing, a value is not allowed, or was left open.
    """
    place = deployment.source
    file = str(place.data["template-file-path"])
    try:
        text = deployment.template.read_bytes().decode()
    except UnicodeDecodeError:
        raise Problem(
            f"The template {file} cannot be read", "it is no UTF-8 text", "Save it as UTF-8"
        ) from None
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise Problem(
            f"The template {file} does not exist",
            "only what was generated and committed is deployed",
            "Correct the path from the root of the repository"
            if deployment.of_file
            else "Run `make generate`, or correct the path",
            file=place.file,
            line=place.line(("template-file-path",)),
        ) from None
    for problem in left_open(deployment, declared_parameters(_template(text, file))):
        raise problem
    return checked_source(deployment, text)


@lru_cache(REMEMBERED)
def _template(text: str, file: str) -> Mapping[str, Any]:
    """A template's data, read once: its text is checked with the values of many commits."""
    return read(text, file).data


def checked_source(deployment: Deployment, text: str, origin: str = "") -> Source:
    """A template's text with the deployment's values; raises Problem for one not allowed."""
    file = str(deployment.source.data["template-file-path"])
    template = _template(text, file)
    if not template["Resources"]:
        raise Problem(
            "The template has no resources",
            "CloudFormation takes one resource or more in a template",
            "Write a resource below `Resources`, or delete the stack itself",
            file=deployment.template,
        )
    declared = declared_parameters(template)
    for problem in problems(deployment, declared):
        raise problem
    return Source(deployment, file, text, template, declared, origin)


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
            "Split the template, or deploy it from params/, where target.yaml names a bucket"
            if source.deployment.of_file
            else f"Name a bucket of account {target.account} as template-bucket in"
            f" params/{source.deployment.environment}/target.yaml, or split the template",
        )
    key = f"{PREFIX}/{source.template_digest}.template.yaml"
    _put(clients("s3"), bucket, key, content, target.account)
    suffix = "amazonaws.com.cn" if target.region.startswith("cn-") else "amazonaws.com"
    return {"TemplateURL": f"https://s3.{target.region}.{suffix}/{bucket}/{key}"}


def _put(s3: Any, bucket: str, key: str, content: bytes, account: str) -> None:
    from botocore.exceptions import ClientError

    # Bucket names are everybody's: without it a template could go to whoever took the name first.
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
