"""Where a review was made, and what binds it to its execution: parts of the review's model."""

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


class Binding(_Model):
    """What must still be so when the review is executed.

    The digests are SHA-256 of the template's bytes and of the parameters without the
    secret ones, which ``not_bound`` names. ``origin``: which earlier deployment, if one is.
    """

    template: str
    template_digest: str
    parameters_digest: str
    not_bound: tuple[str, ...]
    stack_status: str
    stack_last_updated: str
    changes_digest: str
    origin: str = ""
