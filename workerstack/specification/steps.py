"""The step table: from absolute queue depths to alarms' thresholds and step bounds.

People say "from ten messages on, two more tasks". CloudFormation wants two alarms, each
with a threshold, and bounds that count from that threshold. Both come from one table
here, so that they cannot disagree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from workerstack.specification.checked import specified
from workerstack.specification.mistakes import wrong

MOST_ADJUSTMENTS = 20
"""Step adjustments that one policy may have (Application Auto Scaling, PutScalingPolicy)."""


@specified
class Step:
    """``change`` tasks while ``lower <= queue depth`` (or ``queue depth <= upper``).

    A step that adds tasks has a ``lower`` bound and reaches to the next step; a step that
    removes tasks has an ``upper`` bound, inclusive, and reaches down to the previous one.
    The other bound may be written too: it is then checked against the neighbour.
    """

    lower: int | None = None
    upper: int | None = None
    change: int

    def __str__(self) -> str:
        """The step as it stands in the specification."""
        bounds = [
            f"{name}={value}"
            for name, value in (("lower", self.lower), ("upper", self.upper))
            if value is not None
        ]
        return f"Step({', '.join([*bounds, f'change={self.change:+d}'])})"


@dataclass(frozen=True)
class Adjustment:
    """One step of a policy; the bounds count from the alarm's threshold, None is open."""

    lower: int | None
    upper: int | None
    change: int


@dataclass(frozen=True)
class Side:
    """One direction: the depth at which its alarm fires, and what its policy then does."""

    threshold: int
    adjustments: tuple[Adjustment, ...]


@dataclass(frozen=True)
class StepTable:
    """Both directions of a worker's scaling."""

    scale_in: Side
    scale_out: Side


def step_table(steps: Sequence[Step]) -> StepTable:
    """The alarms' thresholds and the policies' adjustments for a table of steps.

    Raises SpecificationError where AWS would later find no step, or two, for some depth.
    """
    for step in steps:
        _check_alone(step)
    removing = sorted((step for step in steps if step.change < 0), key=lambda step: step.upper or 0)
    adding = sorted((step for step in steps if step.change > 0), key=lambda step: step.lower or 0)
    for direction, side in (("removes", removing), ("adds", adding)):
        if not side:
            raise wrong(
                f"No step {direction} tasks",
                "a worker scales out and in again",
                "Give both, such as Step(upper=0, change=-1), Step(lower=1, change=+1)",
            )
        if len(side) > MOST_ADJUSTMENTS:
            raise wrong(
                f"{len(side)} steps that each {direction[:-1]} tasks",
                f"a policy has at most {MOST_ADJUSTMENTS} step adjustments",
                "Merge neighbouring steps",
            )
    _check_neighbours(removing, adding)
    return StepTable(_scale_in(removing), _scale_out(adding))


def _check_alone(step: Step) -> None:
    if step.change == 0:
        raise wrong(
            f"{step} changes nothing",
            "a policy runs only while its alarm fires, and then should do something",
            "Leave the step out",
        )
    needed = "upper" if step.change < 0 else "lower"
    if getattr(step, needed) is None:
        raise wrong(
            f"{step} has no {needed} bound",
            "steps that add tasks begin at a depth, steps that remove them end at one",
            f"Add {needed}=...",
        )
    if any(bound is not None and bound < 0 for bound in (step.lower, step.upper)):
        raise wrong(
            f"{step} has a negative bound",
            "bounds are queue depths, not distances from a threshold",
            "Count messages from 0",
        )


def _check_neighbours(removing: Sequence[Step], adding: Sequence[Step]) -> None:
    for first, second in pairwise(removing):
        begin = first.upper if second.lower is None else second.lower
        _check_edge(first, second, end=first.upper, begin=begin)
    for first, second in pairwise(adding):
        end = second.lower if first.upper is None else first.upper
        _check_edge(first, second, end=end, begin=second.lower)
    for step, bound in (
        (removing[0], removing[0].lower),
        (adding[-1], adding[-1].upper),
    ):
        if bound is not None:
            raise wrong(
                f"{step} leaves a gap",
                "it is the outermost step, and beyond its bound AWS finds no step",
                f"Leave out the bound of {bound}",
            )
    last, first = removing[-1], adding[0]
    low, high = last.upper or 0, first.lower or 0
    if high <= low:
        raise wrong(
            f"{last} and {first} overlap",
            f"with {high} messages one adds and the other removes tasks",
            f"Begin the second at {low + 1}",
        )
    # Depths are whole numbers: between 4 and 5 there is none.
    if high > low + 1:
        raise wrong(
            f"{last} and {first} leave a gap",
            f"with {low + 1} to {high - 1} messages nothing would ever happen",
            f"Begin the second at {low + 1}",
        )


def _check_edge(first: Step, second: Step, *, end: int | None, begin: int | None) -> None:
    if (first.upper, first.lower) == (second.upper, second.lower) or end != begin:
        gap = (end or 0) < (begin or 0)
        raise wrong(
            f"{first} and {second} {'leave a gap' if gap else 'overlap'}",
            f"the first ends at {end}, the second begins at {begin}",
            "Begin each step where its neighbour ends, or leave that bound out",
        )


def _scale_out(adding: Sequence[Step]) -> Side:
    """Lower bounds are inclusive above the threshold (AWS: StepAdjustment)."""
    begins = [step.lower or 0 for step in adding]
    threshold = begins[0]
    ends = [begin - threshold for begin in begins[1:]]
    return Side(
        threshold,
        tuple(
            Adjustment(step_begin - threshold, end, step.change)
            for step, step_begin, end in zip(adding, begins, [*ends, None], strict=True)
        ),
    )


def _scale_in(removing: Sequence[Step]) -> Side:
    """Upper bounds are inclusive below the threshold (AWS: StepAdjustment)."""
    ends = [step.upper or 0 for step in removing]
    threshold = ends[-1]
    begins = [end - threshold for end in ends[:-1]]
    return Side(
        threshold,
        tuple(
            Adjustment(begin, step_end - threshold, step.change)
            for step, begin, step_end in zip(removing, [None, *begins], ends, strict=True)
        ),
    )
