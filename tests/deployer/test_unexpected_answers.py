"""Answers that AWS did not give: told apart at one place, and borne by every command."""

from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.utils import parse_timestamp

from bench.deployments import KINDS, _carry_out, _judged, _prepare, checkout
from bench.person import NAME, Person, impatient
from bench.proxy import Faults, Proxy
from bench.unexpected import PAGES, UNEXPECTED
from workerstack import localaws
from workerstack.deployer import rights, unexpected_answers
from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import cause_of
from workerstack.localaws import walkthrough


class Always(Faults):
    """The same fault for every request of an action; ``asked`` are the actions that came."""

    def __init__(self, kind: str, action: str = "") -> None:
        super().__init__(0, 0)
        self.kind, self.action = kind, action
        self.asked: dict[str, None] = {}

    def next(self, action: str) -> str:
        """The fault, where it is this action's."""
        self.asked[action] = None
        return self.kind if self.on and action == self.action else ""


class OnceEach(Always):
    """The same fault for the first request of every action."""

    def next(self, action: str) -> str:
        """The fault, where the action was never asked for."""
        is_new = action not in self.asked
        self.asked[action] = None
        return self.kind if self.on and is_new else ""


def _headers(given: dict[str, str]) -> HTTPHeaders:
    return HTTPHeaders.from_pairs(given.items())


def answered(service: str, operation: str, status: int, headers: dict[str, str], body: bytes,
             **request: Any) -> Any:  # fmt: skip
    """What a client makes of an answer, without a network and without waiting."""
    client = Clients("us-west-2")(service)
    attempts = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        attempts.append(request)
        raw: Any = type("Raw", (), {"stream": lambda _: iter([body])})()
        return AWSResponse(request.url, status, _headers(headers), raw)

    client.meta.events.register("before-send", answer)
    with impatient():
        return getattr(client, operation)(**request)


CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "query": ("cloudformation", "describe_stacks", {}),
    "json": ("ecs", "describe_services", {"services": ["x"]}),
    "ec2": ("ec2", "describe_vpcs", {}),
    "rest-json": ("efs", "describe_file_systems", {}),
    "head": ("s3", "head_object", {"Bucket": "b", "Key": "k"}),
}


@pytest.mark.parametrize("protocol", CALLS)
@pytest.mark.parametrize("kind", PAGES)
def test_no_page_is_an_answer_in_any_protocol(protocol: str, kind: str) -> None:
    service, operation, request = CALLS[protocol]
    status, headers, body = PAGES[kind]
    if protocol == "head":
        body = b""
    with pytest.raises(ClientError) as found:
        answered(service, operation, status, dict(headers), body, **request)
    expected = {"lost"} if protocol != "head" else {"lost", "failed", "refused"}
    assert cause_of(found.value) in expected


@pytest.mark.parametrize(
    ("protocol", "body"),
    [
        ("query", b"<DescribeStacksResponse><DescribeStacksResult/></DescribeStacksResponse>"),
        ("query", b"<DescribeStacksResponse></DescribeStacksResponse>"),
        ("query", b"<DescribeStacksResponse><DescribeStacksResult><Stacks/></DescribeStacksResult>"
         b"</DescribeStacksResponse>"),
        ("query", b"<DescribeStacksResponse><DescribeStacksRes"),
        ("json", b"{}"),
        ("json", b'{"services": ['),
        ("json", b'"services"'),
        ("ec2", b"<DescribeVpcsResponse/>"),
        ("rest-json", b"{}"),
    ],
)  # fmt: skip
def test_an_answer_without_what_it_always_has_is_tried_again_and_then_a_loss(
    protocol: str, body: bytes
) -> None:
    service, operation, request = CALLS[protocol]
    with pytest.raises(ClientError, match="UnexpectedAnswer") as found:
        answered(service, operation, 200, {}, body, **request)
    assert cause_of(found.value) == "lost"
    foreign = body.startswith(b'"')
    attempts = found.value.response["ResponseMetadata"]["RetryAttempts"]
    assert bool(attempts) is not foreign


@pytest.mark.parametrize(
    ("protocol", "status", "headers", "body", "cause"),
    [
        ("query", 400, {}, b"<ErrorResponse><Error><Code>ValidationError</Code><Message>Stack"
         b" with id x does not exist</Message></Error></ErrorResponse>", "refused"),
        ("query", 403, {}, b'<ErrorResponse xmlns="http://a/"><Error><Code>AccessDenied</Code>'
         b"</Error></ErrorResponse>", "refused"),
        ("query", 500, {}, b"<ErrorResponse><Error><Code>InternalFailure</Code></Error>"
         b"</ErrorResponse>", "failed"),
        ("ec2", 403, {}, b"<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error>"
         b"</Errors><RequestID>1</RequestID></Response>", "refused"),
        ("json", 400, {}, b'{"__type": "a#ClusterNotFoundException"}', "refused"),
        ("json", 400, {}, b'{"__type":"ThrottlingException","message":"Rate exceeded"}',
         "throttled"),
        ("rest-json", 404, {"x-amzn-errortype": "FileSystemNotFound"}, b"{}", "refused"),
        ("head", 404, {"x-amz-request-id": "1"}, b"", "refused"),
        ("head", 403, {"x-amz-request-id": "1", "content-type": "application/xml"}, b"",
         "refused"),
    ],
)  # fmt: skip
def test_errors_of_aws_stay_what_they_are(
    protocol: str, status: int, headers: dict[str, str], body: bytes, cause: str
) -> None:
    service, operation, request = CALLS[protocol]
    with pytest.raises(ClientError) as found:
        answered(service, operation, status, headers, body, **request)
    assert cause_of(found.value) == cause


@pytest.mark.parametrize(
    ("protocol", "headers", "body"),
    [
        # A wrong content type over the right answer is only unusual.
        ("query", {"content-type": "text/html"},
         b"<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>x</StackName>"
         b"<StackId>i</StackId><StackStatus>CREATE_COMPLETE</StackStatus></member></Stacks>"
         b"</DescribeStacksResult></DescribeStacksResponse>"),
        ("json", {"content-type": "text/plain"}, b'{"services": []}'),
        ("ec2", {}, b"<DescribeVpcsResponse><vpcSet/></DescribeVpcsResponse>"),
        ("rest-json", {}, b'{"FileSystems": []}'),
        ("head", {"etag": '"1"', "last-modified": "Wed, 21 Oct 2015 07:28:00 GMT",
                  "content-type": "text/html", "x-amz-request-id": "1"}, b""),
    ],
)  # fmt: skip
def test_answers_of_aws_stay_what_they_are(
    protocol: str, headers: dict[str, str], body: bytes
) -> None:
    service, operation, request = CALLS[protocol]
    assert answered(service, operation, 200, headers, body, **request)


def test_every_operation_and_member_of_the_table_exists() -> None:
    session: Any = boto3.Session(region_name="us-west-2")
    services = (
        "cloudformation", "ecs", "sqs", "logs", "iam", "ec2", "efs", "secretsmanager", "s3", "sts",
        "application-autoscaling", "cloudwatch", "ecr", "kms", "ssm", "service-quotas",
    )  # fmt: skip
    models = [session.client(each).meta.service_model for each in services]
    for name, paths in unexpected_answers.MEMBERS.items():
        found_in = {each.service_name: each.operation_model(name).output_shape for each in models
                    if name in each.operation_names}  # fmt: skip
        if name == "DescribeImages":
            del found_in["ec2"]  # which is not asked for its images
        [shape] = found_in.values()
        for path in paths:
            found = shape
            for part in path.split("."):
                found = getattr(found, "member", found).members[part.rstrip("[]+")]


@pytest.mark.parametrize(
    "told",
    [
        "2026-11-28T12:00:00.123Z", "2026-11-28T12:00:00Z", "2026-11-28T14:00:00.123456+02:00",
        "20261128T120000Z", "2026-11-28", "20261128", "1732800000", "1732800000.5",
        "Sat, 28 Nov 2026 12:00:00 GMT",
    ],
)  # fmt: skip
def test_times_are_read_as_botocore_reads_them(told: str) -> None:
    body = (
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackId>i</StackId>"
        f"<StackName>n</StackName><StackStatus>s</StackStatus><CreationTime>{told}</CreationTime>"
        "</member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    )
    headers = {"content-type": "text/xml"}
    answer = answered("cloudformation", "describe_stacks", 200, headers, body.encode())
    found, wanted = answer["Stacks"][0]["CreationTime"], parse_timestamp(told)
    assert (found, found.utcoffset()) == (wanted, wanted.utcoffset())


RELIED_ON_FOR_NOTHING = {
    # What they answer is not read,
    "CancelUpdateStack", "ChangeMessageVisibility", "ContinueUpdateRollback", "DeleteChangeSet",
    "DeleteMessage", "DeleteStack", "ExecuteChangeSet", "ExecuteStackRefactor", "PassRole",
    "PutObject", "RegisterScalableTarget", "RollbackStack", "SetStackPolicy", "StopTask",
    "UpdateService", "UpdateTerminationProtection",
    # or may be missing from it,
    "DescribeChangeSetHooks", "DescribeEvents", "DescribeImageScanFindings", "DescribeType",
    "GetHookResult", "GetStackPolicy", "GetTemplateSummary", "ListHookResults", "ReceiveMessage",
    # or they are rights that HeadBucket and HeadObject take.
    "GetObject", "ListBucket",
}  # fmt: skip


def test_every_operation_that_is_called_is_looked_at() -> None:
    """A new one whose answer has no member would else be a KeyError, or look like nothing found."""
    called = {each.action.partition(":")[2] for each in rights.RIGHTS}
    assert called - unexpected_answers.MEMBERS.keys() == RELIED_ON_FOR_NOTHING


@pytest.mark.parametrize(
    ("service", "operation", "request_"),
    [
        ("ecr", "get_download_url_for_layer", {"repositoryName": "ab", "layerDigest": "d"}),
        ("ecr", "describe_images", {"repositoryName": "ab"}),
        ("ecs", "run_task", {"taskDefinition": "t"}),
        ("ecs", "describe_service_revisions", {"serviceRevisionArns": ["a"]}),
    ],
)
def test_an_answer_without_its_member_is_none(
    service: str, operation: str, request_: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match="the answer has no"):
        answered(service, operation, 200, {"content-type": "application/json"}, b"{}", **request_)


@pytest.fixture
def person(tmp_path: Path, endpoint: localaws.Endpoint, account: str, request: Any) -> Any:
    faults = request.param
    with Proxy(endpoint.url, faults) as proxy, impatient():
        kind = KINDS["update"]
        one = Person(checkout(tmp_path, account, kind), proxy)
        client = walkthrough.client("cloudformation", endpoint.url, account)
        _prepare(client, kind)
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("AWS_ENDPOINT_URL", proxy.url)
            yield one, client, kind


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9", "AWS cannot be reached"),
        ("http://nowhere.invalid", "AWS cannot be reached"),
        ("https://127.0.0.1:{port}", "name its certificate in AWS_CA_BUNDLE"),
    ],
)
def test_a_network_that_is_not_there_is_one_clear_error(
    url: str, said: str, tmp_path: Path, endpoint: localaws.Endpoint, account: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    port = endpoint.url.rpartition(":")[2]
    monkeypatch.setenv("AWS_ENDPOINT_URL", url.format(port=port))
    with Proxy(endpoint.url, Faults(0, 0)) as proxy, impatient():
        one = Person(checkout(tmp_path, account, KINDS["update"]), proxy)
        assert one.run("review", NAME) == 1
    assert said in one.said
    assert len(one.said.splitlines()) == 1


READING = (
    "GetCallerIdentity", "DescribeStacks", "GetTemplateSummary",
    "CreateChangeSet", "DescribeChangeSet", "GetTemplate",
)  # fmt: skip
PAIRS = [Always(kind, READING[number % len(READING)]) for number, kind in enumerate(UNEXPECTED)] + [
    Always("portal", each) for each in READING
]


@pytest.mark.parametrize(
    "person", PAIRS, indirect=True, ids=lambda each: f"{each.action} {each.kind}"
)
def test_while_reading_it_is_one_clear_error(person: Any) -> None:
    one, _, _ = person
    code = one.run("review", NAME, "--output", one.review)
    faults = one.proxy.faults
    assert faults.action in faults.asked
    if faults.kind == "bare" and faults.action in ("GetTemplateSummary",):
        return  # it may truly have nothing to say
    assert code == (4 if faults.action == "DescribeChangeSet" else 1), one.said
    assert "is not AWS" in one.said
    assert "refused" not in one.said
    assert len(one.said.splitlines()) == 1


@pytest.mark.parametrize(
    "person",
    [OnceEach(kind) for kind in UNEXPECTED[::4]]
    + [OnceEach(f"{kind} after") for kind in UNEXPECTED],
    indirect=True,
    ids=lambda each: each.kind,
)
def test_each_call_of_a_deployment_meets_each_page_once(person: Any) -> None:
    one, client, kind = person
    _carry_out("update", one)
    assert not _judged(client, one, kind)


@pytest.mark.parametrize(
    "person", [Always(kind, "DescribeStackEvents") for kind in ("portal", "torn", "gateway")],
    indirect=True, ids=lambda each: each.kind,
)  # fmt: skip
def test_while_it_runs_we_poll_on_and_then_detach(person: Any) -> None:
    one, client, kind = person
    one.proxy.faults.on = False
    assert one.run("review", NAME, "--output", one.review) == 2
    one.proxy.on_request = lambda action: _break(one, action)
    assert one.run("execute", one.review, "--yes", "--uncommitted") == 4, one.said
    assert f"./deploy.py watch {NAME}" in one.said
    one.proxy.on_request = lambda _: None
    one.proxy.quiet()
    assert one.run("watch", NAME) == 0
    assert not _judged(client, one, kind)


def _break(one: Person, action: str) -> None:
    """From the execution on."""
    if action == "ExecuteChangeSet":
        one.proxy.faults.on = True
