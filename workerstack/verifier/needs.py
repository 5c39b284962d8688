"""A need of a deployment: one thing outside of its stack, how it is looked for, and the verdict."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workerstack.checks import rights
from workerstack.checks.worker import SERVICE, TARGET, containers, number, service_of
from workerstack.cloudformation import Resource, Stack, text
from workerstack.cloudformation.policies import AccessRequest, Answer, Principal, decide, read
from workerstack.deployer import aws_errors
from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import code_of
from workerstack.deployer.stack import StackResource
from workerstack.deployments import Deployment
from workerstack.verifier.asking import DENIED, PREFIXES, TOLD, Ask, GoneError, NotAllowedError
from workerstack.verifier.check import Verdict
from workerstack.verifier.live_check import NotKnown, not_allowed


@dataclass(frozen=True)
class Subject:
    """What is to be deployed, resolved, and what its stack has today, by logical ID.

    ``denied`` is the permission without which nobody knows what the stack has.
    """

    deployment: Deployment
    stack: Stack
    deployed: Mapping[str, StackResource]
    clients: Clients
    ask: Ask
    denied: str = ""

    def check_known(self) -> None:
        """Raises NotAllowedError where what the stack has today may not be read."""
        if self.denied:
            raise NotAllowedError(self.denied)

    @property
    def account(self) -> str:
        """The target's account."""
        return self.deployment.target.account

    @property
    def region(self) -> str:
        """The target's region."""
        return self.deployment.target.region

    @property
    def partition(self) -> str:
        """``aws``, ``aws-cn``, ``aws-us-gov``."""
        return str(text(self.stack.pseudo("AWS::Partition")) or "aws")

    def physical(self, value: Any, *types: str) -> str | None:
        """What a value names: a text, or what a resource of the stack is today; else None."""
        own = self.stack.referred(value, *types)
        if own is None:
            return text(value)
        there = self.deployed.get(own.logical_id)
        return there.physical_id if there and there.physical_id else None

    def most_tasks(self, service: Resource) -> int | None:
        """How many tasks scaling may start; None where that is not known."""
        for target in self.stack.of(TARGET):
            if service_of(self.stack, target) is service:
                most = number(target.get("MaxCapacity"))
                return None if most is None else int(most)
        count = number(service.get("DesiredCount"))
        return None if count is None else int(count)

    @property
    def services(self) -> list[Resource]:
        """The ECS services."""
        return list(self.stack.of(SERVICE))

    def given(self, *names: str) -> Iterator[str]:
        """The known values of the containers' environment variables of these names."""
        for container in containers(self.stack):
            for _, variable in container.members("Environment"):
                value = text(variable.get("Value"))
                if value is not None and text(variable.get("Name")) in names:
                    yield value


class MissingError(Exception):
    """A need that is not met: what is wrong, and what to do."""

    def __init__(self, what: str, next_step: str) -> None:
        super().__init__(what)
        self.what, self.next_step = what, next_step


@dataclass(frozen=True)
class Need:
    """One need; ``look`` gives the evidence, or raises MissingError or NotKnown.

    ``services`` are those whose clients it uses.
    """

    id: str
    criterion: str
    services: tuple[str, ...]
    look: Callable[[Subject], str]


def judge(need: Need, subject: Subject) -> Verdict:  # noqa: PLR0911 - one return a verdict
    """A need as a line of the report; SKIP, with the action, where it may not be looked for."""
    from botocore.exceptions import BotoCoreError, ClientError

    def skipped(why: str) -> Verdict:
        return Verdict(need.id, need.criterion, "SKIP", f"not known: {why}")

    try:
        return Verdict(need.id, need.criterion, "PASS", need.look(subject))
    except MissingError as missing:
        return Verdict(need.id, need.criterion, "FAIL", missing.what, missing.next_step)
    except NotKnown as unknown:
        return skipped(str(unknown))
    except NotAllowedError as error:
        return not_allowed(need.id, need.criterion, [error.action])
    except GoneError as error:
        return Verdict(need.id, need.criterion, "FAIL", f"it does not exist ({error})",
                     "Create it, or correct the value in params/")  # fmt: skip
    except ClientError as error:
        if DENIED.search(code_of(error)):
            return not_allowed(need.id, need.criterion, [_denied(error, need.services[0])])
        return skipped(aws_errors.sentence(error).why)
    except BotoCoreError as error:
        if aws_errors.cause_of(error) == "credentials":
            raise
        return skipped(aws_errors.sentence(error).why)


def _denied(error: Any, service: str) -> str:
    told = TOLD.search(str(error))
    return told[1] if told else f"{PREFIXES.get(service, service)}:{error.operation_name}"


def longest_job(task: Resource) -> int:
    """Seconds, as the worker declares them in ``Metadata.Worker.LongestJob``; 0 where not."""
    worker = task.metadata.get("Worker")
    found = number(worker.get("LongestJob")) if isinstance(worker, dict) else None
    return int(found) if found else 0


CUSTOMER_KEY = re.compile(r"(?!alias/aws/)(?!arn:[^:]*:kms:[^:]*:[^:]*:alias/aws/).+")


def check_key(subject: Subject, key: str, role: Any, of: str) -> str:
    """Whether a role may decrypt with a customer key; a few words on it, empty for AWS's own.

    The role's policies must allow it, and the key's policy must let the account, or the role, do
    so. Source: KMS developer guide, "Key policies", "Allows access to the AWS account".
    """
    if not key or not CUSTOMER_KEY.fullmatch(key):
        return ""
    try:
        found = subject.ask("kms", "describe_key", KeyId=key)["KeyMetadata"]
    except GoneError:
        raise MissingError(
            f"{of} is under the key {key}, which does not exist", "Encrypt it with another key"
        ) from None
    if found.get("KeyManager") == "AWS":
        return ""
    short = str(found["Arn"]).rpartition("/")[2]
    if found.get("KeyState", "Enabled") != "Enabled":
        raise MissingError(
            f"{of} is under the key {short}, which is {found['KeyState']}",
            f"aws kms enable-key --key-id {short}",
        )
    acting = rights.role(subject.stack, role)
    if acting is None:
        raise NotKnown(
            f"{of} is under the customer key {short}, and its reader's role is of no template here"
        )
    if rights.may(subject.stack, acting, "kms:Decrypt", found["Arn"]) is False:
        raise MissingError(
            f"{of} is under the customer key {short}, and {acting.logical_id} may not decrypt"
            " with it",
            f"Allow kms:Decrypt on {found['Arn']} in {acting.logical_id}",
        )
    policy = subject.ask("kms", "get_key_policy", KeyId=found["Arn"])["Policy"]
    account = found["Arn"].split(":")[4]
    there = subject.deployed.get(acting.logical_id)
    names = [f"arn:{subject.partition}:iam::{account}:root"] if account == subject.account else []
    if there is not None and there.physical_id:
        names.append(f"arn:{subject.partition}:iam::{subject.account}:role/{there.physical_id}")
    answers = [
        decide(
            [read(policy)], AccessRequest("kms:Decrypt", None, {}, Principal("AWS", name))
        ).answer
        for name in names
    ]
    if not any(each in (Answer.ALLOWED, Answer.UNKNOWN) for each in answers):
        raise MissingError(
            f"the policy of the key {short}, under which {of} is, does not let"
            f" {acting.logical_id} use it",
            "Allow kms:Decrypt to the account's root or to that role in the key's policy",
        )
    return f", under the customer key {short}"


def plural(number: int, one: str) -> str:
    """``1 rule``, ``3 rules``."""
    return f"1 {one}" if number == 1 else f"{number} {one}s"


def listed(names: Sequence[str]) -> str:
    """Names in one line, each once."""
    return ", ".join(dict.fromkeys(names))
