"""Values that a resource keeps from the stack in which it was born.

A name or a description of these cannot be changed: another value is another resource. A stack
that is adopted has its own, and they stay where the worker's specification says so.
"""

import difflib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from troposphere import AWSHelperFn, BaseAWSObject, GetAtt, Ref, Sub, Template

from workerstack.specification.mistakes import Mistake, wrong

KEEPABLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "BacklogAlarm": ("AlarmName",),
        "DeadLetterAlarm": ("AlarmName",),
        "DeadLetterQueue": ("QueueName",),
        "DrainedAlarm": ("AlarmName",),
        "ExecutionRole": ("Path", "RoleName"),
        "Queue": ("QueueName",),
        "ScaleInPolicy": ("PolicyName",),
        "ScaleOutPolicy": ("PolicyName",),
        "TaskRole": ("Path", "RoleName"),
        "WorkerSecurityGroup": ("GroupDescription", "GroupName"),
    }
)
"""What may be kept, by logical id: what forces a replacement and is not a parameter already.

Source: the types' provider schemas, createOnlyProperties.
"""

LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {"Cluster": "ClusterName", "LogGroup": "LogGroupName", "Service": "ServiceName"}
)
"""Names that may be left out, with None: CloudFormation made one, which a written one replaces.

There is no parameter of that name then, and what refers to it refers to the resource.
"""

IDENTITY: Mapping[str, str] = MappingProxyType(
    {"Cluster": "Cluster", "LogGroup": "LogGroup", "Service": "Service.Name"}
)
"""What gives the name of these: Ref, or an attribute (template reference: return values)."""

Kept = Mapping[str, Mapping[str, str | None]]


def check(kept: Kept) -> Iterator[Mistake]:
    """What cannot be kept."""
    allowed = [
        f"{name}.{each}"
        for name, known in KEEPABLE.items() for each in known
    ] + [f"{name}.{each}" for name, each in LEFT_OUT.items()]  # fmt: skip
    for name, properties in kept.items():
        for each, value in properties.items():
            if each == LEFT_OUT.get(name) and value is not None:
                yield Mistake(
                    f"{name}.{each} cannot be kept as {value!r}",
                    "it is a parameter, whose value stands in params/",
                    "Write it in params/, or None, which leaves the name to CloudFormation",
                )
            elif f"{name}.{each}" not in allowed:
                near = difflib.get_close_matches(f"{name}.{each}", allowed, n=1)
                yield Mistake(
                    f"{name}.{each} cannot be kept",
                    "only names and descriptions that force a replacement can",
                    f"Take {near[0]}" if near else f"Take one of {', '.join(allowed)}",
                )


def keep(template: Template, kept: Kept) -> None:
    """Sets what is kept; raises SpecificationError for a resource that the worker has not."""
    for name, properties in kept.items():
        if name not in template.resources:
            raise wrong(
                f"{name} keeps something and is not there",
                f"this worker has {', '.join(template.resources)}",
                "Remove it from kept",
            )
        for each, value in properties.items():
            if value is None:
                _leave_out(template, name, each)
            else:
                setattr(template.resources[name], each, value)


def _leave_out(template: Template, name: str, each: str) -> None:
    """Takes a name out, and its parameter, where it had one."""
    given = template.resources[name].properties.pop(each, None)
    parameter = given.data.get("Ref") if isinstance(given, Ref) else None
    if parameter is None:
        return
    for part in (*template.resources.values(), *template.outputs.values()):
        before = str(part.to_dict())
        _refer(part, parameter, IDENTITY[name])
        needed = part.resource.get("DependsOn", [])
        if name in needed and str(part.to_dict()) != before:
            # What it refers to, it depends on.
            needed.remove(name)
            if not needed:
                del part.resource["DependsOn"]
    del template.parameters[parameter]
    interface = template.metadata.get("AWS::CloudFormation::Interface", {})
    interface.get("ParameterLabels", {}).pop(parameter, None)
    for group in interface.get("ParameterGroups", ()):
        if parameter in group["Parameters"]:
            group["Parameters"].remove(parameter)


def _refer(part: BaseAWSObject, parameter: str, identity: str) -> None:
    # In place: the object has another reference to its properties.
    part.properties.update(_referring(dict(part.properties), parameter, identity))


def _referring(value: Any, parameter: str, identity: str) -> Any:
    """A value in which the resource is referred to in place of the parameter."""
    if isinstance(value, AWSHelperFn):
        return _function(value, parameter, identity)
    if isinstance(value, list):
        return [_referring(each, parameter, identity) for each in value]
    if isinstance(value, dict):
        return {key: _referring(each, parameter, identity) for key, each in value.items()}
    if isinstance(value, BaseAWSObject):
        _refer(value, parameter, identity)
    return value


def _function(value: AWSHelperFn, parameter: str, identity: str) -> AWSHelperFn:
    name, _, attribute = identity.partition(".")
    match getattr(value, "data", None):
        case {"Ref": referred} if referred == parameter:
            return GetAtt(name, attribute) if attribute else Ref(name)
        case {"Fn::Sub": str() as text}:
            return Sub(text.replace(f"${{{parameter}}}", f"${{{identity}}}"))
        case dict() as data:
            value.data = _referring(data, parameter, identity)
    return value
