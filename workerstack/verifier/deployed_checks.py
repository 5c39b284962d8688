"""The checks of what was deployed: is the live stack still so, and what mends it where not.

Every fault says what puts it back: one call of the service's own API where that is enough, else a
review that reverts the drift. Nothing here changes anything.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workerstack.cloudformation import Resource, could_be_equal, equal, is_known, text, written
from workerstack.cloudformation.values import scalar
from workerstack.deployer import service as live_service
from workerstack.verifier.compare_properties import Deviation, deviations, wanted_properties
from workerstack.verifier.live_check import Fault, Faults, LiveCheck, Look, NotKnown
from workerstack.verifier.live_resources import LiveResource, describe_group, rules
from workerstack.verifier.live_stack import INLINE, POLICY, TARGET, Live, by_hand_id, settled
from workerstack.verifier.security_groups import rules_by_hand

ALARM = "AWS::CloudWatch::Alarm"
SERVICE = "AWS::ECS::Service"
TASK_DEFINITION = "AWS::ECS::TaskDefinition"
ROLE = "AWS::IAM::Role"
MANAGED = "AWS::IAM::ManagedPolicy"
QUEUE = "AWS::SQS::Queue"
QUEUE_POLICY = "AWS::SQS::QueuePolicy"
GROUP = "AWS::EC2::SecurityGroup"
GROUP_RULES = ("AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress")
LOG_GROUP = "AWS::Logs::LogGroup"


def _said(name: str, found: Sequence[Deviation]) -> str:
    return "; ".join(
        f"{name}: {each.property} is {_value(each.live)} instead of {_value(each.wanted)}"
        for each in found
    )


def _value(value: Any) -> str:
    if value is None:
        return "not set"
    found = scalar(value)
    return written(value) if found is None else found


def _alarms(look: Look) -> Faults:
    for each in look.live.of(ALARM):
        name = each.logical_id
        found = deviations(look.live, each)
        wanted = {**wanted_properties(look.live, each), "AlarmName": look.live.physical[name]}
        if name in look.live.gone:
            yield Fault(
                f"{name} was deleted", look.mend("cloudwatch", "PutMetricAlarm", wanted), name
            )
        elif found and all(deviation.path == ("ActionsEnabled",) for deviation in found):
            operation = "EnableAlarmActions" if found[0].wanted is True else "DisableAlarmActions"
            yield Fault(
                f"{name}: its actions are {'disabled' if found[0].wanted is True else 'enabled'}",
                look.call("cloudwatch", operation, AlarmNames=[wanted["AlarmName"]]), name,
            )  # fmt: skip
        elif found:
            yield Fault(_said(name, found), look.mend("cloudwatch", "PutMetricAlarm", wanted), name)


def _scaling(look: Look) -> Faults:
    targets = list(look.live.of(TARGET))
    if not targets and any(look.live.of(SERVICE)):
        yield Fault("the service has no scalable target", "Add one to the template")
    for target in targets:
        yield from _target(look, target)
        if target.logical_id in look.live.found:
            yield from _by_hand(look, target, look.live.found[target.logical_id])
    for policy in look.live.of(POLICY):
        name = policy.logical_id
        if name in look.live.gone:
            yield Fault(f"{name} was deleted", look.revert, name)
        elif found := deviations(look.live, policy):
            values = {**look.live.found[name].properties, **wanted_properties(look.live, policy)}
            mend = look.mend("application-autoscaling", "PutScalingPolicy", values)
            yield Fault(_said(name, found), mend, name)


def _target(look: Look, target: Resource) -> Faults:
    name = target.logical_id
    wanted = wanted_properties(look.live, target)
    if name in look.live.gone:
        yield Fault(f"{name} was deleted", look.revert, name)
        return
    found = deviations(look.live, target)
    suspended = [each for each in found if each.path[0] == "SuspendedState"]
    bounds = [each for each in found if each not in suspended and not _by_the_clock(target, each)]
    if suspended:
        states = {each.path[-1]: each.wanted is True for each in suspended}
        words = ", ".join(each.property.rpartition(".")[2] for each in suspended)
        mend = live_service.resume_command(look.live.found[name].properties, states)
        yield Fault(f"{name}: {words} is {_value(suspended[0].live)}", mend, name)
    if bounds:
        mend = look.mend("application-autoscaling", "RegisterScalableTarget", {
            key: each for key, each in wanted.items() if key not in ("SuspendedState", "RoleARN")
        })  # fmt: skip
        yield Fault(_said(name, bounds), mend, name)


def _by_the_clock(target: Resource, found: Deviation) -> bool:
    """Whether a bound, or a list of actions, is what the template's scheduled actions make it.

    Actions that somebody added are told one by one.
    """
    written = [each for each in target.get("ScheduledActions") or [] if isinstance(each, dict)]
    if found.path == ("ScheduledActions",) and isinstance(found.live, list):
        return all(any(equal(each, other) for other in found.live) for each in found.wanted or [])
    name = found.path[0]
    return name in ("MinCapacity", "MaxCapacity") and any(
        equal((each.get("ScalableTargetAction") or {}).get(name), found.live) for each in written
    )


def _by_hand(look: Look, target: Resource, found: LiveResource) -> Faults:
    """Policies and scheduled actions that somebody added to a scalable target."""
    of = {name: found.properties[name]
          for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")}  # fmt: skip
    scaling = "application-autoscaling"
    for each in look.ask(scaling, "describe_scaling_policies", **of)["ScalingPolicies"]:
        if each["PolicyARN"] not in look.live.physical.values():
            mend = look.call(scaling, "DeleteScalingPolicy", PolicyName=each["PolicyName"], **of)
            what = f"the policy {each['PolicyName']} ({each['PolicyType']}) is not in the template"
            yield Fault(what, mend, by_hand_id(target.logical_id, each["PolicyName"]))
    written = [text(each.get("ScheduledActionName")) for each in target.get("ScheduledActions")
               or [] if isinstance(each, dict)]  # fmt: skip
    for each in look.ask(scaling, "describe_scheduled_actions", **of)["ScheduledActions"]:
        name = each["ScheduledActionName"]
        if name not in written:
            mend = look.call(scaling, "DeleteScheduledAction", ScheduledActionName=name, **of)
            yield Fault(f"the scheduled action {name} is not in the template", mend,
                        target.logical_id)  # fmt: skip


def _roles(look: Look) -> Faults:
    for role in look.live.of(ROLE):
        name = role.logical_id
        if name in look.live.gone:
            yield Fault(f"{name} was deleted", look.revert, name)
        if name in look.live.found:
            yield from _inline(look, role)
            yield from _attached(look, role)
            yield from _role_itself(look, role)
    for policy in look.live.of(MANAGED):
        name = policy.logical_id
        if name in look.live.gone:
            yield Fault(f"{name} was deleted", look.revert, name)
        elif found := deviations(look.live, policy):
            document = wanted_properties(look.live, policy)["PolicyDocument"]
            mend = look.mend("iam", "CreatePolicyVersion", {
                "PolicyArn": look.live.physical[name], "PolicyDocument": document,
                "SetAsDefault": True,
            })  # fmt: skip
            words = ", ".join(sorted({each.path[0] for each in found}))
            yield Fault(f"{name}: {words} differs from the template", mend, name)


def _inline(look: Look, role: Resource) -> Faults:
    name, physical = role.logical_id, look.live.physical[role.logical_id]
    wanted = {
        str(each["PolicyName"]): each["PolicyDocument"]
        for each in _written_policies(look.live, role)
    }
    present = {
        each["PolicyName"]: each["PolicyDocument"]
        for each in look.live.found[name].properties["Policies"]
    }
    for policy in sorted(present.keys() - wanted.keys()):
        mend = look.call("iam", "DeleteRolePolicy", RoleName=physical, PolicyName=policy)
        what = f"{name} has the inline policy {policy}, which the template has not"
        yield Fault(what, mend, name)
    for policy, document in wanted.items():
        same = policy in present and (
            equal(document, present[policy], "PolicyDocument")
            or could_be_equal(document, present[policy]) is not False
        )
        if same:
            continue
        mend = look.mend("iam", "PutRolePolicy", {
            "RoleName": physical, "PolicyName": policy, "PolicyDocument": document,
        })  # fmt: skip
        how = "differs from the template" if policy in present else "was deleted"
        yield Fault(f"{name}: its inline policy {policy} {how}", mend, name)


def _written_policies(live: Live, role: Resource) -> Iterator[Mapping[str, Any]]:
    """The inline policies of a role: its own, and resources that name it."""
    yield from settled(role.get("Policies") or [], live.deployed.reference)
    for each in live.of(*INLINE):
        if _is_of(live, each, role):
            yield wanted_properties(live, each)


def _is_of(live: Live, policy: Resource, role: Resource) -> bool:
    roles = settled([policy.get("RoleName"), *(policy.get("Roles") or [])], live.deployed.reference)
    return live.physical[role.logical_id] in roles


def _attached(look: Look, role: Resource) -> Faults:
    name, physical = role.logical_id, look.live.physical[role.logical_id]
    written_arns = settled(role.get("ManagedPolicyArns") or [], look.live.deployed.reference)
    wanted = {
        *(str(each) for each in written_arns),
        *(look.live.physical[each.logical_id] for each in look.live.of(MANAGED)
          if _is_of(look.live, each, role)),
    }  # fmt: skip
    present = set(look.live.found[name].properties["ManagedPolicyArns"])
    if not is_known(written_arns):
        return  # which of them are the template's cannot be told
    for arn in sorted(present - wanted):
        mend = look.call("iam", "DetachRolePolicy", RoleName=physical, PolicyArn=arn)
        what = f"{name} has the managed policy {arn}, which the template has not"
        yield Fault(what, mend, name)
    for arn in sorted(wanted - present):
        mend = look.call("iam", "AttachRolePolicy", RoleName=physical, PolicyArn=arn)
        yield Fault(f"{name} has not the managed policy {arn} of the template", mend, name)


def _role_itself(look: Look, role: Resource) -> Faults:
    name, physical = role.logical_id, look.live.physical[role.logical_id]
    wanted = wanted_properties(look.live, role)
    for prop in dict.fromkeys(each.path[0] for each in deviations(look.live, role)):
        if prop == "AssumeRolePolicyDocument":
            what = "its trust policy differs from the template"
            mend = look.mend("iam", "UpdateAssumeRolePolicy",
                             {"RoleName": physical, "PolicyDocument": wanted[prop]})  # fmt: skip
        elif prop == "PermissionsBoundary" and wanted.get(prop):
            what = "its permissions boundary is another one or none"
            mend = look.mend("iam", "PutRolePermissionsBoundary",
                             {"RoleName": physical, prop: wanted[prop]})  # fmt: skip
        elif prop == "PermissionsBoundary":
            what = "it has a permissions boundary, which the template has not"
            mend = look.call("iam", "DeleteRolePermissionsBoundary", RoleName=physical)
        elif prop in ("Description", "MaxSessionDuration"):
            what = f"{prop} differs from the template"
            mend = look.mend("iam", "UpdateRole", {"RoleName": physical, prop: wanted[prop]})
        else:
            what, mend = f"{prop} differs from the template", look.revert
        yield Fault(f"{name}: {what}", mend, name)


def _groups(look: Look) -> Faults:
    owners = {physical: name for name, physical in look.live.physical.items()}
    for each in look.live.of(GROUP):
        if each.logical_id in look.live.gone:
            yield Fault(f"{each.logical_id} was deleted", look.revert, each.logical_id)
    for rule in rules_by_hand(look.live):
        verb = "Revoke" if rule.extra else "Authorize"
        mend = look.call(
            "ec2", f"{verb}SecurityGroup{rule.direction.title()}", GroupId=rule.group,
            IpPermissions=rule.permissions,
        )  # fmt: skip
        yield Fault(rule.sentence, mend, owners.get(rule.group, ""))


NFS = 2049


def _file_systems(look: Look) -> Faults:
    """The mount targets let the tasks in: their groups are often not of the stack."""
    for service in look.live.of(SERVICE):
        network = look.live.found.get(service.logical_id)
        if network is None:
            continue
        groups = network.properties.get("NetworkConfiguration", {}).get(
            "AwsvpcConfiguration", {}
        ).get("SecurityGroups", [])  # fmt: skip
        for system in _systems(look, network):
            yield from _mount_targets(look, system, set(groups))


def _systems(look: Look, service: LiveResource) -> list[str]:
    arn = str(service.properties.get("TaskDefinition", ""))
    task = look.ask("ecs", "describe_task_definition", taskDefinition=arn)["taskDefinition"]
    volumes = [each.get("efsVolumeConfiguration") for each in task.get("volumes", ())]
    return list(dict.fromkeys(each["fileSystemId"] for each in volumes if each))


def _mount_targets(look: Look, system: str, groups: set[str]) -> Faults:
    targets = look.ask("efs", "describe_mount_targets", FileSystemId=system)["MountTargets"]
    if not targets:
        yield Fault(f"{system} has no mount target", "Create one in each zone of the subnets")
    for target in targets:
        of = look.ask(
            "efs", "describe_mount_target_security_groups", MountTargetId=target["MountTargetId"]
        )["SecurityGroups"]
        if any(_lets_in(look, group, groups) for group in of):
            continue
        where = f"{system} does not let the worker's group in on {NFS} ({target['MountTargetId']})"
        opened = [each for each in _opened(look) if each not in of]
        # Where a group has lost its rule, the check of the security groups says how to put it back.
        mend = look.call(
            "efs", "ModifyMountTargetSecurityGroups", MountTargetId=target["MountTargetId"],
            SecurityGroups=[*of, *opened],
        ) if opened else ""  # fmt: skip
        yield Fault(where, mend)


def _opened(look: Look) -> list[str]:
    """Groups to which the stack adds a rule for NFS."""
    found = [
        wanted_properties(look.live, each)
        for each in look.live.of(GROUP_RULES[0])
    ]  # fmt: skip
    return [
        str(each["GroupId"]) for each in found
        if scalar(each.get("FromPort")) == str(NFS) and each.get("SourceSecurityGroupId")
    ]  # fmt: skip


def _lets_in(look: Look, group: str, workers: set[str]) -> bool:
    permissions = describe_group(look.ask, group)["IpPermissions"]
    for rule in rules(permissions, "ingress"):
        ports = range(int(rule.get("FromPort", 0)), int(rule.get("ToPort", 65535)) + 1)
        is_nfs = rule["IpProtocol"] == "-1" or (rule["IpProtocol"] in ("tcp", "6") and NFS in ports)
        if is_nfs and (rule.get("SourceSecurityGroupId") in workers or rule.get("CidrIp")):
            return True
    return False


def _service(look: Look) -> Faults:
    for service in look.live.of(SERVICE):
        name = service.logical_id
        if name in look.live.gone:
            yield Fault(f"{name} was deleted", look.revert, name)
        if name not in look.live.found:
            continue
        live = look.live.found[name].properties
        wanted = wanted_properties(look.live, service)
        found = deviations(look.live, service)
        words = [_said(name, [each]) for each in found]
        changes = {each.path[0]: wanted.get(each.path[0], DETACHED.get(each.path[0]))
                   for each in found}  # fmt: skip
        revision = wanted.get("TaskDefinition")
        if isinstance(revision, str) and _revision(revision) != _revision(live["TaskDefinition"]):
            words.append(
                f"{name} runs {_revision(live['TaskDefinition'])}, and the stack's revision is"
                f" {_revision(revision)}"
            )
            changes["TaskDefinition"] = revision
        count, bounds = int(live.get("DesiredCount", 0)), _bounds(look.live, service)
        if bounds and not bounds[0] <= count <= bounds[1]:
            words.append(f"{name}: the desired count {count} is not within {bounds[0]} to"
                         f" {bounds[1]}")  # fmt: skip
            changes["DesiredCount"] = min(max(count, bounds[0]), bounds[1])
        if words:
            mend = look.mend("ecs", "UpdateService", {
                "Cluster": live["Cluster"], "Service": live["ServiceName"], **changes,
            })  # fmt: skip
            if set(changes) - UPDATED:
                mend = look.revert
            yield Fault("; ".join(words), mend, name)


DETACHED: Mapping[str, Any] = {
    "CapacityProviderStrategy": [], "EnableExecuteCommand": False,
    "HealthCheckGracePeriodSeconds": 0, "LoadBalancers": [], "ServiceRegistries": [],
}  # fmt: skip

UPDATED = frozenset({
    "AvailabilityZoneRebalancing", "CapacityProviderStrategy", "DeploymentConfiguration",
    "DesiredCount", "EnableECSManagedTags", "EnableExecuteCommand",
    "HealthCheckGracePeriodSeconds", "LoadBalancers", "NetworkConfiguration",
    "PlacementConstraints", "PlatformVersion", "PropagateTags", "ServiceRegistries",
    "TaskDefinition",
})  # fmt: skip
"""Properties that UpdateService takes."""


def _revision(arn: str) -> str:
    return arn.rpartition("/")[2]


def _bounds(live: Live, service: Resource) -> tuple[int, int] | None:
    """The scalable target's bounds for a service, as they were deployed."""
    for target in live.of(TARGET):
        wanted = wanted_properties(live, target)
        of = str(live.found[service.logical_id].properties["ServiceName"])
        if str(wanted.get("ResourceId", "")).rpartition("/")[2] == of:
            ends = scalar(wanted.get("MinCapacity")), scalar(wanted.get("MaxCapacity"))
            if ends[0] is not None and ends[1] is not None:
                return int(ends[0]), int(ends[1])
    return None


def _queues(look: Look) -> Faults:
    for queue in look.live.of(QUEUE):
        name = queue.logical_id
        if name in look.live.gone:
            yield Fault(f"{name} was deleted with its messages", look.revert, name)
        found = deviations(look.live, queue)
        if found:
            wanted = wanted_properties(look.live, queue)
            changed = {each.path[0]: _attribute(wanted.get(each.path[0]), each) for each in found}
            yield Fault(_said(name, found), _set_attributes(look, name, changed), name)
        yield from _queue_policies(look, queue)
    yield from _visibility(look)


def _attribute(wanted: Any, deviation: Deviation) -> str:
    value = deviation.wanted if wanted is None else wanted
    if value is None:
        return ""
    written = scalar(value)
    return json.dumps(value) if written is None else written


def _set_attributes(look: Look, name: str, attributes: Mapping[str, str]) -> str:
    url = look.live.physical[name]
    return look.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes=dict(attributes))


def _queue_policies(look: Look, queue: Resource) -> Faults:
    name = queue.logical_id
    live = look.live.found.get(name)
    policies = [
        wanted_properties(look.live, each) for each in look.live.of(QUEUE_POLICY)
        if look.live.physical[name] in wanted_properties(look.live, each).get("Queues", [])
    ]  # fmt: skip
    if live is None:
        return
    present = live.attributes.get("Policy")
    if policies and not equal(policies[0]["PolicyDocument"], present, "PolicyDocument"):
        mend = _set_attributes(look, name, {"Policy": json.dumps(policies[0]["PolicyDocument"])})
        yield Fault(f"{name}: its policy differs from the template", mend, name)
    if present and not policies:
        mend = _set_attributes(look, name, {"Policy": ""})
        yield Fault(f"{name} has a policy, which the template has not", mend, name)


def _visibility(look: Look) -> Faults:
    """The consumed queue hides a message for as long as the longest job takes."""
    for task in look.live.of(TASK_DEFINITION):
        longest = _longest_job(task)
        url = queue_url(look)
        if not longest or not url:
            continue
        attributes = look.ask(
            "sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["VisibilityTimeout"]
        )["Attributes"]
        timeout = int(attributes["VisibilityTimeout"])
        if timeout < longest:
            ours = [each for each in look.live.of(QUEUE) if look.live.physical[each.logical_id]
                    == url]  # fmt: skip
            written = scalar(wanted_properties(look.live, ours[0]).get("VisibilityTimeout", 30)) \
                if ours else None  # fmt: skip
            mend = look.call("sqs", "SetQueueAttributes", QueueUrl=url,
                             Attributes={"VisibilityTimeout": str(longest)})  # fmt: skip
            if written is not None and int(written) < longest:
                mend = (
                    f"Set the visibility timeout of {ours[0].logical_id} to {longest} in the"
                    f" template, and `./deploy.py review {look.deployment}`"
                )
            yield Fault(
                f"the visibility timeout of {url.rpartition('/')[2]} is {timeout} s, and the"
                f" worker's longest job takes {longest} s: SQS gives its message to a second task",
                mend, ours[0].logical_id if ours else "",
            )  # fmt: skip


def _longest_job(task: Resource) -> int:
    """Seconds, as the worker declares them in ``Metadata.Worker.LongestJob``; 0 where not."""
    worker = task.metadata.get("Worker")
    found = scalar(worker.get("LongestJob")) if isinstance(worker, dict) else None
    return int(found) if found and found.isdigit() else 0


def queue_url(look: Look) -> str:
    """The queue that the worker reads, as its container is told; empty where it is not."""
    for task in look.live.of(TASK_DEFINITION):
        found = look.live.found.get(task.logical_id)
        for container in found.properties.get("ContainerDefinitions", ()) if found else ():
            for variable in container.get("Environment", ()):
                if variable["Name"] == "QUEUE_URL":
                    return str(variable["Value"])
    return ""


CHECKED = frozenset({ALARM, TARGET, POLICY, ROLE, MANAGED, *INLINE, GROUP, *GROUP_RULES, SERVICE,
                     QUEUE, QUEUE_POLICY})  # fmt: skip
"""Types that have a check of their own."""


def _others(look: Look) -> Faults:
    for each in look.live.deployed.resources.values():
        name = each.logical_id
        if each.type in CHECKED:
            continue
        if name in look.live.gone:
            yield Fault(f"{name} was deleted", look.revert, name)
        found = deviations(look.live, each)
        if not found:
            continue
        mend = look.revert
        if each.type == LOG_GROUP and {one.path for one in found} == {("RetentionInDays",)}:
            days = found[0].wanted
            mend = look.mend(
                "logs", "DeleteRetentionPolicy" if days is None else "PutRetentionPolicy",
                {"LogGroupName": look.live.physical[name], "RetentionInDays": days},
            )  # fmt: skip
        yield Fault(_said(name, found), mend, name)


def _count(look: Look, one: str, *types: str) -> str:
    number = sum(1 for _ in look.live.of(*types))
    return f"{number} {one}{'' if number == 1 else 's'}"


def _holds_service(look: Look) -> str:
    live = [look.live.found[each.logical_id].properties for each in look.live.of(SERVICE)]
    return "; ".join(
        f"{each['ServiceName']} runs {_revision(each['TaskDefinition'])}, desired count"
        f" {each.get('DesiredCount', 0)}"
        for each in live
    )


def _holds_queue(look: Look) -> str:
    url = queue_url(look)
    if not url and not any(look.live.of(QUEUE)):
        raise NotKnown("the container is given no QUEUE_URL, and the stack has no queue")
    longest = max((_longest_job(each) for each in look.live.of(TASK_DEFINITION)), default=0)
    name = url.rpartition("/")[2]
    if not longest:
        return f"{name} is as it was deployed; the worker declares no longest job"
    return f"{name} hides a message for at least the longest job, {longest} s"


def _holds_file_system(look: Look) -> str:
    systems = [system for each in look.live.of(SERVICE) if each.logical_id in look.live.found
               for system in _systems(look, look.live.found[each.logical_id])]  # fmt: skip
    if not systems:
        return "the tasks mount none"
    return f"{', '.join(systems)} lets the tasks in on {NFS}"


def _holds_others(look: Look) -> str:
    read = [each for each in look.live.deployed.resources.values()
            if each.type not in CHECKED and each.logical_id in look.live.found]  # fmt: skip
    assumed = f"; not read: {', '.join(look.live.assumed)}" if look.live.assumed else ""
    return f"{', '.join(each.logical_id for each in read) or 'none'}{assumed}"


DEPLOYED: tuple[LiveCheck, ...] = (
    LiveCheck(
        "alarms", "the alarms are as they were deployed, and act", _alarms,
        lambda look: f"{_count(look, 'alarm', ALARM)} as deployed, actions enabled", (ALARM,),
    ),
    LiveCheck(
        "scaling", "bounds and policies are as they were deployed, and nothing is suspended",
        _scaling,
        lambda look: f"{_count(look, 'policy', POLICY).replace('policys', 'policies')} and the"
        " bounds as deployed, nothing suspended", (TARGET, POLICY),
    ),
    LiveCheck(
        "roles", "the roles have the policies of the template, and no others", _roles,
        lambda look: f"{_count(look, 'role', ROLE)} with the policies of the template only",
        (ROLE, MANAGED, *INLINE),
    ),
    LiveCheck(
        "security-groups", "the security groups have the rules of the template, and no others",
        _groups,
        lambda look: f"{_count(look, 'group', GROUP)} with the rules of the template only",
        (GROUP, *GROUP_RULES),
    ),
    LiveCheck(
        "file-system", "the file system's mount targets let the tasks in", _file_systems,
        _holds_file_system, (SERVICE,),
    ),
    LiveCheck(
        "service", "the service runs the stack's revision, within the bounds", _service,
        _holds_service, (SERVICE, TARGET),
    ),
    LiveCheck(
        "queue", "the queue is as it was deployed, and fits the worker", _queues, _holds_queue,
        (QUEUE, QUEUE_POLICY, TASK_DEFINITION),
    ),
    LiveCheck(
        "resources", "the other resources are as they were deployed", _others,
        _holds_others, ("AWS::ECS::Cluster", LOG_GROUP, TASK_DEFINITION),
    ),
)  # fmt: skip
"""In the order of the report."""
