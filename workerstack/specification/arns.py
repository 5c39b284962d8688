"""How things of the account and Region of the stack are named in its template."""

from typing import Any

from troposphere import Sub


def arn(service: str, rest: str) -> str:
    """The ARN of something in this account and Region, as Fn::Sub takes it."""
    return f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{rest}"


def here(service: str, rest: str, **given: Any) -> Sub:
    """The ARN of something in this account and Region; ``given`` stands for names in ``rest``."""
    return Sub(arn(service, rest), **given)
