"""Application Auto Scaling: two CloudFormation types, and the calls that read and change them.

It keeps what it is told and shows it; it scales nothing.
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

Properties = dict[str, Any]
PAGE = 50
"""Results that one answer holds at most (DescribeScalingPolicies: MaxResults)."""


@cache
def stores() -> tuple[Any, Any]:
    """The scalable targets and the policies of each account and region."""
    from ministack.core.responses import AccountRegionScopedDict

    return AccountRegionScopedDict(), AccountRegionScopedDict()


TARGET = ("ResourceId", "ScalableDimension", "ServiceNamespace")
"""What names a scalable target, in the order of its identifier."""


@cache
def _scheduled() -> Any:
    """The scheduled actions by target, of each account and region."""
    from ministack.core.responses import AccountRegionScopedDict

    return AccountRegionScopedDict()


def forget() -> None:
    """Drops what is kept for every account and region."""
    stores.cache_clear()
    _scheduled.cache_clear()


def _here() -> tuple[str, str]:
    from ministack.core.responses import get_account_id, get_region

    return get_region(), get_account_id()


def _target_id(properties: Properties) -> str:
    """What `Ref` gives: resource, dimension and namespace."""
    names = ("ResourceId", "ScalableDimension", "ServiceNamespace")
    return "|".join(properties[name] for name in names)


def _put_target(properties: Properties) -> tuple[str, Properties]:
    region, account = _here()
    identifier = _target_id(properties)
    targets, _ = stores()
    known = targets.get(identifier, {})
    arn = f"arn:aws:application-autoscaling:{region}:{account}:scalable-target/{uuid.uuid4().hex}"
    targets[identifier] = {
        "ServiceNamespace": properties["ServiceNamespace"],
        "ResourceId": properties["ResourceId"],
        "ScalableDimension": properties["ScalableDimension"],
        "MinCapacity": int(properties["MinCapacity"]),
        "MaxCapacity": int(properties["MaxCapacity"]),
        "RoleARN": properties.get("RoleARN")
        or f"arn:aws:iam::{account}:role/aws-service-role/ecs.application-autoscaling."
        "amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
        "CreationTime": known.get("CreationTime", time.time()),
        "SuspendedState": {
            "DynamicScalingInSuspended": False,
            "DynamicScalingOutSuspended": False,
            "ScheduledScalingSuspended": False,
        }
        | properties.get("SuspendedState", {}),
        "ScalableTargetARN": known.get("ScalableTargetARN", arn),
    }
    if "ScheduledActions" in properties:
        _scheduled()[identifier] = [
            {**action, "ScheduledActionARN": f"{arn}:{action['ScheduledActionName']}",
             **dict(zip(TARGET, identifier.split("|"), strict=True)), "CreationTime": time.time(),
             "ScalableTargetAction": {
                 name: int(value) for name, value in action["ScalableTargetAction"].items()
             }}
            for action in properties["ScheduledActions"]
        ]  # fmt: skip
    return identifier, {"Id": identifier}


def _delete_target(physical_id: str, _properties: Properties) -> None:
    targets, policies = stores()
    targets.pop(physical_id, None)
    _scheduled().pop(physical_id, None)
    for arn in [arn for arn, policy in policies.items() if _target_id(policy) == physical_id]:
        policies.pop(arn, None)


def _put_policy(properties: Properties, arn: str | None = None) -> tuple[str, Properties]:
    region, account = _here()
    targets, policies = stores()
    names = ("ResourceId", "ScalableDimension", "ServiceNamespace")
    identifier = properties.get("ScalingTargetId") or _target_id(properties)
    if identifier not in targets:
        raise ValueError(f"No scalable target found for {identifier}")
    resource, dimension, namespace = identifier.split("|")
    arn = arn or (
        f"arn:aws:autoscaling:{region}:{account}:scalingPolicy:{uuid.uuid4()}:resource/"
        f"{namespace}/{resource}:policyName/{properties['PolicyName']}"
    )
    policies[arn] = {
        "PolicyARN": arn,
        "PolicyName": properties["PolicyName"],
        "PolicyType": properties["PolicyType"],
        **dict(zip(names, (resource, dimension, namespace), strict=True)),
        **_configuration(properties),
        "CreationTime": policies.get(arn, {}).get("CreationTime", time.time()),
    }
    return arn, {"Arn": arn, "ScalableDimension": dimension}


def _configuration(properties: Properties) -> Properties:
    names = ("StepScalingPolicyConfiguration", "TargetTrackingScalingPolicyConfiguration")
    return {name: properties[name] for name in names if name in properties}


def _delete_policy(physical_id: str, _properties: Properties) -> None:
    stores()[1].pop(physical_id, None)


HANDLERS: dict[str, dict[str, Callable[..., Any]]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": {
        "create": lambda _id, properties, _stack: _put_target(properties),
        "update": lambda _id, _old, new, _stack: _put_target(new),
        "delete": _delete_target,
    },
    "AWS::ApplicationAutoScaling::ScalingPolicy": {
        "create": lambda _id, properties, _stack: _put_policy(properties),
        "update": lambda arn, _old, new, _stack: _put_policy(new, arn),
        "delete": _delete_policy,
    },
}


async def handle_request(
    _method: str, _path: str, headers: Mapping[str, str], body: bytes, _query: Any
) -> Any:
    """Answers one call of the API, by the action in its X-Amz-Target header."""
    from ministack.core.responses import error_response_json, json_response

    action = headers.get("x-amz-target", "").rpartition(".")[2]
    request = json.loads(body or b"{}")
    if action == "RegisterScalableTarget" and _lacks_capacity(request):
        message = "MinCapacity and MaxCapacity are needed to register a new scalable target"
        return error_response_json("ValidationException", message)
    if action not in ACTIONS:
        return error_response_json("UnknownOperationException", f"{action} is not simulated")
    return json_response(ACTIONS[action](request))


def _lacks_capacity(request: Properties) -> bool:
    known = _target_id(request) in stores()[0]
    return not known and not {"MinCapacity", "MaxCapacity"} <= request.keys()


def _register_target(request: Properties) -> Properties:
    """What is not named stays as it is (RegisterScalableTarget)."""
    known = stores()[0].get(_target_id(request), {})
    _put_target({**known, **request})
    return {"ScalableTargetARN": stores()[0][_target_id(request)]["ScalableTargetARN"]}


def _describe_targets(request: Properties) -> Properties:
    wanted = request.get("ResourceIds")
    found = [
        target
        for target in stores()[0].values()
        if _matches(target, request) and (not wanted or target["ResourceId"] in wanted)
    ]
    return _page("ScalableTargets", found, request)


def _describe_policies(request: Properties) -> Properties:
    wanted = request.get("PolicyNames")
    found = [
        {**policy, "Alarms": _alarms(policy["PolicyARN"])}
        for policy in stores()[1].values()
        if _matches(policy, request)
        and request.get("ResourceId", policy["ResourceId"]) == policy["ResourceId"]
        and (not wanted or policy["PolicyName"] in wanted)
    ]
    return _page("ScalingPolicies", found, request)


def _describe_scheduled(request: Properties) -> Properties:
    found = [
        action
        for actions in _scheduled().values()
        for action in actions
        if all(request.get(name, action[name]) == action[name] for name in TARGET)
    ]
    return _page("ScheduledActions", found, request)


def _matches(item: Properties, request: Properties) -> bool:
    names = ("ServiceNamespace", "ScalableDimension")
    return all(request.get(name, item[name]) == item[name] for name in names)


def _alarms(policy: str) -> list[Properties]:
    from ministack.services import cloudwatch

    return [
        {"AlarmName": alarm["AlarmName"], "AlarmARN": alarm["AlarmArn"]}
        for alarm in cloudwatch._alarms.values()
        if policy in alarm.get("AlarmActions", [])
    ]


def _page(name: str, found: list[Properties], request: Properties) -> Properties:
    start = int(request.get("NextToken") or 0)
    end = start + min(int(request.get("MaxResults") or PAGE), PAGE)
    more = {"NextToken": str(end)} if end < len(found) else {}
    return {name: found[start:end], **more}


def _deregister_target(request: Properties) -> Properties:
    """Its policies go with it (DeregisterScalableTarget)."""
    _delete_target(_target_id(request), {})
    return {}


def _put_policy_by_name(request: Properties) -> Properties:
    """A policy of that name is updated and keeps its ARN (PutScalingPolicy)."""
    known = _named(request)
    kept = stores()[1][known] if known else {}
    arn, _ = _put_policy({**kept, **request}, known)
    return {"PolicyARN": arn, "Alarms": _alarms(arn)}


def _delete_policy_by_name(request: Properties) -> Properties:
    known = _named(request)
    if known:
        _delete_policy(known, {})
    return {}


def _named(request: Properties) -> str | None:
    """The ARN of the policy of that name, of that target."""
    return next(
        (
            arn
            for arn, policy in stores()[1].items()
            if policy["PolicyName"] == request["PolicyName"]
            and _target_id(policy) == _target_id(request)
        ),
        None,
    )


ACTIONS: dict[str, Callable[[Properties], Properties]] = {
    "DeleteScalingPolicy": _delete_policy_by_name,
    "DeregisterScalableTarget": _deregister_target,
    "PutScalingPolicy": _put_policy_by_name,
    "RegisterScalableTarget": _register_target,
    "DescribeScalableTargets": _describe_targets,
    "DescribeScalingPolicies": _describe_policies,
    "DescribeScalingActivities": lambda _request: {"ScalingActivities": []},
    "DescribeScheduledActions": _describe_scheduled,
}
