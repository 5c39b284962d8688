"""Quotas of the account that the most tasks, the rules or the roles would exceed.

Source: Service Quotas user guide; Fargate service quotas (vCPU), Amazon VPC quotas (rules per
security group), IAM quotas (roles per account).
"""

from collections.abc import Iterator
from functools import partial

from workerstack.checks.rights import ROLE
from workerstack.checks.worker import GROUP, TASK, kilo, listed, members
from workerstack.cloudformation import Resource, text
from workerstack.verifier.asking import GoneError
from workerstack.verifier.deployed_checks import GROUP_RULES
from workerstack.verifier.live_check import NotKnown
from workerstack.verifier.needs import MissingError, Need, Subject, plural

ON_DEMAND, SPOT = "L-3032A538", "L-36FBB829"
"""Fargate vCPUs that run at once in a Region."""

RULES = "L-0EA8095F"
"""Rules of a security group, in each direction."""

CONSOLE = "Raise it in Service Quotas, or lower {}"


def quota_needs(subject: Subject) -> Iterator[Need]:
    """The vCPUs of the most tasks, the rules of each group, the roles of a new stack."""
    if subject.services:
        yield Need("vcpu-quota", "the most tasks fit into the quota of Fargate vCPUs",
                   ("service-quotas",), _vcpus)  # fmt: skip
    for group in sorted(_foreign(subject)):
        yield Need("rule-quota", f"{group} takes the stack's rules",
                   ("ec2", "service-quotas"), partial(_rules, group))  # fmt: skip
    own = [(each, _written(each)) for each in subject.stack.of(GROUP)]
    if any(number > LOWEST for _, number in own):
        yield Need("rule-quota", "the stack's groups have no more rules than allowed",
                   ("service-quotas",), partial(_own_rules, own))  # fmt: skip
    new = [each for each in subject.stack.of(ROLE) if each.logical_id not in subject.deployed]
    if new:
        yield Need("role-quota", "the account takes the stack's roles", ("iam",),
                   partial(_roles, len(new)))  # fmt: skip


LOWEST = 50
"""Rules up to which nobody is asked: the quota is 60 unless somebody lowered it."""


def _quota(subject: Subject, service: str, code: str) -> float:
    of = {"ServiceCode": service, "QuotaCode": code}
    try:
        found = subject.ask("service-quotas", "get_service_quota", **of)
    except GoneError:  # what was never changed is the default
        found = subject.ask("service-quotas", "get_aws_default_service_quota", **of)
    return float(found["Quota"]["Value"])


def _vcpus(subject: Subject) -> str:
    wanted: dict[str, float] = {}
    for service in subject.services:
        most, task = subject.most_tasks(service), subject.stack.referred(
            service.get("TaskDefinition"), TASK
        )  # fmt: skip
        cpu = kilo(task.get("Cpu"), "vcpu") if task is not None else None
        if most is None or cpu is None:
            raise NotKnown("how many tasks there may be, or of which size, is not written")
        for code in _codes(service):
            wanted[code] = wanted.get(code, 0) + most * cpu / 1024
    said = []
    for code, vcpus in wanted.items():
        quota = _quota(subject, "fargate", code)
        kind = "Fargate Spot" if code == SPOT else "Fargate On-Demand"
        if vcpus > quota:
            raise MissingError(
                f"the most tasks take {vcpus:g} vCPUs, and the account's quota of {kind} is"
                f" {quota:g}",
                CONSOLE.format("MaxTasks"),
            )
        said.append(f"{vcpus:g} of {quota:g} vCPUs of {kind}")
    return ", ".join(said)


def _codes(service: Resource) -> set[str]:
    providers = [text(each.get("CapacityProvider"))
                 for _, each in members(service.get("CapacityProviderStrategy"))]  # fmt: skip
    found = {SPOT if each == "FARGATE_SPOT" else ON_DEMAND for each in providers}
    return found or {ON_DEMAND}


def _foreign(subject: Subject) -> set[str]:
    """The groups of others to which the stack adds rules."""
    found = set()
    for rule in subject.stack.of(*GROUP_RULES):
        given = rule.get("GroupId")
        known = text(given)
        if known and subject.stack.referred(given, GROUP) is None:
            found.add(known)
    return found


def _rules(group: str, subject: Subject) -> str:
    try:
        [found] = subject.ask("ec2", "describe_security_groups", GroupIds=[group])[
            "SecurityGroups"
        ]  # fmt: skip
    except GoneError:
        raise MissingError(
            f"the security group {group} does not exist", "Correct its id in params/"
        ) from None
    sources = ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
    there = sum(
        len(each.get(name, ())) for each in found.get("IpPermissions", ()) for name in sources
    )
    new = [
        each
        for each in subject.stack.of(GROUP_RULES[0])
        if text(each.get("GroupId")) == group and each.logical_id not in subject.deployed
    ]
    if there + len(new) <= LOWEST:
        return f"{group} has {plural(there, 'inbound rule')}"
    quota = _quota(subject, "vpc", RULES)
    if there + len(new) > quota:
        raise MissingError(
            f"{group} has {there} inbound rules, and the account's quota is {quota:g}",
            CONSOLE.format("the number of its rules"),
        )
    return f"{group} has {there} of {quota:g} inbound rules"


def _written(group: Resource) -> int:
    lists = ("SecurityGroupIngress", "SecurityGroupEgress")
    return max(len(listed(group.get(name))) for name in lists)


def _own_rules(groups: list[tuple[Resource, int]], subject: Subject) -> str:
    quota = _quota(subject, "vpc", RULES)
    for group, number in groups:
        if number > quota:
            raise MissingError(
                f"{group.logical_id} has {number} rules in one direction, and the account's quota"
                f" is {quota:g}",
                CONSOLE.format("the number of its rules"),
            )
    return f"at most {max(number for _, number in groups)} of {quota:g}"


def _roles(number: int, subject: Subject) -> str:
    subject.check_known()
    found = subject.clients("iam").get_account_summary()["SummaryMap"]
    there, quota = int(found.get("Roles", 0)), int(found.get("RolesQuota", 0))
    if not quota:
        raise NotKnown("IAM does not tell the quota")
    if there + number > quota:
        raise MissingError(
            f"the account has {there} of {quota} roles, and the stack brings {number}",
            CONSOLE.format("the number of roles"),
        )
    return f"{there} of {quota} roles, and {number} more"
