"""`AWS::EC2::SecurityGroupIngress`: a rule of its own in a security group."""

import uuid
from typing import Any

Properties = dict[str, Any]


def _group(properties: Properties) -> dict[str, Any]:
    from ministack.services import ec2

    ec2._ensure_defaults_initialized()
    group: dict[str, Any] | None = ec2._security_groups.get(properties["GroupId"])
    if group is None:
        raise ValueError(f"The security group '{properties['GroupId']}' does not exist")
    return group


def _permission(properties: Properties) -> dict[str, Any]:
    from ministack.services.cloudformation import provisioners

    [permission] = provisioners._ec2_sg_permissions([properties])
    return dict(permission)


def _found(permission: dict[str, Any], permissions: list[dict[str, Any]]) -> int | None:
    """Where the rule is. A description does not tell rules apart (EC2: Authorize...Ingress)."""
    wanted = _without_descriptions(permission)
    same = (n for n, each in enumerate(permissions) if _without_descriptions(each) == wanted)
    return next(same, None)


def _without_descriptions(permission: dict[str, Any]) -> dict[str, Any]:
    def bare(value: Any) -> Any:
        return [{key: item[key] for key in item if key != "Description"} for item in value]

    return {
        key: bare(value) if isinstance(value, list) else value
        for key, value in permission.items()
        if key != "SecurityGroupRuleId"
    }


def _create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Properties]:
    permissions = _group(properties).setdefault("IpPermissions", [])
    permission = _permission(properties)
    if _found(permission, permissions) is not None:
        raise ValueError("the specified rule already exists (InvalidPermission.Duplicate)")
    permissions.append(permission)
    identifier = f"sgr-{uuid.uuid4().hex[:17]}"
    return identifier, {"Id": identifier}


def _update(
    physical_id: str, old: Properties, new: Properties, _stack: str
) -> tuple[str, Properties]:
    """Only the description changes in place (provider schema: createOnlyProperties)."""
    permissions = _group(new)["IpPermissions"]
    position = _found(_permission(old), permissions)
    if position is None:
        raise ValueError("The specified rule does not exist (InvalidPermission.NotFound)")
    permissions[position] = _permission(new)
    return physical_id, {"Id": physical_id}


def _delete(_physical_id: str, properties: Properties) -> None:
    from ministack.services import ec2

    group = ec2._security_groups.get(properties["GroupId"])
    if group is None:
        return
    position = _found(_permission(properties), group["IpPermissions"])
    if position is not None:
        del group["IpPermissions"][position]


HANDLERS = {
    "AWS::EC2::SecurityGroupIngress": {
        "create": _create,
        "update": _update,
        "delete": _delete,
    }
}
