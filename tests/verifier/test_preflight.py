"""Each need is looked for before anything is executed: what is there, what is not, what is not
known."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from tests.commands.test_deploy import NAME, change
from tests.conftest import REGION, Run
from tests.smoke_worker import LOG_GROUP, QUEUE
from workerstack import deployments
from workerstack.deployer.aws import Clients
from workerstack.localaws import Endpoint, authorization, pushing, service_quotas, surroundings
from workerstack.verifier import asking
from workerstack.verifier.check import Verdict
from workerstack.verifier.preflight import preflight

Client = Callable[[str], Any]
REPOSITORY = "webordinary/claude-code-astro"
TEMPLATE = "out/webordinary-edit.template.yaml"
SECRET = "ValueFrom: !Ref GitHubTokenSecretArn"  # noqa: S105 - a place in the template


class World:
    """What a fault can change: the account, and the checkout."""

    def __init__(
        self, client: Client, account: str, things: surroundings.Surroundings, checkout: Path
    ) -> None:
        self.client, self.account, self.things = client, account, things
        self.checkout = checkout
        self.queue = client("sqs").get_queue_url(QueueName=QUEUE)["QueueUrl"]

    def template(self, old: str, new: str) -> None:
        change(self.checkout, old, new, TEMPLATE)

    def value(self, line: str) -> None:
        change(self.checkout, "tags:\n", f"  {line}\ntags:\n")

    def key(self, **more: Any) -> str:
        return str(self.client("kms").create_key(**more)["KeyMetadata"]["Arn"])

    def secret_under(self, key: str) -> None:
        manager = self.client("secretsmanager")
        manager.update_secret(SecretId=self.things.secret_arn, KmsKeyId=key)


@pytest.fixture
def world(client: Client, account: str, things: surroundings.Surroundings, checkout: Path) -> World:
    return World(client, account, things, checkout)


def looked_at(world: World, clients: Clients) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    for each in preflight(deployments.load(NAME, world.checkout), clients):
        found.setdefault(each.id, []).append(each)
    return found


def test_all_that_is_needed_is_there_and_it_takes_no_time(world: World, clients: Clients) -> None:
    looked_at(world, clients)  # the models of ten services are read once a process
    began = time.monotonic()
    found = looked_at(world, clients)
    taken = time.monotonic() - began
    assert {each.status for rows in found.values() for each in rows} == {"PASS"}, found
    assert set(found) == {
        "image", "secret", "log-group", "queue", "dead-letters", "subnets", "way-out",
        "file-system", "nfs", "access-point", "vcpu-quota", "rule-quota", "role-quota",
    }  # fmt: skip
    assert found["image"][0].evidence == "claude-code-astro:latest exists, for linux/amd64"
    assert found["way-out"][0].evidence == "through an internet gateway, with a public address"
    assert taken < 3, taken


def other_tag(world: World) -> None:
    world.value("ImageReference: :nosuch")


def no_repository(world: World) -> None:
    world.value("ImageRepository: none/such")


def other_processor(world: World) -> None:
    pushing.push(world.client("ecr"), REPOSITORY, "latest", platform="linux/arm64")


def other_processors(world: World) -> None:
    pushing.push_index(world.client("ecr"), REPOSITORY, "latest", ["linux/arm64", "linux/s390x"])


def no_secret(world: World) -> None:
    world.client("secretsmanager").delete_secret(
        SecretId=world.things.secret_arn, ForceDeleteWithoutRecovery=True
    )


def deleted_secret(world: World) -> None:
    world.client("secretsmanager").delete_secret(
        SecretId=world.things.secret_arn, RecoveryWindowInDays=7
    )


def no_json(world: World) -> None:
    world.template(SECRET, 'ValueFrom: !Sub "${GitHubTokenSecretArn}:password::"')


def no_json_key(world: World) -> None:
    no_json(world)
    world.client("secretsmanager").put_secret_value(
        SecretId=world.things.secret_arn, SecretString='{"token": "very secret"}'
    )


def customer_key(world: World) -> None:
    world.secret_under(world.key())


def closed_key(world: World) -> None:
    """The role may, and the key's policy lets somebody else in alone."""
    other = {"AWS": f"arn:aws:iam::{world.account}:role/other"}
    statement = {"Effect": "Allow", "Principal": other, "Action": "kms:*", "Resource": "*"}
    key = world.key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    world.secret_under(key)
    world.template(
        "        - Action:\n          - secretsmanager:GetSecretValue",
        "        - Action:\n          - kms:Decrypt\n          Effect: Allow\n          Resource:\n"
        f"          - {key}\n        - Action:\n          - secretsmanager:GetSecretValue",
    )


def disabled_key(world: World) -> None:
    key = world.key()
    world.secret_under(key)
    world.client("kms").disable_key(KeyId=key)


def no_parameter(world: World) -> None:
    world.template(SECRET, "ValueFrom: /webordinary/token")


def foreign_log_group(world: World) -> None:
    world.client("logs").create_log_group(logGroupName=LOG_GROUP)


def no_queue(world: World) -> None:
    world.client("sqs").delete_queue(QueueUrl=world.queue)


def short_timeout(world: World) -> None:
    world.template(
        "      Worker:\n        Protection",
        "      Worker:\n        LongestJob: 3600\n        Protection",
    )


def denying_policy(world: World) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "sqs:Receive*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.client("sqs").set_queue_attributes(QueueUrl=world.queue, Attributes={"Policy": policy})


def no_dead_letters(world: World) -> None:
    sqs = world.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{world.account}:dead"
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})
    sqs.set_queue_attributes(QueueUrl=world.queue, Attributes={"RedrivePolicy": redrive})
    sqs.delete_queue(QueueUrl=dead)


def no_subnet(world: World) -> None:
    change(world.checkout, world.things.subnet_ids[0], "subnet-0123456789abcdef0")


def other_vpc(world: World) -> None:
    other = world.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    change(world.checkout, world.things.vpc_id, other)


def private(world: World) -> None:
    world.value("AssignPublicIp: DISABLED")


def no_mount_target(world: World) -> None:
    efs = world.client("efs")
    for each in efs.describe_mount_targets(FileSystemId=world.things.file_system_id)[
        "MountTargets"
    ]:
        if each["SubnetId"] == world.things.subnet_ids[1]:
            efs.delete_mount_target(MountTargetId=each["MountTargetId"])


def no_file_system(world: World) -> None:
    change(world.checkout, world.things.file_system_id, "fs-0123456789abcdef0")


def closed_mount_target(world: World) -> None:
    efs = world.client("efs")
    [target, *_] = efs.describe_mount_targets(FileSystemId=world.things.file_system_id)[
        "MountTargets"
    ]
    efs.modify_mount_target_security_groups(
        MountTargetId=target["MountTargetId"],
        SecurityGroups=[world.things.load_balancer_security_group_id],
    )


def other_access_point(world: World) -> None:
    efs = world.client("efs")
    system = efs.create_file_system(CreationToken="other")["FileSystemId"]
    point = efs.create_access_point(ClientToken="other", FileSystemId=system)["AccessPointId"]
    change(world.checkout, world.things.access_point_id, point)


def no_bucket(world: World) -> None:
    world.template(
        "!Sub arn:${AWS::Partition}:s3:::edit.*.webordinary.com/*",
        f"arn:aws:s3:::none-{world.account}/*",
    )


def few_vcpus(world: World) -> None:
    service_quotas.limit(world.account, REGION, "fargate", "L-3032A538", 6)


def many_rules(world: World) -> None:
    group = world.things.file_system_security_group_id
    world.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[{
        "IpProtocol": "tcp", "FromPort": 2049, "ToPort": 2049,
        "IpRanges": [{"CidrIp": f"10.20.{number}.0/24"} for number in range(60)],
    }])  # fmt: skip


FAULTS: Mapping[Callable[[World], None], tuple[str, str]] = {
    other_tag: ("image", "claude-code-astro:nosuch is not in its repository"),
    no_repository: ("image", "there is no repository none/such"),
    other_processor: ("image", "is for linux/arm64, and the task runs on linux/amd64"),
    other_processors: ("image", "is for linux/arm64, linux/s390x"),
    no_secret: ("secret", "does not exist"),
    deleted_secret: ("secret", "is marked for deletion"),
    no_json: ("secret", "is not a JSON object"),
    no_json_key: ("secret", "has no JSON key password"),
    customer_key: ("secret", "ExecutionRole may not decrypt with it"),
    closed_key: ("secret", "does not let ExecutionRole use it"),
    disabled_key: ("secret", "which is Disabled"),
    no_parameter: ("parameter", "the SSM parameter /webordinary/token does not exist"),
    foreign_log_group: ("log-group", "exists already, and is not this stack's"),
    no_queue: ("queue", "the queue webordinary-email-queue does not exist"),
    short_timeout: ("queue", "is 30 s, and the longest job takes 3600 s"),
    denying_policy: ("queue", "denies the task role sqs:ReceiveMessage"),
    no_dead_letters: ("dead-letters", "the dead-letter queue dead of"),
    no_subnet: ("subnets", "subnet-0123456789abcdef0"),
    other_vpc: ("subnets", "and the security group is in"),
    private: ("way-out", "VPC endpoints are missing for ecr.api, ecr.dkr, s3, logs"),
    no_mount_target: ("file-system", "has no mount target in us-west-2"),
    no_file_system: ("file-system", "fs-0123456789abcdef0 does not exist"),
    closed_mount_target: ("nfs", "does not let the tasks in on TCP 2049"),
    other_access_point: ("access-point", "is an access point of"),
    no_bucket: ("bucket", "does not exist"),
    few_vcpus: ("vcpu-quota", "take 10 vCPUs, and the account's quota of Fargate On-Demand is 6"),
    many_rules: ("rule-quota", "has 60 inbound rules, and the account's quota is 60"),
}
"""Each fault, the need that is not met, and what is said."""


ROUNDS = (
    (no_repository, no_secret, foreign_log_group, no_queue, private, no_mount_target,
     other_access_point, few_vcpus, many_rules, no_bucket),
    (other_tag, deleted_secret, short_timeout, no_subnet),
    (other_processor, no_json, no_dead_letters, other_vpc),
    (other_processors, no_json_key, no_file_system),
    (customer_key, closed_mount_target),
    (closed_key,),
    (disabled_key, denying_policy),
    (no_parameter,),
)  # fmt: skip
"""Faults that are there together: each row finds its own, whatever else is wrong."""


def test_each_fault_has_its_round() -> None:
    assert {each for one in ROUNDS for each in one} == set(FAULTS)


@pytest.mark.parametrize("faults", ROUNDS, ids=lambda faults: faults[0].__name__)
def test_what_is_not_there_is_said(
    world: World, clients: Clients, faults: tuple[Callable[[World], None], ...]
) -> None:
    for fault in faults:
        fault(world)
    found = looked_at(world, clients)
    service_quotas.forget()
    for fault in faults:
        wanted, said = FAULTS[fault]
        red = [each for each in found.get(wanted, ()) if each.status == "FAIL"]
        assert len(red) == 1, (fault.__name__, found)
        assert said in red[0].evidence, fault.__name__
        assert red[0].next_step
    assert "very secret" not in str(found)


def test_a_proxy_that_says_no_is_not_the_owner_of_a_bucket(world: World, clients: Clients) -> None:
    no_bucket(world)
    world.client("s3").create_bucket(
        Bucket=f"none-{world.account}", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    first: list[str] = []

    def page(request: Any, **_: Any) -> AWSResponse | None:
        if first:
            return None
        first.append(request.url)
        headers = HTTPHeaders.from_pairs([("Content-Type", "text/html")])
        raw: Any = type("Raw", (), {"stream": lambda _: iter([b""])})()
        return AWSResponse(request.url, 403, headers, raw)

    clients("s3").meta.events.register("before-send.s3.HeadBucket", page)
    [bucket] = looked_at(world, clients)["bucket"]
    assert (len(first), bucket.status) == (1, "SKIP"), bucket


def gateway_endpoints(world: World) -> None:
    """No public address, and an endpoint for each service that a task calls."""
    private(world)
    ec2 = world.client("ec2")
    for name in ("ecr.api", "ecr.dkr", "logs", "secretsmanager", "sqs"):
        ec2.create_vpc_endpoint(
            VpcId=world.things.vpc_id, ServiceName=f"com.amazonaws.{REGION}.{name}",
            VpcEndpointType="Interface", SubnetIds=list(world.things.subnet_ids),
        )  # fmt: skip
    tables = ec2.describe_route_tables()["RouteTables"]
    ec2.create_vpc_endpoint(
        VpcId=world.things.vpc_id, ServiceName=f"com.amazonaws.{REGION}.s3",
        VpcEndpointType="Gateway", RouteTableIds=[each["RouteTableId"] for each in tables],
    )  # fmt: skip


def nat_gateway(world: World) -> None:
    private(world)
    ec2 = world.client("ec2")
    made = ec2.create_nat_gateway(SubnetId=world.things.subnet_ids[0], AllocationId="eipalloc-1")
    gateway = made["NatGateway"]["NatGatewayId"]
    table = ec2.create_route_table(VpcId=world.things.vpc_id)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)
    for old in ec2.describe_route_tables()["RouteTables"]:
        for each in old["Associations"]:
            if each.get("SubnetId") in world.things.subnet_ids:
                ec2.replace_route_table_association(
                    AssociationId=each["RouteTableAssociationId"], RouteTableId=table
                )


def json_key_there(world: World) -> None:
    no_json(world)
    world.client("secretsmanager").put_secret_value(
        SecretId=world.things.secret_arn, SecretString='{"password": "very secret"}'
    )


def index_with_it(world: World) -> None:
    pushing.push_index(world.client("ecr"), REPOSITORY, "latest", ["linux/arm64", "linux/amd64"])


def parameter_there(world: World) -> None:
    world.client("ssm").put_parameter(Name="/webordinary/token", Value="x", Type="SecureString")
    no_parameter(world)


def fitting_timeout(world: World) -> None:
    short_timeout(world)
    world.client("sqs").set_queue_attributes(
        QueueUrl=world.queue, Attributes={"VisibilityTimeout": "3600"}
    )


def tls_only(world: World) -> None:
    """A policy that refuses connections without TLS denies nobody who comes with it."""
    statement = {
        "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.client("sqs").set_queue_attributes(QueueUrl=world.queue, Attributes={"Policy": policy})


HARMLESS = (
    (gateway_endpoints, json_key_there, index_with_it, fitting_timeout),
    (nat_gateway, parameter_there, tls_only),
)


@pytest.mark.parametrize("neighbours", HARMLESS, ids=lambda each: each[0].__name__)
def test_what_serves_as_well_is_no_fault(
    world: World, clients: Clients, neighbours: tuple[Callable[[World], None], ...]
) -> None:
    for neighbour in neighbours:
        neighbour(world)
    found = [each for rows in looked_at(world, clients).values() for each in rows]
    assert [each for each in found if each.status != "PASS"] == []
    assert "very secret" not in str(found)


def test_what_may_not_be_looked_for_is_not_known(
    world: World, command: Run, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without rights each row is SKIP and names the action; it is no fault, and no PASS."""
    assert endpoint
    allowed = {"Effect": "Allow", "Action": "cloudformation:DescribeStacks", "Resource": "*"}
    authorization.admit(
        "NOBODY", world.account, [{"Version": "2012-10-17", "Statement": [allowed]}]
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "NOBODY")
    code, out, _ = command("preflight", NAME, "--format", "json")
    rows = json.loads(out)
    assert code == 0
    assert {each["status"] for each in rows} == {"SKIP"}
    said = {each["id"]: each["evidence"] for each in rows}
    denied = "not known: no permission for {}"
    assert said["image"] == denied.format("ecr:DescribeImages")
    assert said["secret"] == denied.format("secretsmanager:DescribeSecret")
    assert said["vcpu-quota"] == denied.format("servicequotas:GetServiceQuota")


def test_a_red_need_ends_with_one(world: World, command: Run) -> None:
    other_tag(world)
    code, out, _ = command("preflight", NAME)
    assert code == 1
    assert "FAIL  image" in out
    assert "next: Push it; `./deploy.py ship dev/webordinary-edit` lists what is there" in out


def test_a_review_says_what_is_not_met_and_is_quiet_otherwise(world: World, command: Run) -> None:
    code, out, err = command("review", NAME)
    assert code == 2
    assert "Needs: 13 looked for, all met." in out
    assert "FAIL" not in out + err
    other_tag(world)
    no_queue(world)
    code, out, _ = command("review", NAME)
    assert code == 2
    assert "Needs: 3 of 13 not met" in out
    assert "FAIL  image" in out
    assert "next: Push it" in out
    code, out, err = command("review", NAME, "--format", "json")
    data = json.loads(out)
    assert data["version"] == 4
    assert [each["id"] for each in data["needs"] if each["status"] == "FAIL"] == [
        "image", "queue", "dead-letters",
    ]  # fmt: skip
    assert data["needs"][0]["next_step"].startswith("Push it")
    for form in ("markdown", "html"):
        said = command("review", NAME, "--format", form)[1]
        assert "3 of 13 not met" in said
        assert "Push it" in said


def test_what_is_gone_since_the_review_is_not_executed(world: World, command: Run) -> None:
    """A review says what was there then; `execute` believes none of it and looks anew."""
    file = str(world.checkout / "r.json")
    assert command("review", NAME, "--output", file)[0] == 2
    no_secret(world)
    code, out, err = command("execute", file)
    assert code == 3, out + err
    assert "What dev/webordinary-edit needs is not there any more: " in err
    assert "secret: the secret " in err
    assert "./deploy.py review dev/webordinary-edit" in err
    # A file that was made to say it was seen binds nothing: the same change set, and no more.
    assert command("review", NAME, "--output", file)[0] == 2
    again = json.loads(Path(file).read_text())["review"]
    assert [each["id"] for each in again["needs"] if each["status"] == "FAIL"] == ["secret"]
    world.client("secretsmanager").create_secret(
        Name=world.things.secret_arn.rpartition(":")[2][:-7], SecretString="x"
    )
    assert command("execute", file, "--no-proof")[0] == 0


SHOWN_NOWHERE = "a-very-secret-value"


@pytest.mark.parametrize(
    ("value", "status", "said"),
    [('{"password": "%s"}', "PASS", "with the key password"),
     ('{"token": "%s"}', "FAIL", "has no JSON key password"),
     ("%s", "FAIL", "is not a JSON object")],
)  # fmt: skip
def test_a_secret_is_looked_at_for_its_keys_and_never_shown(
    value: str, status: str, said: str, world: World, command: Run
) -> None:
    world.client("secretsmanager").put_secret_value(
        SecretId=world.things.secret_arn, SecretString=value % SHOWN_NOWHERE
    )
    no_json(world)
    shown = ""
    for words in (("preflight", NAME), ("preflight", NAME, "--format", "json"),
                  ("review", NAME, "--format", "json")):  # fmt: skip
        _, out, err = command(*words)
        shown += out + err
    assert SHOWN_NOWHERE not in shown
    if status == "FAIL":
        assert said in shown
    assert f"{status}  secret" in shown


def test_a_json_key_is_looked_for_in_the_version_that_is_named(
    world: World, clients: Clients
) -> None:
    manager, arn = world.client("secretsmanager"), world.things.secret_arn
    manager.put_secret_value(SecretId=arn, SecretString='{"password": "x"}')
    manager.put_secret_value(SecretId=arn, SecretString='{"token": "x"}')
    world.template(SECRET, 'ValueFrom: !Sub "${GitHubTokenSecretArn}:password:AWSPREVIOUS:"')
    [found] = looked_at(world, clients)["secret"]
    assert found.status == "PASS", found
    change(world.checkout, "AWSPREVIOUS", "AWSCURRENT", TEMPLATE)
    [found] = looked_at(world, clients)["secret"]
    assert "has no JSON key password" in found.evidence


def test_without_the_right_to_the_value_it_says_which(
    world: World, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_json(world)
    real = asking.asked

    def asked(given: Clients) -> Any:
        ask = real(given)

        def refusing(service: str, operation: str, /, **request: Any) -> Any:
            if operation == "get_secret_value":
                raise asking.NotAllowedError("secretsmanager:GetSecretValue")
            return ask(service, operation, **request)

        return refusing

    monkeypatch.setattr("workerstack.verifier.preflight.asked_once", asked)
    [found] = looked_at(world, clients)["secret"]
    assert found.status == "SKIP"
    assert f"secretsmanager:GetSecretValue on {world.things.secret_arn} tells" in found.evidence
    assert "The value is not looked at" in found.evidence


@pytest.mark.parametrize("spoil", ["", "missing", "inactive", "no spot"])
def test_a_cluster_of_another_stack_is_needed(spoil: str, world: World, clients: Clients) -> None:
    ecs = world.client("ecs")
    if spoil != "missing":
        ecs.create_cluster(clusterName="shared", capacityProviders=["FARGATE"])
    if spoil == "inactive":
        ecs.delete_cluster(cluster="shared")
    world.template("Cluster: !Ref Cluster\n", "Cluster: shared\n")
    if spoil == "no spot":
        world.template("LaunchType: FARGATE\n", "CapacityProviderStrategy:\n"
                       "        - {CapacityProvider: FARGATE_SPOT, Weight: 1}\n")  # fmt: skip
    [found] = looked_at(world, clients)["cluster"]
    expected = {"": "shared is active", "no spot": "does not have FARGATE_SPOT"}
    assert expected.get(spoil, "there is no cluster shared") in found.evidence
    assert found.status == ("FAIL" if spoil else "PASS")
