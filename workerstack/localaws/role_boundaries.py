"""The permissions boundary of a role, which MiniStack's CloudFormation forgets."""

from typing import Any

Properties = dict[str, Any]


def install(provisioners: Any) -> None:
    """Wraps the handlers of roles."""
    role = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    if "bounded" in role:
        return
    create_role, update_role = role["create"], role["update"]

    def create(logical_id: str, properties: Properties, stack: str) -> Any:
        result = create_role(logical_id, properties, stack)
        _bound(result[0], properties)
        return result

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Any:
        result = update_role(physical_id, old, new, stack, logical_id)
        _bound(physical_id, new)
        return result

    role |= {"create": create, "update": update, "bounded": True}


def _bound(name: str, properties: Properties) -> None:
    from ministack.services import iam

    iam._roles[name]["PermissionsBoundary"] = properties.get("PermissionsBoundary")
