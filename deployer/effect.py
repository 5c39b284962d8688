"""What a change of scaling does, as a part of the review's model."""

from pydantic import BaseModel, ConfigDict


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Model):
    """One figure of a simulated load, as it is read: ``5 of 5``, ``2 min 5 s``, ``$0.0371``.

    ``before`` is None where nothing scales yet, ``after`` where nothing will.
    """

    name: str
    before: str | None
    after: str | None

    @property
    def differs(self) -> bool:
        """Whether the change makes a difference here."""
        return self.before != self.after


class LoadEffect(_Model):
    """One load, as `simulate.py --load` takes it, and its figures."""

    title: str
    loads: tuple[str, ...]
    figures: tuple[Figure, ...]


class ScalingEffect(_Model):
    """The service's scaling before and after, simulated on standard loads.

    ``warnings`` are those that the change brings, as ``id: sentence``; ``unknown`` says why a
    side could not be simulated.
    """

    loads: tuple[LoadEffect, ...] = ()
    warnings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
