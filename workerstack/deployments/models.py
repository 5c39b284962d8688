"""What a file of params/ says: the models behind the reader and the editors' schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from workerstack.cloudformation import Document

ParameterValue = str | tuple[str, ...]
"""A parameter's value as text, or as texts where the parameter is a list."""

Arn = Annotated[str, StringConstraints(pattern=r"^arn:aws[a-z-]*:\S+$")]
BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]


def _key(name: str) -> str:
    return name.replace("_", "-")


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=_key)


class Target(_File):
    """``params/ENV/target.yaml``: where the environment is, and what guards it."""

    account: Annotated[str, StringConstraints(pattern=r"^\d{12}$")] = Field(
        description="The account's twelve digits; nothing is done in another one."
    )
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] = Field(
        description="The region, such as us-west-2; nothing is done in another one."
    )
    service_role: Arn | None = Field(
        default=None,
        description="The role with which CloudFormation acts; without it, the caller's.",
    )
    rollback_alarms: tuple[Arn, ...] = Field(
        default=(),
        description="CloudWatch alarms that roll an update back when they fire.",
    )
    rollback_minutes: int = Field(
        default=0,
        ge=0,
        le=180,
        description="Minutes for which those alarms are watched after an update.",
    )
    termination_protection: bool | None = Field(
        default=None,
        description="Whether the stack must be protected from deletion.",
    )
    stack_policy: str | None = Field(
        default=None,
        description="A JSON file in the same folder: what an update may not do to which resources.",
    )
    template_bucket: BucketName | None = Field(
        default=None,
        description="A bucket of this account, for templates of more than 51,200 bytes.",
    )
    prove: bool = Field(
        default=True,
        description="Whether `execute` may start a task to prove a new revision at zero tasks.",
    )
    notification_topics: tuple[Arn, ...] = Field(
        default=(), max_length=5, description="SNS topics notified of stack events."
    )


class DeploymentFile(_File):
    """``params/ENV/STACK.yaml``: CloudFormation's Git sync deployment file."""

    template_file_path: str = Field(description="The template, from the checkout's root.")
    parameters: dict[str, str | tuple[str, ...]] = Field(
        default_factory=dict,
        description="The template's parameters; a list as one text, such as `a,b`.",
    )
    tags: dict[str, str] = Field(
        default_factory=dict,
        max_length=50,
        description="Tags of the stack and of all that it creates.",
    )


@dataclass(frozen=True)
class Deployment:
    """One stack in one environment: which template, with which values, where.

    ``of_file`` is the path of a file that is deployed outside params/; it has no environment.
    """

    environment: str
    stack: str
    target: Target
    template: Path
    parameters: Mapping[str, ParameterValue]
    tags: Mapping[str, str]
    source: Document[Path]
    of_file: str = ""

    @property
    def name(self) -> str:
        """``ENV/STACK`` or ``FILE --stack STACK``, as people write it on the command line."""
        if self.of_file:
            return f"{self.of_file} --stack {self.stack}"
        return f"{self.environment}/{self.stack}"

    @property
    def stack_policy(self) -> Path | None:
        """The file of the stack policy, where ``target.yaml`` names one."""
        name = self.target.stack_policy
        return None if name is None else self.source.file.parent / name

    @property
    def target_files(self) -> tuple[Path, ...]:
        """What says where it is and what guards it: ``target.yaml`` and the stack policy."""
        if self.of_file:
            return ()
        policy = self.stack_policy
        target = self.source.file.with_name("target.yaml")
        return (target,) if policy is None else (target, policy)

    @property
    def files(self) -> tuple[Path, ...]:
        """All that it is made of: the template, the values, the target, the stack policy."""
        return (self.template, self.source.file, *self.target_files)
