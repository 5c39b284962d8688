"""What is secret, and what encrypts it."""

import re
from collections.abc import Iterator
from typing import Literal

from troposphere import AWSHelperFn, Ref, Sub

from workerstack.specification.arns import arn
from workerstack.specification.checked import about, specified
from workerstack.specification.mistakes import Mistake
from workerstack.specification.names import parameter_name, variable_name


@specified
class Secret:
    """A Secrets Manager secret, given to the container as an environment variable.

    ``name`` is the secret's. ``parameter`` is the template's parameter that holds its ARN; left
    out, the secret is found by its name in this account and Region. ``json_key`` takes one value
    of a secret that is JSON, ``version_stage`` another version than AWSCURRENT.
    Source: ECS, "Pass Secrets Manager secrets through Amazon ECS environment variables".
    """

    variable: str
    name: str
    parameter: str = ""
    json_key: str = ""
    version_stage: str = ""

    @about("variable")
    def _variable(self) -> Iterator[Mistake]:
        return variable_name(self.variable)

    @about("name", "parameter")
    def _name(self) -> Iterator[Mistake]:
        if self.parameter:
            yield from parameter_name(self.parameter)
        if not re.fullmatch(r"[A-Za-z0-9/_+=.@!-]{1,512}", self.name):
            yield Mistake(
                f"Secret name {self.name!r} is impossible",
                "Secrets Manager allows letters, digits and /_+=.@-, at most 512",
                "Give the secret's name; its ARN is the value of a parameter",
            )
        elif not self.parameter and re.search(r"-[A-Za-z0-9]{6}$", self.name):
            yield Mistake(
                f"The secret {self.name} cannot be found by its name",
                "a hyphen and six characters look like the end of an ARN (Secrets Manager)",
                'Give its ARN by a parameter: parameter="SecretArn"',
            )

    @about("json_key", "version_stage")
    def _part(self) -> Iterator[Mistake]:
        for field in ("json_key", "version_stage"):
            if ":" in getattr(self, field):
                yield Mistake(
                    f"{field} {getattr(self, field)!r} is impossible",
                    "ECS parts key and stage by a colon",
                    "Take a key without one",
                    field=field,
                )

    @property
    def value_from(self) -> AWSHelperFn:
        """What ECS reads for the container."""
        end = f":{self.json_key}:{self.version_stage}:"
        end = "" if end == ":::" else end
        if not self.parameter:
            return Sub(f"{self._arn}{end}")
        return Sub(f"${{{self.parameter}}}{end}") if end else Ref(self.parameter)

    @property
    def arns(self) -> dict[str, AWSHelperFn]:
        """Its ARN; found by its name, it is asked for without and with the six at its end.

        Source: Secrets Manager, "Finding a secret from a partial ARN".
        """
        if self.parameter:
            return {self.parameter: Ref(self.parameter)}
        return {each: Sub(each) for each in (self._arn, f"{self._arn}-??????")}

    @property
    def _arn(self) -> str:
        """Without the six characters at its end, by which it is found as well."""
        return arn("secretsmanager", f"secret:{self.name}")


@specified
class StoredParameter:
    """A parameter of Parameter Store (SecureString or not), given as an environment variable.

    ``name`` is the parameter's in this account and Region; with ``parameter``, its ARN is the
    value of that parameter of the template.
    Source: ECS, "Pass Systems Manager parameters through Amazon ECS environment variables".
    """

    variable: str
    name: str
    parameter: str = ""

    @about("variable")
    def _variable(self) -> Iterator[Mistake]:
        return variable_name(self.variable)

    @about("name", "parameter")
    def _name(self) -> Iterator[Mistake]:
        if self.parameter:
            yield from parameter_name(self.parameter)
        if not re.fullmatch(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,14}", self.name):
            yield Mistake(
                f"Stored parameter {self.name!r} is impossible",
                "Parameter Store allows letters, digits and _.- between at most 15 slashes",
                'Write something like name="/example/token"',
            )

    @property
    def value_from(self) -> AWSHelperFn:
        """What ECS reads for the container."""
        return next(iter(self.arns.values()))

    @property
    def arns(self) -> dict[str, AWSHelperFn]:
        """Its ARN, by the parameter or by its name."""
        if self.parameter:
            return {self.parameter: Ref(self.parameter)}
        named = arn("ssm", f"parameter/{self.name.lstrip('/')}")
        return {named: Sub(named)}


@specified
class Key:
    """A customer-managed KMS key that encrypts what the worker uses.

    ``parameter`` is the template's parameter that holds the key's ARN; ``alias`` is how people
    find the key, without ``alias/``. ``protects`` is what it encrypts. A queue of the worker's
    own and the log group are made with it; for all others the worker's roles may use it, through
    that service only (``kms:ViaService``). The key's own policy must let the account's roles use
    it, and ``logs.REGION.amazonaws.com`` where it protects the logs.
    """

    parameter: str
    alias: str
    protects: Literal["secrets", "parameters", "queue", "destinations", "topics", "buckets", "logs"]

    @about("parameter")
    def _parameter(self) -> Iterator[Mistake]:
        return parameter_name(self.parameter)

    @about("alias")
    def _alias(self) -> Iterator[Mistake]:
        if not re.fullmatch(r"(?!alias/|aws/)[A-Za-z0-9/_-]{1,250}", self.alias):
            yield Mistake(
                f"Alias {self.alias!r} is impossible",
                "KMS allows letters, digits and /_-; keys of AWS itself need no permissions",
                'Write the name alone: alias="example/queue"',
            )
