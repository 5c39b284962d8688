"""How it ends: the change set from the renamed stack to out/, predicted before anything begins."""

from collections.abc import Mapping
from typing import Any

from deployer.adopting.deployed import Deployed
from deployer.prediction.intrinsics import PLACE
from deployer.prediction.predicting import Side, predict_review
from deployer.review import Review
from deployer.source import Source

SAME_AS_REF = {
    "AWS::EC2::SecurityGroup": "GroupId",
    "AWS::ECS::Service": "ServiceArn",
    "AWS::ECS::TaskDefinition": "TaskDefinitionArn",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "TargetGroupArn",
}
"""Attributes whose value is that of Ref (template reference: each type's return values)."""


def foresee(renamed: Mapping[str, Any], deployed: Deployed, source: Source) -> Review:
    """The predicted review of what remains to be done once the stack has our names."""
    before = Side(as_refs(renamed), deployed.parameters, deployed.tags)
    exists = any(each.type == "AWS::ECS::Service" for each in deployed.resources.values())
    values = source.values(service_exists=exists)
    after = Side(as_refs(source.template), values, source.deployment.tags)
    target = source.deployment.target
    return predict_review(
        before,
        after,
        name=source.deployment.name,
        account=target.account,
        region=target.region,
        stack=source.deployment.stack,
    )


def as_refs(template: Mapping[str, Any]) -> dict[str, Any]:
    """The template with attributes that are the same as Ref written so, for comparison."""
    same = {
        (name, SAME_AS_REF[body["Type"]])
        for name, body in template["Resources"].items()
        if isinstance(body, Mapping) and body.get("Type") in SAME_AS_REF
    }
    found: dict[str, Any] = _as_refs(dict(template), same)
    return found


def _as_refs(value: Any, same: set[tuple[str, str]]) -> Any:
    match value:
        case {"Fn::GetAtt": [str() as name, str() as attribute]} if (name, attribute) in same:
            return {"Ref": name}
        case {"Fn::Sub": str() as text}:
            return {"Fn::Sub": PLACE.sub(lambda place: _place(place, same), text)}
        case Mapping():
            return {key: _as_refs(each, same) for key, each in value.items()}
        case list():
            return [_as_refs(each, same) for each in value]
        case _:
            return value


def _place(place: Any, same: set[tuple[str, str]]) -> str:
    name, _, attribute = place[2].partition(".")
    return "${" + name + "}" if not place[1] and (name, attribute) in same else str(place[0])
