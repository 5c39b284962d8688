"""Everything runs with exactly the rights that `deploy.py rights` prints, and none is decoration.

The four roles go through the life of two stacks on the endpoint, which refuses what their
policies do not allow. What was asked is compared with what is granted, in both directions.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.adopter.test_adopt import blocked, file_of, keep
from tests.commands.test_deploy import NAME, change
from tests.conftest import REGION, Run
from tests.deployer.test_recovery import commit
from tests.smoke_worker import SERVICE, Account
from tests.verifier.test_smoke import smoke
from workerstack import deployments
from workerstack.cloudformation.policies import AccessRequest, Answer, Policy, decide, read
from workerstack.deployer import queue_history
from workerstack.deployer import service as live
from workerstack.deployer.aws import Clients
from workerstack.localaws import Endpoint, authorization, pushing, surroundings, walkthrough
from workerstack.localaws.authorization import Caller
from workerstack.problem import Problem
from workerstack.verifier import smoke as smoke_plan
from workerstack.verifier import smoke_message

Client = Callable[[str], Any]
ROLE = "arn:aws:iam::{}:role/cloudformation"
BUCKET = "templates-of-{}"
RECOVERY = "what tests/deployer/test_recovery.py brings about; the endpoint has no such stack here"
LOOKED_UP = "CloudFormation looks up values of this type of parameter; the endpoint does not"

TAKEN_BACK = "a creation that fails takes back what is RetainExceptOnCreate; this one succeeds"
ADOPTION = "what only adopting calls: test_a_stack_of_another_tool_is_adopted"

CUSTOMER_KEYS = "preflight asks only of what is under a customer key: test_preflight.py"
NO_WAY_OUT = "preflight asks only where a subnet has no way out: test_preflight.py"
GOES_BACK = "only a rollout that goes back has a reason: tests/deployer/test_service.py"

EXPLAINED: Mapping[str, Mapping[str, str]] = {
    "reviewer": {
        "ec2:DescribeVpcs": LOOKED_UP,
        "ec2:DescribeVpcEndpoints": NO_WAY_OUT,
        "kms:DescribeKey": CUSTOMER_KEYS,
        "kms:GetKeyPolicy": CUSTOMER_KEYS,
        "cloudformation:GetHookResult": "the endpoint has no Hooks, so none fails",
        "cloudformation:CreateStackRefactor": ADOPTION,
        "cloudformation:DescribeStackRefactor": ADOPTION,
        "cloudformation:DescribeType": ADOPTION,
        "cloudformation:ListStackRefactorActions": ADOPTION,
    },
    "executor": {
        "ecs:DescribeServiceDeployments": GOES_BACK,
        "cloudformation:DescribeStackRefactor": ADOPTION,
        "cloudformation:ExecuteStackRefactor": ADOPTION,
        "cloudformation:ListStackRefactorActions": ADOPTION,
        "ec2:DescribeVpcs": LOOKED_UP,
        "ec2:DescribeVpcEndpoints": NO_WAY_OUT,
        "kms:DescribeKey": CUSTOMER_KEYS,
        "kms:GetKeyPolicy": CUSTOMER_KEYS,
        "cloudformation:GetHookResult": "the endpoint has no Hooks, so none fails",
        "cloudformation:CancelUpdateStack": RECOVERY,
        "cloudformation:ContinueUpdateRollback": RECOVERY,
        "cloudformation:RollbackStack": RECOVERY,
    },
    "service-role": {
        "logs:DeleteLogGroup": TAKEN_BACK,
        "sqs:DeleteQueue": TAKEN_BACK,
    },
    "smoke": {},
}
"""What is granted and not asked in these scenarios, by role, each with its reason."""


class Callers:
    """The four, each with its policy, and what each asked."""

    def __init__(
        self, command: Run, account: str, monkeypatch: pytest.MonkeyPatch, *options: str
    ) -> None:
        self.command, self.account, self.monkeypatch = command, account, monkeypatch
        code, out, err = command("rights", "dev", *options)
        assert code == 0, err
        self.policies: dict[str, Any] = json.loads(out)
        self.callers: dict[str, Caller] = {}
        for name, policy in self.policies.items():
            if name == "service-role":
                role = ROLE.format(account)
                self.callers[name] = authorization.admit_role(role, [policy])
            else:
                self.callers[name] = authorization.admit(self.key(name), account, [policy])

    def key(self, name: str) -> str:
        return f"{name.upper()}{self.account}"

    def run(self, name: str, *words: str, expected: int = 0) -> str:
        """A command by one of them, which ends as expected; what it said."""
        with self.monkeypatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", self.key(name))
            code, out, err = self.command(*words)
        assert code == expected, f"{name}: {' '.join(words)}\n{out}\n{err}\n{self.refused()}"
        return out + err

    def clients(self, name: str, endpoint: Endpoint) -> Clients:
        with self.monkeypatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", self.key(name))
            found = Clients(REGION, endpoint_url=endpoint.url)
            found("sts").get_caller_identity()
            return found

    def asked(self, name: str) -> set[str]:
        return {action for action, _ in self.callers[name].asked}

    def granted(self, name: str) -> set[str]:
        statements = self.policies[name]["Statement"]
        return {action for statement in statements for action in statement["Action"]}

    def refused(self) -> dict[str, str]:
        """What was refused, by who and what, with what to do about it."""
        return {
            f"{name} {question.action}": f"{question.resource}: {reason}. Give it to {name} by a"
            " row of RIGHTS (workerstack/deployer/rights.py), or correct what the row is on"
            for name, caller in self.callers.items()
            for question, reason in caller.refused
        }


@pytest.fixture
def environment(checkout: Path, account: str, things: surroundings.Surroundings, client: Client
                ) -> Path:  # fmt: skip
    """Two stacks, and everything that target.yaml can name; one template is a large one."""
    (checkout / "params/dev/target.yaml").write_text(
        f'account: "{account}"\nregion: {REGION}\n'
        f"service-role: {ROLE.format(account)}\n"
        f"template-bucket: {BUCKET.format(account)}\n"
        "termination-protection: true\n"
        "stack-policy: policy.json\n"
    )
    everything = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
    (checkout / "params/dev/policy.json").write_text(json.dumps({"Statement": [everything]}))
    (checkout / "params/dev/thumbnails.yaml").write_text(
        "template-file-path: out/thumbnails.template.yaml\nparameters:\n"
        f"  VpcId: {things.vpc_id}\n  SubnetIds: [{', '.join(things.subnet_ids)}]\n"
    )
    large = checkout / "out/webordinary-edit.template.yaml"
    large.write_text(large.read_text() + "# padding\n" * 4_000)
    client("s3").create_bucket(
        Bucket=BUCKET.format(account),
        CreateBucketConfiguration={"LocationConstraint": REGION},
    )
    return checkout


def test_these_rights_are_enough_and_none_is_decoration(
    environment: Path, command: Run, account: str, monkeypatch: pytest.MonkeyPatch,
    things: surroundings.Surroundings, endpoint: Endpoint, client: Client,
) -> None:  # fmt: skip
    walkthrough.deploy_web_serving(client("cloudformation"), things)
    before = f"webordinary-edit={walkthrough.WEB_SERVING}"
    callers = Callers(command, account, monkeypatch, "--before", before)
    the_proposal_of_a_new_stack_is_dropped(callers, environment)
    web_serving_becomes_the_worker(callers, environment)
    everything_changes(callers, environment)
    worker = Account(client)
    a_message_is_processed(callers, environment, worker, endpoint)
    a_rollout_is_watched(callers, worker, endpoint)
    a_load_is_learned(callers, endpoint, client)
    proposals_are_dropped(callers, environment)
    a_change_is_taken_back(callers, environment)
    an_image_is_shipped(callers, environment, client)
    the_stacks_go(callers, endpoint, client)
    # Deleting a stack is no right of a reviewer, not even that of an empty one.
    refused = callers.refused()
    refused.pop("reviewer cloudformation:DeleteStack")
    assert not refused
    for name, caller in callers.callers.items():
        idle = callers.granted(name) - callers.asked(name)
        assert idle == set(EXPLAINED[name]), f"{name} has rights that nothing asks for, or should"
        each_one_counts(callers.policies[name], caller)


def test_without_a_service_role_the_executor_is_enough(
    checkout: Path, command: Run, account: str, monkeypatch: pytest.MonkeyPatch,
    endpoint: Endpoint, client: Client,
) -> None:  # fmt: skip
    callers = Callers(command, account, monkeypatch)
    file = str(checkout / "r.json")
    callers.run("reviewer", "review", NAME, "--output", file, expected=2)
    callers.run("executor", "execute", file)
    callers.run("executor", "verify", NAME)
    own = client("cloudformation")
    callers.clients("executor", endpoint)("cloudformation").delete_stack(
        StackName="webordinary-edit"
    )
    own.get_waiter("stack_delete_complete").wait(
        StackName="webordinary-edit", WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
    )
    assert not callers.refused()
    assert not callers.callers["service-role"].asked
    assert "iam:PutRolePolicy" in callers.asked("executor")


def test_a_stack_of_another_tool_is_adopted(
    checkout: Path, command: Run, account: str, monkeypatch: pytest.MonkeyPatch,
    cdk_template: str, tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    """Its resources get our logical ids, and keep the names that they were born with."""
    before = tmp_path_factory.mktemp("before") / "cdk.template.json"
    before.write_text(cdk_template)
    keep(checkout)
    callers = Callers(command, account, monkeypatch, "--before", f"webordinary-edit={before}")
    renaming = file_of(callers.run("reviewer", "adopt", NAME, expected=2))
    callers.run("executor", "execute", renaming)
    callers.run("reviewer", "adopt", NAME)
    file = str(checkout / "r.json")
    callers.run("reviewer", "review", NAME, "--output", file, expected=2)
    callers.run("executor", "execute", file, *blocked(file))
    callers.run("executor", "verify", NAME)
    assert not callers.refused()
    for role, explained in EXPLAINED.items():
        adopting = {action for action, why in explained.items() if why == ADOPTION}
        assert adopting <= callers.asked(role), role


def test_a_reviewer_cannot_execute_and_the_stack_is_as_before(
    checkout: Path, command: Run, account: str, monkeypatch: pytest.MonkeyPatch, client: Client
) -> None:
    assert checkout
    callers = Callers(command, account, monkeypatch)
    file = str(checkout / "r.json")
    callers.run("reviewer", "review", NAME, "--output", file, expected=2)
    said = callers.run("reviewer", "execute", file, expected=1)
    assert "AWS refused ExecuteChangeSet (AccessDenied)" in said
    [stack] = client("cloudformation").describe_stacks(StackName="webordinary-edit")["Stacks"]
    assert stack["StackStatus"] == "REVIEW_IN_PROGRESS"


@pytest.mark.parametrize("action", ["iam:PutRolePolicy", "ecs:CreateService", "logs:TagResource"])
def test_a_right_that_is_missing_fails_the_deployment_and_is_named(
    checkout: Path, command: Run, account: str, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    callers = Callers(command, account, monkeypatch)
    file = str(checkout / "r.json")
    callers.run("reviewer", "review", NAME, "--output", file, expected=2)
    caller = callers.callers["executor"]
    caller.policies = (without(callers.policies["executor"], action),)
    said = callers.run("executor", "execute", file, expected=1)
    assert f"is not authorized to perform: {action}" in said
    assert f"executor {action}" in callers.refused()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rights", "nowhere"), "There is no environment nowhere: params/ has dev."),
        (("rights", "dev", "--trust", "o/*"), "'o/*' is not a repository of GitHub"),
        (("rights", "dev", "--trust", "o"), "'o' is not a repository of GitHub"),
        (("rights", "dev", "--trust", "o/n", "--for", "smoke"), "Nothing trusts the role smoke"),
        (("rights", "dev", "--before", "other=x"), "--before other=x names no stack"),
    ],
)
def test_mistakes_are_one_sentence(command: Run, words: tuple[str, ...], said: str) -> None:
    code, out, err = command(*words)
    assert (code, out) == (1, "")
    assert said in err


def test_json_is_alone_on_standard_output(command: Run) -> None:
    code, out, err = command("rights", "dev", "--for", "executor")
    assert code == 0
    assert json.loads(out)["Version"] == "2012-10-17"
    assert "names no service-role" in err
    code, out, _ = command("rights", "dev", "--trust", "o/n")
    assert set(json.loads(out)) == {"reviewer", "executor", "service-role"}


def the_proposal_of_a_new_stack_is_dropped(callers: Callers, checkout: Path) -> None:
    file = str(checkout / "new.json")
    callers.run("reviewer", "review", "dev/thumbnails", "--output", file, expected=2)
    assert "The empty stack thumbnails stays" in callers.run("reviewer", "discard", file)


def web_serving_becomes_the_worker(callers: Callers, checkout: Path) -> None:
    commit(checkout, "The worker")
    callers.run("reviewer", "drift", NAME)
    for stack in ("webordinary-edit", "thumbnails"):
        file = str(checkout / f"{stack}.json")
        callers.run("reviewer", "review", f"dev/{stack}", "--output", file, expected=2)
        callers.run("executor", "execute", file)
        callers.run("executor", "verify", f"dev/{stack}")
    callers.run("reviewer", "review", NAME)
    callers.run("reviewer", "drift", NAME)
    callers.run("reviewer", "drift", "dev/thumbnails")


def everything_changes(callers: Callers, checkout: Path) -> None:
    """Tags reach all that has some; each kind of resource is changed in place."""
    change(checkout, "tags:\n", "  MaxTasks: 4\n  LogRetentionDays: 30\ntags:\n  Owner: us\n")
    worker = "out/webordinary-edit.template.yaml"
    change(checkout, "EFS access from containers", "NFS from containers", worker)
    thumbnails = checkout / "params/dev/thumbnails.yaml"
    thumbnails.write_text(thumbnails.read_text() + "tags:\n  Owner: us\n")
    change(checkout, "MessageRetentionPeriod: 1209600", "MessageRetentionPeriod: 1209599",
           "out/thumbnails.template.yaml")  # fmt: skip
    commit(checkout, "Everything changes")
    for stack in ("webordinary-edit", "thumbnails"):
        file = str(checkout / f"{stack}-2.json")
        callers.run("reviewer", "review", f"dev/{stack}", "--output", file, expected=2)
        callers.run("executor", "execute", file)


def an_image_is_shipped(callers: Callers, checkout: Path, client: Client) -> None:
    """While a task runs what its tag meant before; one message waits."""
    ecr, repository = client("ecr"), "webordinary/claude-code-astro"
    pushing.push(ecr, repository, "latest")
    client("ecs").update_service(**SERVICE, desiredCount=1, forceNewDeployment=True)
    pushing.push_index(ecr, repository, "latest", ["linux/amd64"])
    pushing.push(ecr, repository, "v1")
    client("ecs").update_service(**SERVICE, desiredCount=0)
    callers.run("reviewer", "ship", NAME)
    said = callers.run("reviewer", "ship", NAME, "v1", expected=2)
    file = next(line for line in said.splitlines() if line.startswith("Execute")).split()[-1]
    commit(checkout, "Image v1")
    callers.run("executor", "execute", file)
    queue = client("sqs").get_queue_url(QueueName="webordinary-email-queue")["QueueUrl"]
    client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    assert "Not known" not in callers.run("executor", "status", NAME)
    callers.run("executor", "logs", NAME)


def a_message_is_processed(
    callers: Callers, checkout: Path, account: Account, endpoint: Endpoint
) -> None:
    clients = callers.clients("smoke", endpoint)
    account.ecs.update_service(**SERVICE, desiredCount=0)
    named = smoke_message.named(account.object)
    plan = smoke_plan.plan(deployments.load(NAME, checkout), clients, "a job", named, 1)
    known = smoke_plan.before(plan, NAME, clients)
    assert {each.status for each in known} == {"PASS"}, known
    with account.worker():
        found = smoke(account, checkout, clients)
    assert {each.status for each in found.values()} == {"PASS"}, callers.refused()
    # Nobody takes it: it is taken back.
    smoke(account, checkout, clients, wants=False, timeout=1)
    assert account.depth() == (0, 0)
    # Somebody else's came in between: it is given back.
    queue = clients("sqs")
    account.sqs.send_message(QueueUrl=account.queue, MessageBody="another's")
    smoke_message.take_back(queue, account.queue, lambda _: False, "not this one", 0)
    assert account.depth()[0] == 1
    # The example's own queue has dead letters.
    found = account.sqs.list_queues(QueueNamePrefix="thumbnails-Queue")["QueueUrls"]
    assert smoke_message.depth(queue, found[0]).dead == 0


def a_rollout_is_watched(callers: Callers, account: Account, endpoint: Endpoint) -> None:
    """As `execute` and `watch` read it while ECS starts tasks."""
    clients = callers.clients("executor", endpoint)
    account.ecs.update_service(**SERVICE, desiredCount=1)
    services = account.ecs.describe_services(
        cluster=SERVICE["cluster"], services=[SERVICE["service"]]
    )["services"]
    arn, began = services[0]["serviceArn"], datetime(2020, 1, 1, tzinfo=UTC)
    task = account.ecs.run_task(
        cluster=SERVICE["cluster"], taskDefinition=services[0]["taskDefinition"],
        group=f"service:{SERVICE['service']}",
    )["tasks"][0]["taskArn"]  # fmt: skip
    account.ecs.stop_task(cluster=SERVICE["cluster"], task=task)
    rollout = live.read_rollout(clients, arn, began, datetime.now(UTC))
    assert not rollout.unknown
    # A task of an earlier deployment may be protected, which is asked.
    primary = {**services[0], "deployments": [{"status": "ACTIVE", "runningCount": 1}]}
    account.ecs.run_task(
        cluster=SERVICE["cluster"], taskDefinition=services[0]["taskDefinition"],
        group=f"service:{SERVICE['service']}",
    )  # fmt: skip
    assert not list(live.waited_for(clients("ecs"), SERVICE["cluster"], arn, primary))
    account.ecs.update_service(**SERVICE, desiredCount=0)


def a_load_is_learned(callers: Callers, endpoint: Endpoint, client: Client) -> None:
    """As `simulate.py --learn` reads the queue's metrics: the endpoint has those that are put."""
    clients = callers.clients("executor", endpoint)
    stack = clients("cloudformation").describe_stacks(StackName="webordinary-edit")["Stacks"][0]
    with pytest.raises(Problem, match="CloudWatch has no metrics of webordinary-email-queue"):
        queue_history.of_stack(clients, stack["StackId"], datetime.now(UTC))
    datum = {
        "MetricName": "NumberOfMessagesSent", "Value": 3.0,
        "Timestamp": datetime.now(UTC) - timedelta(hours=1),
        "Dimensions": [{"Name": "QueueName", "Value": "webordinary-email-queue"}],
    }  # fmt: skip
    client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[datum])
    read = queue_history.of_stack(clients, stack["StackId"], datetime.now(UTC))
    assert list(read["NumberOfMessagesSent"].values()) == [3.0]


def proposals_are_dropped(callers: Callers, checkout: Path) -> None:
    change(checkout, "MaxTasks: 4", "MaxTasks: 5")
    file = str(checkout / "dropped.json")
    callers.run("reviewer", "review", NAME, "--output", file, expected=2)
    callers.run("reviewer", "discard", file)
    callers.run("reviewer", "discard", NAME)
    change(checkout, "MaxTasks: 5", "MaxTasks: 4")


def a_change_is_taken_back(callers: Callers, checkout: Path) -> None:
    file = str(checkout / "back.json")
    callers.run("reviewer", "rollback", NAME, "--output", file, expected=2)
    callers.run("executor", "execute", file)


def the_stacks_go(callers: Callers, endpoint: Endpoint, client: Client) -> None:
    own, executors = client("cloudformation"), callers.clients("executor", endpoint)
    for stack in ("webordinary-edit", "thumbnails"):
        own.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
        executors("cloudformation").delete_stack(
            StackName=stack, RoleARN=ROLE.format(callers.account)
        )
        waiter = own.get_waiter("stack_delete_complete")
        waiter.wait(StackName=stack, WaiterConfig={"Delay": 0, "MaxAttempts": 1000})


def without(policy: Mapping[str, Any], action: str) -> Policy:
    """The policy but for one action."""
    statements = [
        {**each, "Action": [name for name in each["Action"] if name != action]}
        for each in policy["Statement"]
    ]
    return read({**policy, "Statement": statements})


def each_one_counts(policy: Mapping[str, Any], caller: Caller) -> None:
    """Without any one action, something that was asked is not allowed any more."""
    for action in {action for action, _ in caller.asked}:
        rest = without(policy, action)
        mine = [each for each in caller.questions if each.action == action]
        answers = {
            decide([rest], AccessRequest(each.action, each.resource, each.context)).answer
            for each in mine
        }
        assert answers == {Answer.NOT_ALLOWED}, action
