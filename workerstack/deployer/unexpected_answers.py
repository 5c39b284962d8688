"""Whether what answered was AWS at all: pages of portals and proxies, torn and empty bodies.

botocore parses whatever comes. A page that is well-formed XML, an empty body or JSON without
members become a success with nothing in it, a KeyError or a ResponseParserError, which it
neither retries nor counts among its errors. Here such an answer becomes a failure of HTTP
before it is parsed, in the way in which botocore itself makes failures of S3's errors in
answers of 200 (botocore.handlers): 502 for a torn one, which botocore tries again, and 511 for
one of somebody else, which no second attempt within seconds changes.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

CODE = "UnexpectedAnswer"
"""The error code of an answer that AWS did not give."""

TORN = 502
"""Bad Gateway (RFC 9110, 15.6.3): what came is no whole answer."""

FOREIGN = 511
"""Network Authentication Required (RFC 6585, 6): something on the way answered itself."""

SUCCESS, REDIRECT, FAILED = 300, 300, 500

PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)\b", re.IGNORECASE)
HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(?::\d+)?")

XML = frozenset({"query", "ec2", "rest-xml"})
JSON = frozenset({"json", "rest-json"})

MEMBERS = {
    "BatchGetImage": ("images",),
    "CreateChangeSet": ("Id",),
    "CreateStackRefactor": ("StackRefactorId",),
    "DescribeAccessPoints": ("AccessPoints",),
    "DescribeAlarms": ("MetricAlarms",),
    "DescribeChangeSet": ("ChangeSetId", "ChangeSetName", "StackId", "Status"),
    "DescribeClusters": ("clusters",),
    "DescribeFileSystems": ("FileSystems",),
    "DescribeImages": ("imageDetails",),
    "DescribeKey": ("KeyMetadata",),
    "DescribeLogGroups": ("logGroups",),
    "DescribeMountTargetSecurityGroups": ("SecurityGroups",),
    "DescribeMountTargets": ("MountTargets",),
    "DescribeParameters": ("Parameters",),
    "DescribeRouteTables": ("RouteTables",),
    "DescribeScalableTargets": ("ScalableTargets",),
    "DescribeScalingPolicies": ("ScalingPolicies",),
    "DescribeScheduledActions": ("ScheduledActions",),
    "DescribeSecret": ("ARN",),
    "DescribeSecurityGroups": ("SecurityGroups",),
    "DescribeServiceDeployments": ("serviceDeployments",),
    "DescribeServiceRevisions": ("serviceRevisions",),
    "DescribeServices": ("services",),
    "DescribeStackDriftDetectionStatus": ("DetectionStatus",),
    "DescribeStackEvents": ("StackEvents[].EventId", "StackEvents[].Timestamp"),
    "DescribeStackRefactor": ("Status",),
    "DescribeStackResourceDrifts": ("StackResourceDrifts",),
    "DescribeStacks": ("Stacks[+].StackId", "Stacks[+].StackName", "Stacks[+].StackStatus"),
    "DescribeSubnets": ("Subnets",),
    "DescribeTaskDefinition": ("taskDefinition",),
    "DescribeTasks": ("tasks",),
    "DescribeVpcEndpoints": ("VpcEndpoints",),
    "DescribeVpcs": ("Vpcs",),
    "DetectStackDrift": ("StackDriftDetectionId",),
    "FilterLogEvents": ("events",),
    "GetAWSDefaultServiceQuota": ("Quota",),
    "GetAccountSummary": ("SummaryMap",),
    "GetCallerIdentity": ("Account", "Arn"),
    "GetDownloadUrlForLayer": ("downloadUrl",),
    "GetKeyPolicy": ("Policy",),
    "GetMetricData": ("MetricDataResults",),
    "GetPolicy": ("Policy",),
    "GetPolicyVersion": ("PolicyVersion",),
    "GetQueueAttributes": ("Attributes",),
    "GetQueueUrl": ("QueueUrl",),
    "GetRole": ("Role",),
    "GetRolePolicy": ("PolicyDocument",),
    "GetSecretValue": ("ARN",),
    "GetServiceQuota": ("Quota",),
    "GetTaskProtection": ("protectedTasks",),
    "GetTemplate": ("TemplateBody",),
    "HeadObject": ("ETag", "LastModified"),
    "ListAttachedRolePolicies": ("AttachedPolicies",),
    "ListChangeSets": ("Summaries[].ChangeSetId", "Summaries[].Status"),
    "ListImports": ("Imports",),
    "ListRolePolicies": ("PolicyNames",),
    "ListServiceDeployments": ("serviceDeployments",),
    "ListStackRefactorActions": ("StackRefactorActions",),
    "ListStackResources": (
        "StackResourceSummaries[].LogicalResourceId",
        "StackResourceSummaries[].ResourceType",
        "StackResourceSummaries[].ResourceStatus",
    ),
    "ListTasks": ("taskArns",),
    "RunTask": ("tasks",),
    "SendMessage": ("MessageId",),
    "SimulatePrincipalPolicy": ("EvaluationResults",),
}
"""What each answer always has, by operation, and the commands rely on.

``[]`` is a list, each of whose items has what follows; ``[+]`` is one that is not empty.
Source: the API reference of each service, "Response Elements". GetStackPolicy, for one, has none.
"""


def register(events: Any) -> None:
    """Has every answer looked at; ``events`` are those of a session, before it makes clients."""
    # The more exact name comes first, and botocore's own handlers name only the service.
    events.register_first("before-parse.*.*", _before_parsing)
    events.register_first("needs-retry.*.*", _before_retrying)


def _before_parsing(
    operation_model: Any, response_dict: dict[str, Any], customized_response_dict: Any, **_: Any
) -> None:
    if operation_model.has_streaming_output or operation_model.has_event_stream_output:
        return
    status = response_dict["status_code"]
    fault = fault_of(operation_model, status, response_dict["headers"], response_dict["body"])
    if fault:
        told, message = fault
        # botocore makes an error of its own of an empty body with such a status.
        response_dict.update(status_code=status if status >= FAILED else told, body=b"")
        customized_response_dict["Error"] = {"Code": CODE, "Message": message}


def _before_retrying(response: Any, operation: Any, **_: Any) -> None:
    """The status as it was made here is what decides on another attempt and on success."""
    if response is None:
        return
    http, parsed = response
    if http.status_code < SUCCESS and parsed.get("Error", {}).get("Code") != CODE:
        absent = [each for each in MEMBERS.get(operation.name, ()) if not _has(parsed, each)]
        if not absent:
            return
        parsed["ResponseMetadata"]["HTTPStatusCode"] = TORN
        parsed["Error"] = {"Code": CODE, "Message": f"the answer has no {absent[0]}"}
    if parsed.get("Error", {}).get("Code") == CODE:
        http.status_code = parsed["ResponseMetadata"]["HTTPStatusCode"]


def _has(value: Any, path: str) -> bool:
    name, _, rest = path.partition(".")
    plain = name.rstrip("[]+")
    found = value.get(plain) if isinstance(value, Mapping) else None
    if found is None or (name.endswith("[+]") and not found):
        return False
    return not rest or all(_has(each, rest) for each in found)


def fault_of(
    model: Any, status: int, headers: Mapping[str, str], body: bytes
) -> tuple[int, str] | None:
    """TORN or FOREIGN, and why, where this is no answer of AWS to the operation of ``model``."""
    protocol = model.service_model.resolved_protocol
    if not body.strip():
        return _fault_of_nothing(model, protocol, status, headers)
    if PAGE.match(body):
        return FOREIGN, _said(status, headers, "a page of HTML")
    if protocol in XML:
        return _fault_of_xml(model, protocol, status, headers, body)
    if protocol in JSON:
        return _fault_of_json(status, headers, body)
    return None


def _fault_of_nothing(
    model: Any, protocol: str, status: int, headers: Mapping[str, str]
) -> tuple[int, str] | None:
    """No body: right for HEAD, for what gives nothing back, and for an error that headers name."""
    is_head = model.http.get("method") == "HEAD"
    is_aws = any(name.lower().startswith(("x-amz", "x-amzn")) for name in headers)
    is_page = is_head and "html" in headers.get("content-type", "")
    if not is_aws and (is_page or REDIRECT <= status < 400):  # noqa: PLR2004
        return FOREIGN, _said(status, headers, "a page of HTML" if is_page else "no body")
    if is_head or "x-amzn-errortype" in headers:
        return None
    if status >= SUCCESS:
        return TORN if is_aws else FOREIGN, _said(status, headers, "an empty body")
    shape = model.output_shape
    in_body = [
        each for each in (shape.members.values() if shape else ())
        if not each.serialization.get("location")
    ]  # fmt: skip
    if protocol in ("query", "ec2") or (in_body and protocol != "rest-xml"):
        return TORN, _said(status, headers, "an empty body")
    return None


def _fault_of_xml(
    model: Any, protocol: str, status: int, headers: Mapping[str, str], body: bytes
) -> tuple[int, str] | None:
    try:
        root = ET.fromstring(body)  # noqa: S314 - botocore parses the same with the same parser
    except ET.ParseError:
        if body.lstrip().startswith(b"<"):
            return TORN, _said(status, headers, "half a body")
        return FOREIGN, _said(status, headers, "no XML")
    name = root.tag.rpartition("}")[2]
    if status >= SUCCESS:
        named = root.find("{*}Code" if name == "Error" else ".//{*}Error/{*}Code")
        is_error = named is not None and (named.text or "").strip()
        return None if is_error else (FOREIGN, _said(status, headers, "no error of AWS"))
    wanted = name != "html" if protocol == "rest-xml" else name == f"{model.name}Response"
    if not wanted:
        return FOREIGN, _said(status, headers, "another document")
    wrapper = model.output_shape and model.output_shape.serialization.get("resultWrapper")
    if wrapper and root.find(f"{{*}}{wrapper}") is None:
        return TORN, _said(status, headers, "an answer without a result")
    return None


def _fault_of_json(status: int, headers: Mapping[str, str], body: bytes) -> tuple[int, str] | None:
    try:
        found = json.loads(body)
    except ValueError:
        if body.lstrip().startswith((b"{", b"[")):
            return TORN, _said(status, headers, "half a body")
        return FOREIGN, _said(status, headers, "no JSON")
    if not isinstance(found, dict):
        return FOREIGN, _said(status, headers, "JSON of another kind")
    names = {"__type", "code", "Code", "message", "Message"}
    if status >= SUCCESS and not names & found.keys() and "x-amzn-errortype" not in headers:
        return FOREIGN, _said(status, headers, "no error of AWS")
    return None


def _said(status: int, headers: Mapping[str, str], what: str) -> str:
    """The answer in words; of its own ones, only the host that it sends on to."""
    host = urlsplit(headers.get("location", "")).netloc
    to = f", which sends on to {host}," if HOST.fullmatch(host) else ""
    return f"HTTP {status}{to} with {what}"
