"""A deployment's values against what its template declares.

CloudFormation refuses the same things, minutes later and without a line number; cfn-lint
reports only one of several missing parameters and does not look at AllowedPattern.
"""

import difflib
import re
from collections.abc import Iterator, Mapping

from deployments.models import Deployment, ParameterValue
from deployments.template import Declared
from problem import Problem

IDENTIFIERS = {
    "AWS::EC2::VPC::Id": r"vpc-[0-9a-f]{8,17}",
    "AWS::EC2::Subnet::Id": r"subnet-[0-9a-f]{8,17}",
    "AWS::EC2::SecurityGroup::Id": r"sg-[0-9a-f]{8,17}",
}
"""What the AWS-specific types look like (CloudFormation: "Parameter types")."""


def problems(deployment: Deployment, declared: Mapping[str, Declared]) -> list[Problem]:
    """Everything about a deployment's parameters that its template does not allow."""
    return [
        *_missing(deployment, declared),
        *(
            problem
            for name, value in deployment.parameters.items()
            for problem in _value(deployment, name, value, declared)
        ),
    ]


def _missing(deployment: Deployment, declared: Mapping[str, Declared]) -> Iterator[Problem]:
    for name, parameter in declared.items():
        if parameter.default is None and name not in deployment.parameters:
            yield Problem(
                f"The parameter {name} is missing",
                f"the template has no default for it: {parameter.description}",
                f"Add {name}: ... below `parameters`",
                file=deployment.source.file,
                line=deployment.source.line(("parameters",)),
            )


def _value(
    deployment: Deployment,
    name: str,
    value: ParameterValue,
    declared: Mapping[str, Declared],
) -> Iterator[Problem]:
    def problem(what: str, why: str, next_step: str, *place: int) -> Problem:
        line = deployment.source.line(("parameters", name, *place))
        return Problem(what, why, next_step, file=deployment.source.file, line=line)

    if name not in declared:
        close = difflib.get_close_matches(name, list(declared), n=1)
        template = deployment.template.name
        yield problem(
            f"Unknown parameter {name}",
            f"{template} has no such parameter",
            f"Did you mean {close[0]}?" if close else f"Take one of {', '.join(declared)}",
        )
        return
    parameter = declared[name]
    if parameter.is_list != isinstance(value, tuple):
        given, wanted = ("one value", "a list") if parameter.is_list else ("a list", "one value")
        yield problem(
            f"{name} is {given}",
            f"the template declares {parameter.type}, which is {wanted}",
            f"Write {wanted}",
        )
        return
    for position, item in enumerate(value if isinstance(value, tuple) else (value,)):
        why = wrong(item, parameter)
        if why:
            yield problem(f"{name} cannot be {item!r}", why, "Correct the value", position)


def wrong(value: str, parameter: Declared) -> str | None:
    """Why a value is not allowed, or None."""
    if parameter.allowed and value not in parameter.allowed:
        return f"allowed are {', '.join(parameter.allowed)}"
    if parameter.pattern and not re.fullmatch(parameter.pattern, value):
        return f"it must be {parameter.constraint or f'like {parameter.pattern}'}"
    if parameter.type == "Number":
        return _wrong_number(value, parameter)
    for type_name, pattern in IDENTIFIERS.items():
        if type_name in parameter.type and not re.fullmatch(pattern, value):
            return f"an {type_name} looks like {pattern.split('[')[0]}0123456789abcdef0"
    return None


def _wrong_number(value: str, parameter: Declared) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "it must be a number"
    if parameter.least is not None and number < parameter.least:
        return f"the least is {parameter.least:g}"
    if parameter.most is not None and number > parameter.most:
        return f"the most is {parameter.most:g}"
    return None
