"""Templates of out/ as data, and short names for the places in them that tests change."""

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from workerstack.cloudformation import read

ROOT = Path(__file__).parents[2]
EDIT, OWN = "webordinary-edit", "thumbnails"
"""A worker that imports its queue and has a workspace; one that owns its queue."""

Template = dict[str, Any]
Edit = Callable[[Template], object]
SELF = {"Ref": "AWS::AccountId"}
ECR = "arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/"
KEY = "arn:aws:kms:us-west-2:111122223333:key/0d0d0d0d-0000-0000-0000-000000000000"


@cache
def _emitted(name: str) -> Template:
    return read((ROOT / f"out/{name}.template.yaml").read_text("utf-8"), name).data


def emitted(name: str) -> Template:
    """A template of out/, to be changed."""
    return copy.deepcopy(_emitted(name))


def edited(name: str, edit: Edit) -> Template:
    template = emitted(name)
    edit(template)
    return template


def at(template: Template, logical_id: str) -> Any:
    return template["Resources"][logical_id]["Properties"]


def task(template: Template) -> Any:
    return at(template, "TaskDefinition")


def container(template: Template) -> Any:
    return task(template)["ContainerDefinitions"][0]


def service(template: Template) -> Any:
    return at(template, "Service")


def vpc(template: Template) -> Any:
    return service(template)["NetworkConfiguration"]["AwsvpcConfiguration"]


def efs(template: Template) -> Any:
    return task(template)["Volumes"][0]["EFSVolumeConfiguration"]


def logs(template: Template) -> Any:
    return container(template)["LogConfiguration"]["Options"]


def variable(template: Template, name: str) -> Any:
    return next(each for each in container(template)["Environment"] if each["Name"] == name)


def steps(template: Template, policy: str) -> Any:
    return at(template, policy)["StepScalingPolicyConfiguration"]


def backlog(template: Template) -> Any:
    return at(template, "BacklogAlarm")


def drained(template: Template) -> Any:
    return at(template, "DrainedAlarm")


def group(template: Template) -> Any:
    return at(template, "WorkerSecurityGroup")


def statements(template: Template, role: str) -> Any:
    """The statements of a role's first policy, in the role or beside it."""
    inline = at(template, role).get("Policies")
    if inline:
        return inline[0]["PolicyDocument"]["Statement"]
    return next(
        body["Properties"]["PolicyDocument"]["Statement"]
        for body in template["Resources"].values()
        if body["Type"] in ("AWS::IAM::RolePolicy", "AWS::IAM::Policy")
        and {"Ref": role}
        in (body["Properties"].get("RoleName"), *body["Properties"].get("Roles", ()))
    )  # fmt: skip


def statement(template: Template, role: str, sid: str) -> Any:
    return next(each for each in statements(template, role) if each.get("Sid") == sid)


def trust(template: Template, role: str) -> Any:
    return at(template, role)["AssumeRolePolicyDocument"]["Statement"]


def add(template: Template, logical_id: str, kind: str, **properties: object) -> object:
    template["Resources"][logical_id] = {"Type": f"AWS::{kind}", "Properties": properties}
    return template


def allow(actions: object, resources: object, **more: object) -> Template:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def policy(*found: object) -> Template:
    return {"Version": "2012-10-17", "Statement": list(found)}


def sub(text: str) -> Template:
    return {"Fn::Sub": text}


def get(logical_id: str, attribute: str = "Arn") -> Template:
    return {"Fn::GetAtt": [logical_id, attribute]}


def parameter(template: Template, name: str, **more: object) -> Template:
    template["Parameters"][name] = {"Type": "String", **more}
    return {"Ref": name}


def switch(template: Template, value: object, otherwise: object, *, on: bool = True) -> Template:
    """A value under a condition that holds, or not, with the parameters' defaults."""
    template["Parameters"]["Switch"] = {"Type": "String", "Default": "on" if on else "off"}
    template.setdefault("Conditions", {})["SwitchedOn"] = {"Fn::Equals": [{"Ref": "Switch"}, "on"]}
    return {"Fn::If": ["SwitchedOn", value, otherwise]}


def mapped(template: Template, value: object) -> Template:
    template.setdefault("Mappings", {}).setdefault("Chosen", {})["Here"] = {"Value": value}
    return {"Fn::FindInMap": ["Chosen", "Here", "Value"]}


def sidecar(template: Template, **more: object) -> Template:
    """A second container, which needs nothing."""
    one: Template = {
        "Name": "sidecar", "Essential": False, "Image": copy.deepcopy(container(template)["Image"]),
        "LogConfiguration": copy.deepcopy(container(template)["LogConfiguration"]), **more,
    }  # fmt: skip
    task(template)["ContainerDefinitions"].append(one)
    return one


def moved(template: Template, role: str, kind: str) -> object:
    """A role's policies as resources of one type, or with ``inline`` inside of it."""
    found = at(template, role).pop("Policies", [])
    metadata: dict[str, Any] = {}
    for name, body in list(template["Resources"].items()):
        whom = {"Ref": role}
        if body["Type"] == "AWS::IAM::RolePolicy" and body["Properties"]["RoleName"] == whom:
            metadata |= body.get("Metadata", {})  # what is meant goes along
            policy = template["Resources"].pop(name)["Properties"]
            found.append({key: policy[key] for key in ("PolicyName", "PolicyDocument")})
    for body in template["Resources"].values():
        if isinstance(body.get("DependsOn"), list):
            body["DependsOn"] = [
                each for each in body["DependsOn"] if each in template["Resources"]
            ]
    for number, each in enumerate(found):
        if kind == "inline":
            at(template, role).setdefault("Policies", []).append(each)
            continue
        named = {"RoleName": {"Ref": role}} if kind == "RolePolicy" else {"Roles": [{"Ref": role}]}
        add(template, f"{role}Moved{number}", f"IAM::{kind}", **named, **each)
        template["Resources"][f"{role}Moved{number}"]["Metadata"] = metadata
    return template


def at_creation(template: Template, exists: str) -> Template:
    """A desired count that is sent at creation only."""
    parameter(template, "ServiceExists", Default=exists)
    template.setdefault("Conditions", {})["ServiceIsNew"] = {
        "Fn::Equals": [{"Ref": "ServiceExists"}, "false"]
    }
    return {"Fn::If": ["ServiceIsNew", 0, {"Ref": "AWS::NoValue"}]}
