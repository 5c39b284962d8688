"""What was reviewed is executed, and nothing else: each bound member, tampered with.

One table: a member is changed in the review file (its digest mended, as anybody can), in the
checkout, or in what AWS answers, and each time the execution is refused with exit code 3 and names
the member. The review lets a deleted queue through, on a stack with every guard that there is.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REGION
from workerstack import deployments, localaws
from workerstack.deployer import binding, discard, execute, make_review, watch
from workerstack.deployer.aws import Clients
from workerstack.deployer.clock import Clock
from workerstack.deployer.screen import LineScreen
from workerstack.localaws import walkthrough
from workerstack.problem import Problem, Refusal
from workerstack.review import file as review_file
from workerstack.review.model import Binding, ChangeSet, Finding, Review, ScalingEffect, Where
from workerstack.review.show import html, markdown
from workerstack.review.show import text as terminal

NAME = "prod/jobs"
QUICK = Clock(sleep=lambda _: None)
ACCOUNT = f"{os.getpid() % 100_000:05d}9000000"
OTHER = "0" * 64
ROLE = f"arn:aws:iam::{ACCOUNT}:role/deployer"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:events"
ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:errors"
CONSENT = "deletes-stateful:Old"

TEMPLATE = """\
Parameters:
  Seconds: {Type: Number, Default: 30}
  Retention: {Type: Number, Default: 345600}
  Password: {Type: String, NoEcho: true, Default: hidden}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: !Ref Seconds, MessageRetentionPeriod: !Ref Retention}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Action: sts:AssumeRole, Principal: {Service: ecs-tasks.amazonaws.com}}
      Policies:
        - PolicyName: work
          PolicyDocument:
            Statement: [{Effect: Allow, Action: ACTION, Resource: !GetAtt Queue.Arn}]
"""
OLD = "  Old: {Type: AWS::SQS::Queue}\n"

TARGET = f"""\
account: "{ACCOUNT}"
region: {REGION}
service-role: {ROLE}
rollback-alarms: [{ALARM}]
rollback-minutes: 5
termination-protection: true
stack-policy: policy.json
notification-topics: [{TOPIC}]
"""
VALUES = """\
template-file-path: out/jobs.template.yaml
parameters: {Seconds: "60"}
tags: {Team: mail}
"""


@dataclass(frozen=True)
class Prepared:
    """A checkout, a review of it that waits, and who asks AWS."""

    checkout: Path
    review: Review
    clients: Clients

    @property
    def content(self) -> dict[str, Any]:
        """The review as it stands in its file, to be edited."""
        return self.review.model_dump(mode="json")


def prepare(root: Path, clients: Clients, account: str) -> Prepared:
    """Deploys the stack, and reviews a change of it."""
    (root / "out").mkdir()
    (root / "params/prod").mkdir(parents=True)
    template = root / "out/jobs.template.yaml"
    (root / "params/prod/target.yaml").write_text(TARGET.replace(ACCOUNT, account))
    values = root / "params/prod/jobs.yaml"
    values.write_text(VALUES.replace("60", "50"))
    (root / "params/prod/policy.json").write_text('{"Statement": []}')
    template.write_text(TEMPLATE.replace("ACTION", "sqs:ReceiveMessage") + OLD)
    first = make_review.make_review(deployments.load(NAME, root), clients, QUICK)
    assert first is not None
    carry_out(first, root, clients)
    values.write_text(VALUES)
    template.write_text(TEMPLATE.replace("ACTION", "sqs:DeleteMessage").replace("30}", "40}"))
    found = make_review.make_review(deployments.load(NAME, root), clients, QUICK, allowed=[CONSENT])
    assert found is not None
    return Prepared(root, found, clients)


def carry_out(review: Review, root: Path, clients: Clients) -> str:
    operation = execute.execute(review, deployments.load(NAME, root), clients)
    return watch.watch(operation, clients, QUICK, LineScreen(lambda _: None)).status


@pytest.fixture(scope="module")
def prepared(
    endpoint: localaws.Endpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prepared]:
    """One for all rows of the table, since none of them changes anything."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in walkthrough.credentials(endpoint.url).items():
            patch.setenv(name, value)
        patch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
        clients = Clients(REGION, endpoint_url=endpoint.url)
        yield prepare(tmp_path_factory.mktemp("bound"), clients, ACCOUNT)


@pytest.fixture
def copied(prepared: Prepared, tmp_path: Path) -> Path:
    """A copy of the checkout that a row may change."""
    shutil.copytree(prepared.checkout, tmp_path / "checkout")
    return tmp_path / "checkout"


def mended(content: dict[str, Any], file: Path) -> Review:
    """An edited review, read from a file whose digest is right again."""
    file.write_text(json.dumps({"digest": review_file.digest(content), "review": content}))
    return review_file.read(file)


def refused(review: Review, root: Path, clients: Clients) -> str:
    def go() -> None:
        binding.check_allowed(review, ())
        execute.execute(review, deployments.load(review.where.deployment, root), clients)

    with pytest.raises(Refusal) as error:
        go()
    assert error.value.code == 3
    return str(error.value)


def put(content: Any, place: tuple[str | int, ...], value: Any) -> None:
    """Sets a member of an answer or of a file; ``value`` may be made from the one before."""
    for key in place[:-1]:
        content = content[key]
    content[place[-1]] = value(content.get(place[-1])) if callable(value) else value


def without(**members: str) -> Callable[[Any], Any]:
    """Takes what has these members out of a list."""

    def change(listed: Any) -> Any:
        kept = [each for each in listed if not members.items() <= each.items()]
        assert len(kept) < len(listed), members
        return kept

    return change


def each_with(**members: Any) -> Callable[[Any], Any]:
    """Sets members of each of a list."""
    return lambda listed: [{**each, **members} for each in listed]


def beef(arn: str) -> str:
    """The ARN of another one."""
    return f"{arn[:-4]}beef"


NOBODY = "review-20261128T000000Z-00000000-0000"
FILE: dict[str, tuple[tuple[str | int, ...], Any, str]] = {
    "deployment": (("where", "deployment"), "prod/twin", "the stack's name was jobs .* is twin"),
    "account": (("where", "account"), "999999999999", "the account was 9999"),
    "region": (("where", "region"), "eu-west-1", "the region was eu-west-1"),
    "stack name": (("where", "stack_name"), "other", "the stack's name was other"),
    "stack id": (("where", "stack_id"), beef, "the stack was arn:"),
    "change set": (("change_set", "arn"), beef, "is gone"),
    "change set, none": (("change_set", "arn"), "", "the change set's ARN was not set"),
    "change set, by its name": (("change_set", "arn"), NOBODY, "the change set's ARN was review-"),
    "change set, another account's": (
        ("change_set", "arn"), lambda it: it.replace(ACCOUNT, "9" * 12), "the change set's ARN"),
    "change set's name": (("change_set", "name"), NOBODY, "the change set's name was"),
    "type": (("change_set", "type"), "CREATE", "the change set's type was CREATE"),
    "creation time": (("change_set", "created"), "2020", "the change set's created was"),
    "its description": (("change_set", "description"), "x", "the change set's description was x"),
    "its capabilities": (("change_set", "capabilities"), [], "the change set's capabilities was"),
    "its reason": (("change_set", "reason"), "all is well", "the change set's reason was all is"),
    "other facts of it": (("change_set", "extra"), {}, "the change set's extra was not set"),
    "template's file": (("binding", "template"), "out/x", "the template's file was out/x"),
    "template": (("binding", "template_digest"), OTHER, "out/jobs.template.yaml was 0000000 when"),
    "parameter": (("binding", "parameters", "Seconds"), "1", "the parameter Seconds was 1 when"),
    "default": (("binding", "parameters", "Retention"), "1", "the parameter Retention was 1 when"),
    "secrets": (("binding", "not_bound"), [], "the list of NoEcho parameters was not set"),
    "tag": (("binding", "tags", "Team"), "x", "the tag Team was x when"),
    "role": (("binding", "role"), "arn:aws:iam::1:role/x", "the role was arn:aws:iam::1:"),
    "capabilities": (("binding", "capabilities"), [], "the list of capabilities was not set"),
    "topics": (("binding", "topics"), [], "the list of notification topics was not set"),
    "alarms": (("binding", "rollback_alarms"), [], "the list of rollback alarms was not set"),
    "minutes": (("binding", "rollback_minutes"), 180, "the time of rollback alarms was 180"),
    "termination protection": (
        ("binding", "termination_protection"), None, "termination protection was not set"),
    "stack policy": (("binding", "stack_policy_digest"), OTHER, "the stack policy was 0000000"),
    "origin": (("binding", "origin"), "revision:HEAD", "the origin was revision:HEAD"),
    "mode": (("binding", "mode"), "REVERT_DRIFT", "the change set's description was"),
    "imports": (("binding", "imports"), {"Queue": "x"}, "the import of Queue was x"),
    "description": (("binding", "description"), "x", "the change set's description was x"),
    "stack's status": (("binding", "stack_status"), "IMPORT_COMPLETE", "the stack's status was"),
    "last update": (("binding", "stack_last_updated"), "2020", "the stack's last update was 2020"),
    "changes": (("binding", "changes_digest"), OTHER, "the list of changes was 0000000"),
    "resource": (
        ("resources",), each_with(action="Add"), "the change of [A-Z][a-z]+ was .*Add"),
    "resource that is not shown": (
        ("resources",), without(logical_id="Old"), "the change of Old was not set"),
    "values of a resource": (("resources",), each_with(after={}), "the change of"),
    "parameter that is not shown": (
        ("others",), without(name="Seconds"), "the parameter Seconds was not set"),
    "finding that is not shown": (
        ("findings",), without(id="iam-broadened"), "the finding iam-broadened:Role was not set"),
    "finding's level": (
        ("findings",), each_with(level="blocking"), "Blocked by iam-broadened:Role"),
    "finding's lower level": (
        ("findings",), lambda it: [{**each, "level": each["level"].replace("warning", "note")}
                                   for each in it],
        "the finding iam-broadened:Role was not set .* is warning now"),
    "finding's words": (("findings",), each_with(what="harmless"), "the finding .* was harmless"),
    "finding's reason": (("findings",), each_with(why="harmless"), "the finding .* another text"),
    "no consent": (("allowed",), [], f"Blocked by {CONSENT}"),
    "consent to what is not there": (
        ("allowed",), lambda it: [*it, {"finding": "iam-wildcard:Role", "by": "me"}],
        "no blocking finding iam-wildcard:Role"),
    "who let it through": (
        ("allowed",), each_with(by="the owner"), "the change set's description was"),
    "access": (("access",), without(logical_id="Role"), "the access of Role .* was not set"),
    "references": (("parts",), without(logical_id="Role"), "the references of Role was not set"),
    "what was not predicted": (
        ("unforeseen",), [{"logical_id": "Queue", "listed": "Remove", "predicted": ""}],
        "what was not predicted of Queue was"),
    "adoption": (("adoption",), "retain", "the step of the adoption was retain"),
    "predicted": (("predicted",), True, "predicted from templates"),
    "scaling": (
        ("scaling",), {"loads": [], "warnings": [], "unknown": ["x"]}, "the scaling was"),
}  # fmt: skip
"""What is edited in the file: where, to what, and what the refusal says."""

NOT_BOUND = {"version", "needs", "notices", "unknown"}
"""Another format is refused before; what CloudFormation says is compared with AWS's answer; what
could not be known then may be known now, and needs are looked for anew.
"""


@pytest.mark.parametrize("member", FILE)
def test_the_file_is_not_believed(
    member: str, prepared: Prepared, copied: Path, tmp_path: Path
) -> None:
    place, value, words = FILE[member]
    content = prepared.content
    put(content, place, value)
    assert content != prepared.content
    if member == "deployment":
        for folder in ("out", "params/prod"):
            for file in (copied / folder).glob("jobs.*"):
                shutil.copy(file, file.with_name(file.name.replace("jobs", "twin")))
    said = refused(mended(content, tmp_path / "r.json"), copied, prepared.clients)
    assert re.search(words, said), said
    assert waits(prepared)


def test_every_member_of_a_review_has_a_row() -> None:
    places = [place for place, _, _ in FILE.values()]
    assert {place[0] for place in places} == Review.model_fields.keys() - NOT_BOUND
    for part, model in (("binding", Binding), ("where", Where), ("change_set", ChangeSet)):
        rows = {place[1] for place in places if place[0] == part}
        unbound = {"caller", "status", "execution_status"}
        assert rows == model.model_fields.keys() - unbound, part


def waits(prepared: Prepared) -> bool:
    """Whether the change set is still what it was, and nobody executed it."""
    found = prepared.clients("cloudformation").describe_change_set(
        ChangeSetName=prepared.review.change_set.arn
    )
    return bool(found["ExecutionStatus"] == "AVAILABLE")


def text(file: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        path = root / file
        content = path.read_text()
        assert old in content, old
        path.write_text(content.replace(old, new))

    return change


OUT, PARAMS = "out/jobs.template.yaml", "params/prod/jobs.yaml"
ENVIRONMENT = "params/prod/target.yaml"


def moved(root: Path) -> None:
    (root / OUT).rename(root / "out/other.yaml")
    text(PARAMS, "jobs.template.yaml", "other.yaml")(root)


CHECKOUT: dict[str, tuple[Callable[[Path], None], str]] = {
    "template": (text(OUT, "sqs:DeleteMessage", "sqs:*"), "out/jobs.template.yaml was"),
    "default": (text(OUT, "40}", "41}"), "out/jobs.template.yaml was"),
    "parameter": (text(PARAMS, '"60"', '"61"'), "the parameter Seconds was 60 .* is 61 now"),
    "parameter that falls to its default": (
        text(PARAMS, '{Seconds: "60"}', "{}"), "the parameter Seconds was 60 .* is 40 now"),
    "parameter that is given": (
        text(PARAMS, '{Seconds: "60"}', '{Seconds: "60", Retention: "60"}'),
        "the parameter Retention was 345600 .* is 60 now"),
    "tag": (text(PARAMS, "Team: mail", "Team: shop"), "the tag Team was mail .* is shop now"),
    "tag that is new": (
        text(PARAMS, "Team: mail", "Team: mail, Cost: x"), "the tag Cost was not set"),
    "template's path": (moved, "the template's file was out/jobs.template.yaml .* is out/other"),
    "role": (text(ENVIRONMENT, "role/deployer", "role/admin"), "the role was .*deployer"),
    "topics": (text(ENVIRONMENT, ":events]", ":x]"), "the list of notification topics was"),
    "alarms": (text(ENVIRONMENT, "alarm:errors", "alarm:x"), "the list of rollback alarms was"),
    "minutes": (
        text(ENVIRONMENT, "minutes: 5", "minutes: 6"), "the time of rollback alarms was 5 .* is 6"),
    "termination protection": (
        text(ENVIRONMENT, "protection: true", "protection: false"),
        "termination protection was true .* is false"),
    "stack policy": (
        text("params/prod/policy.json", "[]", "[{}]"), "the stack policy was [0-9a-f]{7} when"),
    "stack policy's path": (
        text(ENVIRONMENT, "stack-policy: policy.json\n", ""), "the stack policy was .* is not set"),
    "account": (text(ENVIRONMENT, ACCOUNT, "9" * 12), "allows only 999999999999"),
    "region": (
        text(ENVIRONMENT, f"region: {REGION}", "region: eu-west-1"), "allows only eu-west-1"),
}  # fmt: skip


@pytest.mark.parametrize("member", CHECKOUT)
def test_the_checkout_must_be_as_it_was(member: str, prepared: Prepared, copied: Path) -> None:
    change, words = CHECKOUT[member]
    change(copied)
    said = refused(prepared.review, copied, prepared.clients)
    assert re.search(words, said), said
    assert waits(prepared)


CHANGE_SET, STACK, HELD = "DescribeChangeSet", "DescribeStacks", "GetTemplate"


def parameter(name: str, value: str) -> Callable[[Any], None]:
    def change(answer: Any) -> None:
        found = [each for each in answer["Parameters"] if each["ParameterKey"] == name]
        if found:
            found[0]["ParameterValue"] = value
        else:
            answer["Parameters"].append({"ParameterKey": name, "ParameterValue": value})

    return change


def member(*place: str | int, value: Any) -> Callable[[Any], None]:
    return lambda answer: put(answer, place, value)


def change_of(name: str, **members: Any) -> Callable[[Any], None]:
    def change(answer: Any) -> None:
        bodies = [each["ResourceChange"] for each in answer["Changes"]]
        [body] = [each for each in bodies if each["LogicalResourceId"] == name]
        body.update(members)

    return change


def the_stack(**members: Any) -> Callable[[Any], None]:
    return lambda answer: answer["Stacks"][0].update(members)


AWS: dict[str, tuple[str, Callable[[Any], None], str]] = {
    "stack of the change set": (
        CHANGE_SET, member("StackId", value=beef),
        "the stack of the change set was"),
    "name of that stack": (
        CHANGE_SET, member("StackName", value="other"), "the stack of the change set was jobs"),
    "change set": (
        CHANGE_SET, member("ChangeSetId", value=beef),
        "the change set's ARN was"),
    "description": (
        CHANGE_SET, member("Description", value=lambda it: it.replace("role/deployer", "role/x")),
        "the change set's description was"),
    "description of somebody else": (
        CHANGE_SET, member("Description", value="mine"), "is not one of prod/jobs"),
    "parameter": (
        CHANGE_SET, parameter("Seconds", "500"),
        "the change set's parameter Seconds was 60 .* is 500 now|the list of changes"),
    "NoEcho parameter that is new": (
        CHANGE_SET, parameter("Extra", "1"), "the list of changes|parameter Extra"),
    "tag": (
        CHANGE_SET, member("Tags", value=lambda it: [*it, {"Key": "x", "Value": "y"}]),
        "the list of changes|the change set's tag x"),
    "capabilities": (
        CHANGE_SET, member("Capabilities", value=["CAPABILITY_AUTO_EXPAND"]),
        "the change set's capabilities was"),
    "topics": (
        CHANGE_SET, member("NotificationARNs", value=[]),
        "the change set's notification topics was"),
    "alarms": (
        CHANGE_SET, member("RollbackConfiguration", value={}),
        "the change set's rollback configuration was"),
    "minutes": (
        CHANGE_SET, member("RollbackConfiguration", "MonitoringTimeInMinutes", value=0),
        "the change set's rollback configuration was"),
    "mode": (
        CHANGE_SET, member("DeploymentMode", value="REVERT_DRIFT"), "its deployment mode was"),
    "on failure": (
        CHANGE_SET, member("OnStackFailure", value="DO_NOTHING"), "OnStackFailure"),
    "import of what exists": (
        CHANGE_SET, member("ImportExistingResources", value=True), "ImportExistingResources"),
    "nested stacks": (
        CHANGE_SET, member("IncludeNestedStacks", value=True), "IncludeNestedStacks"),
    "parent": (CHANGE_SET, member("ParentChangeSetId", value="arn:x"), "ParentChangeSetId"),
    "status": (CHANGE_SET, member("Status", value="FAILED"), "the change set's status was"),
    "execution status": (
        CHANGE_SET, member("ExecutionStatus", value="OBSOLETE"),
        "its execution status was AVAILABLE .* is OBSOLETE now"),
    "creation time": (
        CHANGE_SET, member("CreationTime", value=datetime(2020, 1, 1, tzinfo=UTC)),
        "the change set's created was"),
    "changes": (CHANGE_SET, member("Changes", value=lambda it: it[1:]), "the list of changes was"),
    "replacement": (CHANGE_SET, change_of("Queue", Replacement="True"), "the list of changes was"),
    "import": (CHANGE_SET, change_of("Queue", Action="Import"), "the list of changes was"),
    "a member that nobody knows yet": (
        CHANGE_SET, member("Novelty", value="x"), "the change set's extra was"),
    "held template": (
        HELD, lambda it: it.update(TemplateBody=str(it["TemplateBody"]) + "\n"),
        "the change set's template was [0-9a-f]{7} when"),
    "stack": (
        STACK, the_stack(StackId=f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/jobs/1"),
        "the stack of the change set was"),
    "stack's status": (
        STACK, the_stack(StackStatus="UPDATE_ROLLBACK_COMPLETE"), "the stack's status was"),
    "last update": (
        STACK, the_stack(LastUpdatedTime=datetime(2031, 1, 1, tzinfo=UTC)),
        "the stack's last update was .* is 2031"),
    "owner": (
        STACK, the_stack(Tags=[{"Key": "fargate-worker-stack", "Value": "dev/jobs"}]),
        "belongs to dev/jobs"),
    "no owner": (STACK, the_stack(Tags=[]), "the tag fargate-worker-stack"),
    "notice": (
        "DescribeChangeSetHooks", member("Hooks", value=[{"TypeName": "A::B::C"}]),
        "the notice of planned hook A::B::C was not set"),
}  # fmt: skip


@pytest.mark.parametrize("member", AWS)
def test_what_aws_holds_must_be_what_was_reviewed(
    member: str, prepared: Prepared, copied: Path
) -> None:
    operation, change, words = AWS[member]
    events = prepared.clients("cloudformation").meta.events

    def tampered(parsed: dict[str, Any], **_: Any) -> None:
        # A change set's template, and not the stack's.
        if operation != HELD or OLD not in str(parsed["TemplateBody"]):
            change(parsed)

    events.register(f"after-call.cloudformation.{operation}", tampered)
    try:
        said = refused(prepared.review, copied, prepared.clients)
    finally:
        events.unregister(f"after-call.cloudformation.{operation}", tampered)
    assert re.search(words, said), said
    assert waits(prepared)


def test_untouched_it_is_executed(tmp_path: Path, account: str, clients: Clients) -> None:
    ready = prepare(tmp_path, clients, account)
    bare = ready.review.model_copy(update={"allowed": ()})
    with pytest.raises(Refusal, match="Blocked by"):
        binding.check_allowed(bare, ())
    binding.check_allowed(bare, (CONSENT,))
    binding.check_allowed(ready.review, ())
    assert carry_out(ready.review, tmp_path, clients) == "UPDATE_COMPLETE"


def test_the_consent_stands_where_approvers_look(prepared: Prepared) -> None:
    review = prepared.review
    [consent] = review.allowed
    assert consent.by == review.where.caller
    words = f"let through by {consent.by}"
    assert words in " ".join(terminal.render(review).split())
    assert "let through by" in markdown.render([review])
    assert words in html.render([review])
    assert CONSENT in review.change_set.description


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("Description", "somebody else's", "its description does not say that this tool made it"),
        ("StackName", "other", "the stack of the change set was"),
        ("ExecutionStatus", "EXECUTE_COMPLETE", "it is no longer a proposal"),
        ("Changes", [], "the list of changes was"),
        ("Tags", [], "the change set's tag"),
    ],
)
def test_only_the_change_set_of_the_review_is_discarded(
    member: str, value: Any, words: str, prepared: Prepared
) -> None:
    events = prepared.clients("cloudformation").meta.events

    def tampered(parsed: dict[str, Any], **_: Any) -> None:
        parsed[member] = value

    events.register(f"after-call.cloudformation.{CHANGE_SET}", tampered)
    try:
        deployment = deployments.load(NAME, prepared.checkout)
        with pytest.raises(Refusal, match=words):
            discard.discard(prepared.review, deployment, prepared.clients)
    finally:
        events.unregister(f"after-call.cloudformation.{CHANGE_SET}", tampered)
    assert waits(prepared)


NO_ALARMS: dict[str, Any] = {}
ALARMS = {"RollbackTriggers": [{"Arn": ALARM}], "MonitoringTimeInMinutes": 5}


@pytest.mark.parametrize(
    ("member_", "kept", "answered", "words"),
    [
        ("NotificationARNs", [], [TOPIC], "the change set's notification topics was not set"),
        ("NotificationARNs", [TOPIC], [TOPIC], ""),
        ("NotificationARNs", [TOPIC], [], ""),
        ("RollbackConfiguration", NO_ALARMS, ALARMS, "the change set's rollback configuration"),
        ("RollbackConfiguration", ALARMS, ALARMS, ""),
    ],
)
def test_a_change_set_that_names_no_topics_or_alarms_may_answer_those_of_the_stack_only(
    member_: str, kept: Any, answered: Any, words: str, prepared: Prepared
) -> None:
    review = prepared.review
    deployment = deployments.load(NAME, prepared.checkout)
    found = binding.select(review, deployment, prepared.clients)
    assert found.plain is not None
    unbound = {"topics": (), "rollback_alarms": (), "rollback_minutes": 0}
    review = review.model_copy(update={"binding": review.binding.model_copy(update=unbound)})
    bare = {"NotificationARNs": [], "RollbackConfiguration": NO_ALARMS}
    stack = replace(found.stack, answer={**found.stack.answer, **bare, member_: kept})
    selected = binding.Selected(stack, {**found.plain, **bare, member_: answered})
    if words:
        with pytest.raises(Refusal, match=words):
            binding.check_selected(review, selected)
    else:
        binding.check_selected(review, selected)


def test_a_blocking_finding_is_let_through_by_its_own_name_only(prepared: Prepared) -> None:
    review = prepared.review.model_copy(update={"allowed": ()})
    with pytest.raises(Refusal, match=f"Blocked by {CONSENT}") as refused_:
        binding.check_allowed(review, ())
    assert f"To accept it: --allow {CONSENT}" in str(refused_.value)
    with pytest.raises(Refusal, match="no blocking finding deletes-stateful:Other"):
        binding.check_allowed(review, ("deletes-stateful:Other",))
    warning = next(each for each in review.findings if each.level == "warning")
    with pytest.raises(Refusal, match=f"no blocking finding {warning.allowed_by}"):
        binding.check_allowed(review, (CONSENT, warning.allowed_by))
    with pytest.raises(Refusal, match=f"no blocking finding {warning.allowed_by}"):
        binding.check_known((CONSENT, warning.allowed_by), review.findings)


def test_a_new_blocking_finding_is_refused(prepared: Prepared) -> None:
    review = prepared.review
    new = Finding(
        id="import-broken", level="blocking", logical_id="X", what="w", why="y", next_step="n"
    )
    now = review.model_copy(update={"findings": (*review.findings, new)})
    with pytest.raises(Refusal, match="the finding import-broken:X was not set"):
        binding.check_same(review, now, ())
    # What blocks no longer, since the account has changed, stops nobody.
    binding.check_same(now, review, ())


def test_a_simulation_that_fails_stops_no_execution(prepared: Prepared) -> None:
    review = prepared.review
    shown = ScalingEffect(loads=(), warnings=("w",), unknown=())
    failed = ScalingEffect(loads=(), warnings=(), unknown=("the simulation failed",))
    then = review.model_copy(update={"scaling": shown})
    binding.check_same(then, review.model_copy(update={"scaling": failed}), ())
    with pytest.raises(Refusal, match="the scaling was"):
        binding.check_same(then, review, ())


def test_every_file_of_a_deployment_is_checked(prepared: Prepared) -> None:
    found = deployments.load(NAME, prepared.checkout)
    assert {file.name for file in found.files} == {
        "jobs.template.yaml", "jobs.yaml", "target.yaml", "policy.json"
    }  # fmt: skip
    assert {file.name for file in found.target_files} == {"target.yaml", "policy.json"}


OUTSIDE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "template": (
        "The template out/jobs.template.yaml lies outside",
        lambda c: elsewhere(c, "out/jobs.template.yaml")),
    "template's path": (
        "The template /etc/hostname lies outside",
        text(PARAMS, "out/jobs.template.yaml", "/etc/hostname")),
    "template's folder": ("lies outside", lambda c: elsewhere(c, "out")),
    "values": ("The file params/prod/jobs.yaml lies outside", lambda c: elsewhere(c, PARAMS)),
    "target": (
        "The file params/prod/target.yaml lies outside", lambda c: elsewhere(c, ENVIRONMENT)),
    "environment": ("The file params/prod lies outside", lambda c: elsewhere(c, "params/prod")),
    "stack policy": (
        "params/prod/target.yaml:7: The stack policy params/prod/policy.json lies outside",
        lambda c: elsewhere(c, "params/prod/policy.json")),
    "stack policy's path": (
        "The stack policy params/prod/../../../outside.json lies outside",
        text(ENVIRONMENT, "policy.json", "../../../outside.json")),
    "circle": ("lies outside", lambda c: circle(c / OUT)),
}  # fmt: skip


def circle(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def elsewhere(root: Path, name: str) -> None:
    """Moves a file out of the checkout, and leaves a link to it."""
    target = root.parent / Path(name).name
    (root / name).rename(target)
    (root / name).symlink_to(target)


@pytest.mark.parametrize("what", OUTSIDE)
def test_nothing_is_read_from_outside_the_checkout(
    what: str, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, change = OUTSIDE[what]
    (copied.parent / "outside.json").write_text("{}")
    change(copied)
    monkeypatch.chdir(copied)
    with pytest.raises(Problem) as error:
        deployments.load(NAME, copied)
    assert words in str(error.value)


@pytest.mark.parametrize(
    "name", ["../prod/jobs", "prod/../jobs", "prod/target", "prod/./jobs", "/prod", "..", "prod/"]
)
def test_a_name_is_no_path(name: str, prepared: Prepared) -> None:
    with pytest.raises(Problem):
        deployments.load(name, prepared.checkout)
