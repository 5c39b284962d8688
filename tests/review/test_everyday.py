"""What people read each week: twenty changes of each worker, as AWS lists them and as we say them.

The rows are those that CloudFormation's own rule gives (tests/test_quiet.py), and each change goes
through all that a review goes through: predicted, at the endpoint, and with answers in the shape
that was recorded from AWS, whose detailed form leaves the dependents out.
"""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from bench import everyday
from templates import workers
from tests import test_quiet as quiet
from workerstack import deployments, localaws
from workerstack.cloudformation import from_data, plain, read, resolve, surroundings
from workerstack.cloudformation.logical_ids import written_references
from workerstack.cloudformation.schemas import recreation
from workerstack.deployer import aws, make_review
from workerstack.deployer.clock import Clock
from workerstack.deployer.stack import OWNER
from workerstack.localaws import accounts, walkthrough
from workerstack.localaws.surroundings import Surroundings
from workerstack.review.model import Review
from workerstack.review.predict import TemplateSide, foresee
from workerstack.review.show import markdown, text, words
from workerstack.specification import Worker

Template = dict[str, Any]
WIDTH, MOST = 100, 12
ROLLOUT = {"tasks-restarted"}
"""A note: what the rolling deployment means for jobs that run."""
GAIN, LOSS = {"iam-broadened"}, {"permission-lost"}
BOTH: dict[str, set[str]] = {
    "image": ROLLOUT,
    "environment variable": ROLLOUT,
    "cpu and memory": ROLLOUT,
    "time to stop": ROLLOUT,
    "user": ROLLOUT,
    "writable paths": ROLLOUT,
    "secret": ROLLOUT | GAIN,
    "right": GAIN,
    "no rights on buckets": LOSS,
    "step": set(),
    "upper bound": set(),
    "lower bound": set(),
    "window of scale-in": set(),
    "retention": set(),
    "subnets": ROLLOUT,
    "public addresses": ROLLOUT,
}
OF_EDIT = {"rule of the security group": {"network-opened"}, "object ACLs": LOSS}
OF_THUMBNAILS: dict[str, set[str]] = {
    "visibility timeout": set(), "receive count": set(), "who hears of dead letters": set(),
}  # fmt: skip
EVERYDAY = (
    (workers.EDIT, everyday.of_both(quiet.OTHER) | everyday.of_edit(quiet.OTHER), BOTH | OF_EDIT),
    (
        workers.THUMBNAILS,
        everyday.of_both(quiet.OTHER) | everyday.of_thumbnails(quiet.OTHER),
        BOTH | OF_THUMBNAILS,
    ),
)


class Everyday(NamedTuple):
    """One change: of whom, the rows of AWS, and the findings that are right."""

    worker: Worker
    name: str
    change: everyday.Change
    rows: set[str]
    findings: set[str]


TABLE = [
    Everyday(worker, name, changes[name].change, set(changes[name].rows), findings)
    for worker, changes, expected in EVERYDAY
    for name, findings in expected.items()
]


OF_ITS_OWN = {"image", "right", "secret", "writable paths", *OF_THUMBNAILS}
ASKED = [each for each in TABLE if each.worker is workers.EDIT or each.name in OF_ITS_OWN]
"""What is reviewed at the endpoint, which takes time: in the rest the workers do not differ."""


def test_there_are_twenty_of_both() -> None:
    assert len({each.name for each in TABLE}) >= 20
    assert len({each.name for each in ASKED}) >= 20


def check(review: Review, case: Everyday) -> None:
    """Rows, findings, lines and counts, on the terminal and as a comment."""
    assert {each.logical_id for each in review.resources if each.can_change} == case.rows
    assert {each.id for each in review.findings} == case.findings
    assert [each for each in review.findings if each.level == "blocking"] == []
    assert review.unforeseen == ()
    lines = text.render(review, width=WIDTH).splitlines()
    told = [line for line in lines if not line.startswith("  Not known")]
    assert len(told) <= MOST, "\n".join(lines)
    assert max(map(len, lines)) <= WIDTH
    counted = lines[1].partition(";")[0].partition(".")[0]
    assert sum(int(part.split()[0]) for part in counted.split(", ")) == len(case.rows)
    shown = [line.split()[1].rstrip(",") for line in lines if line[:2] in ("± ", "~ ", "+ ", "- ")]
    assert {*shown} - {*words.KINDS.values()} == case.rows
    comment = markdown.render([review]).partition("<details>")[0]
    assert all(f"<code>{name}</code>" in comment for name in case.rows)
    assert all(each.id.replace("-", "\\-") in comment for each in review.findings)


@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"{case.worker.name}: {case.name}")
def test_predicted(case: Everyday) -> None:
    values = dict(quiet.VALUES)
    changed = case.change(case.worker, values)
    review = foresee(
        TemplateSide(everyday.build(case.worker), quiet.VALUES),
        TemplateSide(everyday.build(changed), values),
        name="dev/worker", account="111122223333", region="us-west-2", stack="worker",
    ).review  # fmt: skip
    check(review, case)


QUICK = Clock(sleep=lambda _: time.sleep(0.002))


def dumped(data: Any) -> str:
    """As YAML, by libyaml: each case writes whole templates."""
    return str(yaml.dump(data, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))


class Deployed(NamedTuple):
    """A stack that runs at the endpoint, and where its checkout is."""

    name: str
    root: Path
    clients: aws.Clients
    template: Template
    values: dict[str, str]
    physical_ids: dict[str, str]

    def review(self, template: Template, values: Mapping[str, str]) -> Review:
        """The review of what the stack is to become; the change set is dropped again."""
        listed = {
            key: values[key].split(",") if key == "SubnetIds" else values[key]
            for key in template["Parameters"]
            if key in values
        }
        given = {"template-file-path": f"out/{self.name}.template.yaml", "parameters": listed}
        (self.root / f"out/{self.name}.template.yaml").write_text(dumped(template))
        (self.root / f"params/dev/{self.name}.yaml").write_text(dumped(given))
        deployment = deployments.load(f"dev/{self.name}", self.root)
        found = make_review.make_review(deployment, self.clients, QUICK)
        assert found is not None
        self.clients("cloudformation").delete_change_set(ChangeSetName=found.change_set.arn)
        return found


Deploy = Callable[[str, Template], Deployed]


@pytest.fixture(scope="module")
def deploy(
    endpoint: localaws.Endpoint,
    made_once: tuple[str, Surroundings],
    tmp_path_factory: pytest.TempPathFactory,
) -> Deploy:
    """Deploys a template in an account of its own, once for all changes of it."""
    source, made = made_once
    numbers = itertools.count(1)

    def go(name: str, template: Template) -> Deployed:
        number = f"{os.getpid() % 100_000:05d}77{next(numbers):05d}"
        accounts.copy(source, number)
        things: Surroundings = accounts.renamed(made, source, number)
        root = tmp_path_factory.mktemp(name)
        for folder in ("out", "params/dev"):
            (root / folder).mkdir(parents=True)
        target = f'account: "{number}"\nregion: {walkthrough.REGION}\n'
        (root / "params/dev/target.yaml").write_text(target)
        values = quiet.VALUES | {
            "FileSystemSecurityGroupId": things.file_system_security_group_id,
            "GitHubTokenSecretArn": things.secret_arn,
            "VpcId": things.vpc_id,
        }
        client = walkthrough.client("cloudformation", endpoint.url, number)
        client.create_stack(
            StackName=name, TemplateBody=dumped(template),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": values[key]}
                for key in template["Parameters"]
                if key in values
            ],
            Tags=[{"Key": OWNER, "Value": f"dev/{name}"}],
        )  # fmt: skip
        waiter = client.get_waiter("stack_create_complete")
        waiter.wait(StackName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 1000})
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", number)
            patch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
            clients = aws.Clients(walkthrough.REGION, endpoint_url=endpoint.url)
            clients("cloudformation")  # whose session keeps these credentials
        made_ = client.describe_stack_resources(StackName=name)["StackResources"]
        ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made_}
        return Deployed(name, root, clients, template, values, ids)

    return go


@pytest.fixture(scope="module")
def running(deploy: Deploy) -> Mapping[str, Deployed]:
    """Both workers, as they are emitted."""
    return {worker.name: deploy(worker.name, everyday.build(worker)) for worker in workers.ALL}


@pytest.mark.parametrize("case", ASKED, ids=lambda case: f"{case.worker.name}: {case.name}")
def test_at_the_endpoint(case: Everyday, running: Mapping[str, Deployed]) -> None:
    """Its rows are AWS's, and all that AWS knows is asked for."""
    stack = running[case.worker.name]
    values = dict(stack.values)
    template = everyday.build(case.change(case.worker, values))
    check(stack.review(template, values), case)


@pytest.mark.parametrize("case", ASKED, ids=lambda case: f"{case.worker.name}: {case.name}")
def test_in_the_shape_that_aws_answers_in(case: Everyday, running: Mapping[str, Deployed]) -> None:
    stack = running[case.worker.name]
    values = dict(stack.values)
    template = everyday.build(case.change(case.worker, values))
    with answering(stack, template, values):
        check(stack.review(template, values), case)


@pytest.mark.parametrize(
    ("worker", "values", "expected", "beside"),
    [
        ("webordinary-edit", {"ImageReference": ":next"}, {"TaskDefinition", "Service"}, 5),
        ("webordinary-edit", {"LogRetentionDays": "30"}, {"LogGroup"}, 8),
        ("thumbnails", {"VisibilityTimeout": "700"}, {"Queue"}, 8),
    ],
)
@pytest.mark.parametrize("shape", ["the endpoint's", "recorded"])
def test_rows_that_cannot_change_are_one_line(
    worker: str, values: dict[str, str], expected: set[str], beside: int, shape: str,
    deploy: Deploy,
) -> None:  # fmt: skip
    """The former templates, of whose attributes others are made: AWS lists all of those."""
    text_ = (quiet.FORMER / f"{worker}.former.template.yaml").read_text()
    stack = deploy(worker, dict(read(text_, worker).data))
    values = stack.values | values
    with answering(stack, stack.template, values) if shape == "recorded" else nullcontext():
        review = stack.review(stack.template, values)
    assert len(review.resources) == len(expected) + beside
    assert {each.logical_id for each in review.resources if each.can_change} == expected
    assert {each.id for each in review.findings} <= ROLLOUT
    assert review.unforeseen == ()
    shown = text.render(review, width=WIDTH)
    assert f"also lists {beside} resources that cannot change (--all)" in shown
    assert "may be replaced" not in shown


# ---- answers as they were recorded


@contextmanager
def answering(stack: Deployed, template: Template, values: Mapping[str, str]) -> Iterator[None]:
    """DescribeChangeSet answers as AWS does: more details, and values in the second answer only.

    The changes are those of AWS's rule of listing; which, is not taken from the endpoint.
    """
    asked: list[bool] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        asked.append(bool(params.get("IncludePropertyValues")))

    def put(parsed: dict[str, Any], **_: Any) -> None:
        parsed["Changes"] = list(recorded(stack, template, values, valued=asked[-1]))

    events = stack.clients("cloudformation").meta.events
    names = ("provide-client-params", note), ("after-call", put)
    for name, handler in names:
        events.register(f"{name}.cloudformation.DescribeChangeSet", handler)
    try:
        yield
    finally:
        for name, handler in names:
            events.unregister(f"{name}.cloudformation.DescribeChangeSet", handler)


def recorded(
    stack: Deployed, template: Template, values: Mapping[str, str], *, valued: bool
) -> Iterator[dict[str, Any]]:
    """The changes; with values only those of what is written or given otherwise."""
    given = [{key: each[key] for key in body["Parameters"] if key in each}
             for body, each in ((stack.template, stack.values), (template, values))]  # fmt: skip
    where = surroundings(stack.root.name, walkthrough.REGION, stack.name)
    one, two = (
        resolve(from_data(body), each, where)
        for body, each in zip((stack.template, template), given, strict=True)
    )
    rows = quiet.rows(stack.template, template, old=stack.values, new=values)
    changed = {
        key for key in two.parameters
        if key in one.parameters and one.parameters[key] != two.parameters[key]
    }  # fmt: skip
    for name, replacement in rows.items():
        body, kind = template["Resources"][name], template["Resources"][name]["Type"]
        details = []
        for key in dict.fromkeys(
            (*one.resources[name].properties, *two.resources[name].properties)
        ):
            sides = [plain(each.resources[name].properties.get(key)) for each in (one, two)]
            target = {
                "Attribute": "Properties", "Name": key,
                "RequiresRecreation": recreation(kind, (key,)),
            }  # fmt: skip
            referred = list(dict.fromkeys(written_references((body["Properties"]).get(key))))
            causes = list(_causes(referred, rows, changed))
            direct = sides[0] != sides[1]
            if valued and direct:
                target |= {
                    "Path": f"/Properties/{key}", "AttributeChangeType": "Modify",
                    "BeforeValue": _told(sides[0]), "AfterValue": _told(sides[1]),
                }  # fmt: skip
            details += [{"Target": target, **cause} for cause in causes]
            if direct or (causes and any(each["Evaluation"] == "Static" for each in causes)):
                details.append({
                    "Target": target, "Evaluation": "Dynamic" if causes else "Static",
                    "ChangeSource": "DirectModification",
                })  # fmt: skip
        if valued and not any("Path" in each["Target"] for each in details):
            continue  # seen: the detailed answer leaves out what only follows
        yield {
            "Type": "Resource",
            "ResourceChange": {
                "Action": "Modify", "LogicalResourceId": name, "ResourceType": kind,
                "PhysicalResourceId": stack.physical_ids[name], "Replacement": replacement,
                "Scope": ["Properties"], "Details": details,
            }
            | ({"PolicyAction": "ReplaceAndDelete"} if replacement != "False" else {}),
        }  # fmt: skip


def _causes(
    referred: list[tuple[str, str]], rows: quiet.Rows, changed: set[str]
) -> Iterator[dict[str, Any]]:
    for target, attribute in referred:
        if target in changed:
            yield {
                "Evaluation": "Static", "ChangeSource": "ParameterReference",
                "CausingEntity": target,
            }  # fmt: skip
        elif target in rows and (attribute or rows[target] != "False"):
            yield {
                "Evaluation": "Static" if rows[target] == "True" else "Dynamic",
                "ChangeSource": "ResourceAttribute" if attribute else "ResourceReference",
                "CausingEntity": f"{target}.{attribute}" if attribute else target,
            }  # fmt: skip


def _told(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
