"""What is deployed: the template's bytes, where a large one goes, and whether it is committed."""

import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workerstack.cloudformation import Parameter, declared_parameters, read
from workerstack.deployer.aws import Clients
from workerstack.deployments import Deployment
from workerstack.deployments.reading import problems
from workerstack.problem import Problem, Refusal


def template_text(body: Any) -> str:
    """A template's text from a GetTemplate answer: botocore gives a JSON template as data."""
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def digest(template: Any) -> str:
    """SHA-256 of a template's bytes, or of what botocore made of them."""
    return hashlib.sha256(template_text(template).encode()).hexdigest()


@dataclass(frozen=True)
class Source:
    """A deployment's template and values, ready to be sent.

    ``origin`` says where they are from: empty for the checkout's files, else an earlier
    deployment (``workerstack.deployer.earlier``).
    """

    deployment: Deployment
    file: str
    text: str
    template: Mapping[str, Any]
    declared: Mapping[str, Parameter]
    origin: str = ""

    @property
    def template_digest(self) -> str:
        """SHA-256 of the template's bytes."""
        return digest(self.text)

    @property
    def not_bound(self) -> tuple[str, ...]:
        """Secret parameters: never shown, hashed or written."""
        return tuple(sorted(name for name, each in self.declared.items() if each.no_echo))

    @property
    def parameters_digest(self) -> str:
        """SHA-256 of the params file's values and tags, the secret ones left out."""
        values = {
            name: value
            for name, value in self.deployment.parameters.items()
            if name not in self.not_bound
        }
        content = json.dumps([values, dict(self.deployment.tags)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

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
    return {
        name: body["Metadata"]["Description"]
        for name, body in template["Resources"].items()
        if isinstance(body, dict) and "Description" in body.get("Metadata", {})
    }


def read_source(deployment: Deployment) -> Source:
    """The deployment's template and checked values.

    Raises Problem where the template is missing, or a value is not allowed.
    """
    place = deployment.source
    file = str(place.data["template-file-path"])
    try:
        text = deployment.template.read_bytes().decode()
    except FileNotFoundError:
        raise Problem(
            f"The template {file} does not exist",
            "only what was generated and committed is deployed",
            "Run `make generate`, or correct the path",
            file=place.file,
            line=place.line(("template-file-path",)),
        ) from None
    return checked_source(deployment, text)


def checked_source(deployment: Deployment, text: str, origin: str = "") -> Source:
    """A template's text with the deployment's values; raises Problem for one not allowed."""
    file = str(deployment.source.data["template-file-path"])
    template = read(text, file).data
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


def check(files: Sequence[Path], root: Path) -> None:
    """Raises Refusal where one of the files is not as it is in git's HEAD."""
    git = ["git", "-C", str(root), "status", "--porcelain", "--ignored", "--untracked-files=all"]
    try:
        found = subprocess.run(
            [*git, "--", *map(str, files)], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise _refusal("Whether it is committed is not known", "git is not installed") from None
    if found.returncode:
        raise _refusal("What would be executed is in no git repository", found.stderr.strip())
    changed = [line[3:] for line in found.stdout.splitlines()]
    if changed:
        raise _refusal(
            f"Not committed: {', '.join(changed)}", "nobody else can see what would be executed"
        )


def _refusal(what: str, why: str) -> Refusal:
    return Refusal(what, why, "Commit first, or execute with --uncommitted")
