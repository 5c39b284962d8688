"""`AWS::IAM::RolePolicy`: rights that stand beside their role."""

import json
from typing import Any

Properties = dict[str, Any]


def _put(properties: Properties) -> tuple[str, Properties]:
    """Puts the policy; its identifier is name and role (provider schema: primaryIdentifier)."""
    from ministack.core.iam_evaluator import validate_policy_document
    from ministack.services import iam

    role, name = properties["RoleName"], properties["PolicyName"]
    document = properties.get("PolicyDocument", {})
    if fault := validate_policy_document(document):
        raise ValueError(fault)
    written = document if isinstance(document, str) else json.dumps(document)
    status, _, body = iam._put_role_policy(
        {"RoleName": role, "PolicyName": name, "PolicyDocument": written}
    )
    if status >= 400:  # noqa: PLR2004 - HTTP
        raise ValueError(f"The role {role} cannot be found. ({body!r})")
    return f"{name}|{role}", {}


def _create(_logical_id: str, properties: Properties, _stack: str) -> tuple[str, Properties]:
    return _put(properties)


def _update(
    _physical_id: str, _old: Properties, new: Properties, _stack: str
) -> tuple[str, Properties]:
    return _put(new)


def _delete(_physical_id: str, properties: Properties) -> None:
    """Nothing to do where the role is gone already, and its policies with it."""
    from ministack.services import iam

    named = {name: properties[name] for name in ("RoleName", "PolicyName")}
    iam._delete_role_policy(named)


HANDLERS = {"AWS::IAM::RolePolicy": {"create": _create, "update": _update, "delete": _delete}}
