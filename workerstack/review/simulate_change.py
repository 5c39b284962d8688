"""What a change does to scaling: both templates simulated on the same loads, before it is made."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from workerstack.cloudformation import from_data, resolve
from workerstack.problem import Problem
from workerstack.review.model import Figures, LoadEffect, ResourceChange, ScalingEffect

if TYPE_CHECKING:
    from workerstack.simulator.model import Scaling

SCALES = frozenset(
    {
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CloudWatch::Alarm",
        "AWS::ECS::TaskDefinition",
        "AWS::SQS::Queue",
    }
)
"""Types whose change may be one of scaling: bounds, steps, thresholds, stop timeout, visibility."""


class ScalingSide(NamedTuple):
    """A parsed template and its parameters' values."""

    template: Mapping[str, Any]
    parameters: Mapping[str, str]

    @property
    def scales(self) -> bool:
        """Whether it has anything that scales."""
        found = self.template.get("Resources", {}).values()
        return any(
            isinstance(each, Mapping) and each.get("Type") in SCALES - {"AWS::SQS::Queue"}
            for each in found
        )


def effect(
    changes: Collection[ResourceChange], before: ScalingSide, after: ScalingSide
) -> ScalingEffect | None:
    """The scaling before and after; None where the change is not one of scaling.

    What the simulator cannot read is said in ``unknown``, and so is a failure inside it: what it
    shows is an estimate, and a review or an execution does without.
    """
    if not any(change.type in SCALES for change in changes):
        return None
    unknown: list[str] = []
    old, new = (
        _read(side, which, unknown)
        for side, which in ((before, "as it is"), (after, "as it will be"))
    )
    # Most changes of these types leave scaling as it is: nothing is simulated, and no simulator
    # shown.
    if old == new and not unknown:
        return None
    try:
        loads, warnings = _loads(old, new) if old or new else (), _new_warnings(old, new)
    except Exception as error:
        loads, warnings = (), ()
        unknown.append(_failed("of this change", error))
    return ScalingEffect(loads=loads, warnings=warnings, unknown=tuple(unknown))


def _failed(which: str, error: Exception) -> str:
    """Told apart from a template that cannot be read: this is a defect of the simulator."""
    return f"The scaling {which} is not known: the simulation failed ({type(error).__name__})"


def _read(side: ScalingSide, which: str, unknown: list[str]) -> "Scaling | None":
    from workerstack.simulator.read import scaling_of

    if not side.scales:
        return None
    try:
        return scaling_of(resolve(from_data(side.template), side.parameters))
    except Problem as error:
        why = error.why.partition("; ")[0].rstrip(".")  # the first of several policies
        unknown.append(f"The scaling {which} cannot be simulated: {error.what}, {why}")
        return None
    except Exception as error:
        unknown.append(_failed(which, error))
        return None


def _loads(old: "Scaling | None", new: "Scaling | None") -> tuple[LoadEffect, ...]:
    from workerstack.simulator.loads import LOADS

    found = []
    for title, loads in LOADS.items():
        before, after = (_figures(each, loads) if each else None for each in (old, new))
        found.append(
            LoadEffect(
                title=title, loads=loads, hours=_hours(loads), before=before, after=after
            )
        )  # fmt: skip
    return tuple(found)


@lru_cache
def _hours(loads: tuple[str, ...]) -> float:
    from workerstack.simulator.loads import SETTINGS, load
    from workerstack.simulator.run import end_of

    return round(end_of(load(loads, SETTINGS.seed), None) / 3600, 2)


# The stacks of an environment often scale alike, and a review is judged again before it is made.
@lru_cache(maxsize=1_000)
def _figures(scaling: "Scaling", loads: tuple[str, ...]) -> Figures:
    from workerstack.simulator.loads import SETTINGS, load
    from workerstack.simulator.run import summarize

    run = summarize(scaling, load(loads, SETTINGS.seed), SETTINGS)
    return Figures(
        done=run.done,
        total=run.messages,
        killed=run.killed,
        dead_letters=run.dead_letters,
        first_receive_p95_seconds=run.first_receive_p95,
        completion_p95_seconds=run.completion_p95,
        cost_dollars=round(run.cost.total, 4),
    )


@lru_cache(maxsize=100)
def _new_warnings(old: "Scaling | None", new: "Scaling | None") -> tuple[str, ...]:
    from workerstack.simulator.loads import SETTINGS
    from workerstack.simulator.warn import warn

    if new is None:
        return ()
    before = warn(old, SETTINGS) if old else ()
    known = {(each.id, each.subject) for each in before}
    if any(each.id == "kill-loop" for each in before):
        # What killed every long job killed those that come at a bad moment, too.
        known |= {("kill-on-arrival", each.subject) for each in warn(new, SETTINGS)}
    return tuple(
        f"{each.id}: {each}" for each in warn(new, SETTINGS) if (each.id, each.subject) not in known
    )
