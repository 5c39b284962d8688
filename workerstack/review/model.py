"""A review as one immutable model: what a change set says, what it means, what binds it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Where(_Model):
    """Which stack, and as whom it was reviewed."""

    deployment: str
    account: str
    region: str
    caller: str
    stack_name: str
    stack_id: str


class Consent(_Model):
    """A blocking finding that was let through when the change set was made, and by whom.

    ``finding`` is ``ID:LogicalId``, ``by`` the caller's ARN. AWS keeps both: they stand in the
    change set's description.
    """

    finding: str
    by: str


class Binding(_Model):
    """What must still be so when the review is executed; empty in a prediction.

    ``template_digest`` is the SHA-256 of the template's bytes, ``stack_policy_digest`` that of
    the policy's; ``parameters`` and ``tags`` are as they are sent, without the NoEcho parameters,
    which ``not_bound`` names. ``mode`` is the DeploymentMode. ``imports`` has the physical id of
    each resource that is imported. ``origin``: which earlier deployment, if one is.
    """

    template: str = ""
    template_digest: str = ""
    parameters: dict[str, str] = {}
    not_bound: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    capabilities: tuple[str, ...] = ()
    role: str = ""
    topics: tuple[str, ...] = ()
    rollback_alarms: tuple[str, ...] = ()
    rollback_minutes: int = 0
    mode: str = ""
    imports: dict[str, str] = {}
    description: str = ""
    termination_protection: bool | None = None
    stack_policy_digest: str = ""
    stack_status: str = ""
    stack_last_updated: str = ""
    changes_digest: str = ""
    origin: str = ""


class Figures(_Model):
    """What a simulated load comes to; times are None where that rank of messages never gets there.

    ``killed`` are jobs that were stopped in the middle of their work. Costs are those of Fargate
    in the Region of the prices, in US dollars for the load's ``hours``.
    """

    done: int
    total: int
    killed: int
    dead_letters: int
    first_receive_p95_seconds: int | None
    completion_p95_seconds: int | None
    cost_dollars: float


class LoadEffect(_Model):
    """One load, as `simulate.py --load` takes it, and what it comes to.

    ``before`` is None where nothing scales yet, ``after`` where nothing will. ``hours``: how long
    the simulation runs, for which the costs are.
    """

    title: str
    loads: tuple[str, ...]
    hours: float
    before: Figures | None
    after: Figures | None

    @property
    def differs(self) -> bool:
        """Whether the change makes a difference here."""
        return self.before != self.after


class ScalingEffect(_Model):
    """The service's scaling before and after, simulated on standard loads.

    ``warnings`` are those that the change brings, as ``id: sentence``; ``unknown`` says why a
    side could not be simulated.
    """

    loads: tuple[LoadEffect, ...] = ()
    warnings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


VERSION: Literal[4] = 4
"""The version of the review's JSON; a reader refuses another one."""

UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"
"""What CloudFormation writes for a value that is known only after execution."""


class PropertyChange(_Model):
    """One cause of a resource's change: what changes, from what to what, and why.

    ``extra`` holds members of the answer that this version does not know. ``proof`` says why
    this cannot change though CloudFormation lists it; it is empty where it can.
    """

    attribute: str | None = None
    name: str | None = None
    path: str | None = None
    before: Any = None
    after: Any = None
    values_given: bool = False
    requires_recreation: str | None = None
    evaluation: str | None = None
    change_source: str | None = None
    causing_entity: str | None = None
    change_type: str | None = None
    before_from: str | None = None
    after_from: str | None = None
    drift: dict[str, Any] | None = None
    proof: str = ""
    extra: dict[str, Any] = {}

    @property
    def follows(self) -> bool:
        """Whether it comes from another resource, and not from the template or a parameter."""
        return self.change_source in ("ResourceAttribute", "ResourceReference")

    @property
    def label(self) -> str:
        """The deepest path that is known: ``/Properties/Cpu``, or ``Tags``."""
        if self.path:
            return self.path
        return f"/{self.attribute}/{self.name}" if self.name else str(self.attribute)


class ResourceChange(_Model):
    """What happens to one resource; ``before`` and ``after`` are its whole body.

    ``from_templates`` says that AWS gave no bodies and that these come from comparing the
    stack's template with the change set's.
    """

    action: str
    logical_id: str
    physical_id: str | None = None
    type: str
    replacement: str | None = None
    policy_action: str | None = None
    scope: tuple[str, ...] = ()
    properties: tuple[PropertyChange, ...] = ()
    before: Any = None
    after: Any = None
    previous_deployment: Any = None
    drift_status: str | None = None
    drift_ignored: tuple[dict[str, Any], ...] = ()
    module: dict[str, Any] | None = None
    nested_change_set: str | None = None
    hook_invocations: int | None = None
    description: str | None = None
    from_templates: bool = False
    extra: dict[str, Any] = {}

    @property
    def can_change(self) -> bool:
        """Whether anything in it can change: False where each cause is proved to be none."""
        if self.action != "Modify" or not self.properties:
            return True
        return not all(each.proof for each in self.properties)

    @property
    def replaces(self) -> str | None:
        """``replacement`` without the causes that are proved to be none."""
        left = [each for each in self.properties if not each.proof]
        if self.replacement != "Conditional" or len(left) == len(self.properties):
            return self.replacement
        may = any(each.requires_recreation not in ("Never", None) for each in left)
        return "Conditional" if may else "False"

    @property
    def follows(self) -> bool:
        """Whether all that changes in it comes from other resources."""
        left = [each for each in self.properties if not each.proof]
        return self.action == "Modify" and bool(left) and all(each.follows for each in left)

    @property
    def is_open(self) -> bool:
        """Whether only execution tells if it changes at all."""
        left = [each for each in self.properties if not each.proof]
        return self.follows and all(each.evaluation == "Dynamic" for each in left)


class Unforeseen(_Model):
    """A resource of which CloudFormation says something else than was predicted.

    ``listed`` and ``predicted`` are the action and replacement, such as ``Modify, Replacement
    True``; empty for a resource that is not listed, or was not predicted. ``matters`` is False
    where both agree on what can change, and differ in what cannot.
    """

    logical_id: str
    listed: str
    predicted: str
    matters: bool = True


class OtherChange(_Model):
    """A change besides the resources: of a parameter, an output, a tag, the description.

    ``before`` or ``after`` is None where there is none; both are masked for a secret.
    """

    kind: str
    name: str
    before: str | None
    after: str | None


class AccessChange(_Model):
    """One IAM statement or network rule that is gained or lost.

    For a network rule ``actions`` holds direction, protocol and ports, ``resources`` the
    group that is opened, ``principal`` the other side.
    """

    kind: Literal["permission", "trust", "network"]
    gained: bool
    logical_id: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ()
    principal: str = ""
    condition: str = ""


Level = Literal["blocking", "warning", "note"]
Step = Literal["", "retain", "remove", "import"]


class Finding(_Model):
    """One judgement: what it is, why it matters here, and what to do.

    A blocking one is let through at execution by ``--allow ID:LogicalId``.
    """

    id: str
    level: Level
    logical_id: str
    what: str
    why: str
    next_step: str

    @property
    def allowed_by(self) -> str:
        """What ``--allow`` takes to let this finding through."""
        return f"{self.id}:{self.logical_id}"


class Notice(_Model):
    """What CloudFormation itself or a hook says of the change set, though it was made."""

    source: str
    mode: str
    logical_id: str
    text: str
    next_step: str = ""


class NeedAtReview(_Model):
    """One thing outside of the stack that it needs, as it was found at the time of the review.

    ``SKIP``: it could not be looked for.
    """

    id: str
    criterion: str
    status: Literal["PASS", "FAIL", "SKIP"]
    evidence: str
    next_step: str = ""


class Part(_Model):
    """One resource of the stack, changed or not, and the resources that it refers to."""

    logical_id: str
    type: str
    refers_to: tuple[str, ...] = ()


class ChangeSet(_Model):
    """The change set itself."""

    arn: str
    name: str
    type: str
    created: str
    status: str
    execution_status: str
    reason: str = ""
    description: str = ""
    capabilities: tuple[str, ...] = ()
    extra: dict[str, Any] = {}


class Review(_Model):
    """Everything that a reviewer must know, and what binds it to what is executed.

    ``predicted``: made from two templates without AWS; the change set has no ARN then, and
    there is nothing to execute. ``allowed``: the blocking findings that were let through when the
    change set was made. ``unknown`` are sentences on what could not be known.
    ``unforeseen``: where the change set is another one than was predicted from the templates.
    ``parts``: the whole stack before and after, as far as its templates say. ``adoption``:
    the change set has what a step of an adoption makes of the deployed template. ``scaling``:
    what the change does to it, where it does anything. ``needs``: what was there of what the stack
    needs; a fact of that time, which binds nothing: `execute` looks anew.
    """

    version: Literal[4] = VERSION
    where: Where
    change_set: ChangeSet
    resources: tuple[ResourceChange, ...]
    others: tuple[OtherChange, ...]
    findings: tuple[Finding, ...] = ()
    allowed: tuple[Consent, ...] = ()
    access: tuple[AccessChange, ...] = ()
    notices: tuple[Notice, ...] = ()
    unforeseen: tuple[Unforeseen, ...] = ()
    parts: tuple[Part, ...] = ()
    unknown: tuple[str, ...] = ()
    predicted: bool = False
    adoption: Step = ""
    scaling: ScalingEffect | None = None
    needs: tuple[NeedAtReview, ...] = ()
    binding: Binding
