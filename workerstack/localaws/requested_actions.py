"""The actions that a request to the endpoint asks of IAM: the action, the resources, the context.

Most calls ask for the action of their own name, on the resource that they name; the exceptions
are here. Source: Service Authorization Reference, each service's page.
"""

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from workerstack.cloudformation.service_authorization import scope
from workerstack.localaws import refactoring

SCOPE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
PREFIXES = {"monitoring": "cloudwatch"}
"""Signing names that are not the prefix of the service's actions."""

FREE = frozenset({"sts:GetCallerIdentity"})
"""What needs no right (STS API reference)."""


@dataclass(frozen=True)
class AskedAction:
    """One action on one resource."""

    action: str
    resource: str = "*"
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SignedRequest:
    """A signed request, as the edge sees it."""

    key: str
    region: str
    signed_for: str
    method: str
    path: str
    headers: Mapping[str, str]
    parameters: Mapping[str, Any]
    account: str = ""

    @property
    def service(self) -> str:
        """The prefix of its actions."""
        return PREFIXES.get(self.signed_for, self.signed_for)

    def arn(self, rest: str, service: str = "") -> str:
        """An ARN in its account and region."""
        return f"arn:aws:{service or self.service}:{self.region}:{self.account}:{rest}"

    def text(self, name: str) -> str:
        """A parameter as text; empty where it is not given."""
        return str(self.parameters.get(name) or "")

    def listed(self, name: str) -> list[str]:
        """A list of texts, in JSON or as `Name.member.1`, `Name.1`."""
        found = self.parameters.get(name)
        if isinstance(found, list):
            return [str(each) for each in found]
        numbered = re.compile(rf"{name}(?:\.member)?\.\d+")
        return [str(each) for key, each in self.parameters.items() if numbered.fullmatch(key)]


def read(
    method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> SignedRequest | None:
    """The request; None where it is not signed as AWS's clients do."""
    found = SCOPE.search(headers.get("authorization", ""))
    if found is None:
        return None
    key, region, signed_for = found.groups()
    parameters: dict[str, Any] = dict(parse_qsl(query, keep_blank_values=True))
    kind = headers.get("content-type", "")
    if "gzip" in headers.get("content-encoding", ""):
        # So botocore sends what is longer than 10 KiB, where the service takes it.
        body = gzip.decompress(body)
    if "x-www-form-urlencoded" in kind:
        parameters |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    elif "x-amz-json" in kind:
        parameters |= json.loads(body or b"{}")
    elif "cbor" in kind:
        parameters |= _cbor(body)
    return SignedRequest(key, region, signed_for, method, unquote(path), headers, parameters)


def _cbor(body: bytes) -> dict[str, Any]:
    """What botocore sends to CloudWatch; it reads its own format."""
    import io

    from botocore.parsers import RpcV2CBORParser

    parser: Any = RpcV2CBORParser()
    stream = io.BufferedReader(io.BytesIO(body))
    found = parser.parse_data_item(stream) if body else {}
    return dict(found)


def operation(request: SignedRequest) -> str:
    """The API's name of the call."""
    target = request.headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2]
    if request.text("Action"):
        return request.text("Action")
    if "/operation/" in request.path:
        return request.path.rpartition("/")[2]
    for method, path, name in ROUTES.get(request.service, ()):
        if method == request.method and re.fullmatch(path, request.path):
            return name
    return f"{request.method} {request.path}"


ROUTES = {
    "s3": (
        ("HEAD", "/[^/]+/?", "HeadBucket"),
        ("HEAD", "/[^/]+/.+", "HeadObject"),
        ("GET", "/[^/]+/.+", "GetObject"),
        ("PUT", "/[^/]+/.+", "PutObject"),
    ),
    "elasticfilesystem": (
        ("GET", "/2015-02-01/file-systems/?", "DescribeFileSystems"),
        ("GET", "/2015-02-01/access-points/?", "DescribeAccessPoints"),
        ("GET", "/2015-02-01/mount-targets/?", "DescribeMountTargets"),
        (
            "GET",
            "/2015-02-01/mount-targets/[^/]+/security-groups",
            "DescribeMountTargetSecurityGroups",
        ),
    ),
}
"""The calls of REST services that this project makes."""

OTHER_NAMES = {"s3:HeadBucket": "s3:ListBucket", "s3:HeadObject": "s3:GetObject"}


def questions(request: SignedRequest) -> Iterator[AskedAction]:
    """All that must be allowed before the call is."""
    name = f"{request.service}:{operation(request)}"
    if name in FREE:
        return
    action = OTHER_NAMES.get(name, name)
    if not scope(action, "aws", request.region, request.account).all:
        yield AskedAction(action)
    else:
        yield from RESOURCES.get(request.service, _unknown)(request, action)
    if request.service == "cloudformation":
        yield from _passed(request)
        yield from _fetched(request)


Asking = Callable[[SignedRequest, str], Iterator[AskedAction]]


def _unknown(_: SignedRequest, action: str) -> Iterator[AskedAction]:
    """No one knows here what the call is on: only a right on everything will do."""
    yield AskedAction(action)


def _stack(request: SignedRequest, action: str) -> Iterator[AskedAction]:
    name = stack_name(request)
    yield AskedAction(action, request.arn(f"stack/{name}/*"), {"cloudformation:RoleArn": None})


def stack_name(request: SignedRequest) -> str:
    """The stack that a call of CloudFormation is about; a change set belongs to one."""
    name = request.text("StackName") or request.text("StackDefinitions.member.1.StackName")
    if request.text("StackRefactorId"):
        name = refactoring.stack_of(
            request.text("StackRefactorId"), request.account, request.region
        )
    if not name and request.text("ChangeSetName"):
        from ministack.core.responses import request_scope
        from ministack.services.cloudformation import changesets

        with request_scope(request.account, request.region):
            _, found = changesets._find_change_set(request.text("ChangeSetName"))
        name = found["StackName"] if found else "*"
    return name.split("/")[1] if name.startswith("arn:") else name or "*"


def _passed(request: SignedRequest) -> Iterator[AskedAction]:
    """Whoever names a role for CloudFormation passes it (IAM User Guide, "PassRole")."""
    role = request.text("RoleARN")
    if role:
        yield AskedAction(
            "iam:PassRole", role, {"iam:PassedToService": "cloudformation.amazonaws.com"}
        )


def _fetched(request: SignedRequest) -> Iterator[AskedAction]:
    """CloudFormation reads a template from S3 with the caller's rights (CreateChangeSet)."""
    url = request.text("TemplateURL")
    if url:
        bucket_and_key = url.split("/", 3)[3]
        yield AskedAction(
            "s3:GetObject",
            f"arn:aws:s3:::{bucket_and_key}",
            {"s3:ResourceAccount": request.account},
        )


def _ecs(request: SignedRequest, action: str) -> Iterator[AskedAction]:
    cluster = request.text("cluster").rpartition("/")[2] or "default"
    context = {"ecs:cluster": request.arn(f"cluster/{cluster}")}
    if action == "ecs:ListTasks":
        yield AskedAction(action, request.arn(f"container-instance/{cluster}/*"), context)
        return
    if action in ("ecs:DescribeServiceRevisions", "ecs:DescribeServiceDeployments"):
        yield from _parts_of_services(request, action)
        return
    kind, names = "service", request.listed("services") or [request.text("service")]
    if action in ("ecs:DescribeTasks", "ecs:GetTaskProtection"):
        kind, names = "task", request.listed("tasks")
    elif action == "ecs:StopTask":
        kind, names = "task", [request.text("task")]
    elif action == "ecs:RunTask":
        yield from _runs(request, context)
        return
    elif action == "ecs:DescribeClusters":
        kind, names = "cluster", request.listed("clusters")
    for name in names:
        own = name.rpartition("/")[2]
        rest = f"cluster/{own}" if kind == "cluster" else f"{kind}/{cluster}/{own}"
        yield AskedAction(action, request.arn(rest), context)


def _parts_of_services(request: SignedRequest, action: str) -> Iterator[AskedAction]:
    """Revisions, each with its service, and deployments, which are asked for by their ARN."""
    for arn in request.listed("serviceRevisionArns"):
        yield AskedAction(action, arn)
        yield AskedAction(action, arn.replace(":service-revision/", ":service/").rpartition("/")[0])
    for arn in request.listed("serviceDeploymentArns"):
        yield AskedAction(action, arn)


def _runs(request: SignedRequest, context: Mapping[str, Any]) -> Iterator[AskedAction]:
    """A task is run of a task definition, and its roles are passed to ECS (RunTask)."""
    from ministack.core.responses import request_scope
    from ministack.services import ecs

    own = request.text("taskDefinition").rpartition("/")[2]
    yield AskedAction("ecs:RunTask", request.arn(f"task-definition/{own}"), context)
    with request_scope(request.account, request.region):
        found = ecs._task_defs.get(ecs._resolve_td_key(own)) or {}
    passed = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    for name in ("taskRoleArn", "executionRoleArn"):
        if found.get(name):
            yield AskedAction("iam:PassRole", str(found[name]), passed)


def _ecr(request: SignedRequest, action: str) -> Iterator[AskedAction]:
    account = request.text("registryId") or request.account
    name = request.text("repositoryName")
    yield AskedAction(action, f"arn:aws:ecr:{request.region}:{account}:repository/{name}")


def _sqs(request: SignedRequest, action: str) -> Iterator[AskedAction]:
    name = request.text("QueueName") or request.text("QueueUrl").rpartition("/")[2]
    yield AskedAction(action, request.arn(name))


def _logs(request: SignedRequest, action: str) -> Iterator[AskedAction]:
    name = request.text("logGroupName") or request.text("logGroupIdentifier")
    yield AskedAction(action, request.arn(f"log-group:{name}:log-stream:"))


def _cloudwatch(request: SignedRequest, action: str) -> Iterator[AskedAction]:
    for name in request.listed("AlarmNames") or ["*"]:
        yield AskedAction(action, request.arn(f"alarm:{name}"))


def _iam(request: SignedRequest, action: str) -> Iterator[AskedAction]:
    named = request.text("PolicySourceArn") or request.text("PolicyArn")
    yield AskedAction(action, named or _role(request) or "*")


def _role(request: SignedRequest) -> str:
    """The ARN of the role of a name, with its path; empty where the call names none."""
    name = request.text("RoleName")
    if not name:
        return ""
    from ministack.core.responses import request_scope
    from ministack.services import iam

    with request_scope(request.account, request.region):
        role = iam._roles.get(name)
    return str(role["Arn"]) if role else f"arn:aws:iam::{request.account}:role/{name}"


def _secret(request: SignedRequest, action: str) -> Iterator[AskedAction]:
    yield AskedAction(action, request.text("SecretId"))


def _scaling(request: SignedRequest, action: str) -> Iterator[AskedAction]:
    context = {
        "application-autoscaling:service-namespace": request.text("ServiceNamespace"),
        "application-autoscaling:scalable-dimension": request.text("ScalableDimension"),
    }
    yield AskedAction(action, request.arn("scalable-target/0ec5"), context)


def _s3(request: SignedRequest, action: str) -> Iterator[AskedAction]:
    bucket, _, key = request.path.lstrip("/").partition("/")
    resource = f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")
    yield AskedAction(action, resource, {"s3:ResourceAccount": request.account})


def _file_system(request: SignedRequest, action: str) -> Iterator[AskedAction]:
    system = request.text("FileSystemId")
    if request.text("AccessPointId"):
        yield AskedAction(action, request.arn(f"access-point/{request.text('AccessPointId')}"))
        return
    if not system:
        from ministack.core.responses import request_scope
        from ministack.services import efs

        with request_scope(request.account, request.region):
            target = efs._mount_targets.get(request.path.split("/")[3])
        system = target["FileSystemId"] if target else "*"
    yield AskedAction(action, request.arn(f"file-system/{system}"))


RESOURCES: dict[str, Asking] = {
    "application-autoscaling": _scaling,
    "cloudformation": _stack,
    "cloudwatch": _cloudwatch,
    "ecr": _ecr,
    "ecs": _ecs,
    "elasticfilesystem": _file_system,
    "iam": _iam,
    "logs": _logs,
    "s3": _s3,
    "secretsmanager": _secret,
    "sqs": _sqs,
}
"""How a service's calls name what they are on."""
