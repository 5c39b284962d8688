"""The words for what a change does to scaling: the same in every format. Pure."""

from collections.abc import Iterator

from deployer.effect import Figure, LoadEffect, ScalingEffect
from deployer.showing.lines import wrapped

HEADING = "How it scales, simulated"
SAME = "no difference"


def figure(each: Figure) -> str:
    """``5 of 5``, or ``3 of 5 -> 5 of 5``."""
    if each.before is None or each.after is None or not each.differs:
        return str(each.before if each.after is None else each.after)
    return f"{each.before} -> {each.after}"


def sentence(load: LoadEffect) -> str:
    """What differs on one load; of a creation, or an end, all of it."""
    found = [each for each in load.figures if each.differs]
    return "; ".join(f"{each.name} {figure(each)}" for each in found) or SAME


def lines(effect: ScalingEffect, width: int) -> Iterator[str]:
    """One line a load, then the warnings, then what is not known."""
    for load in effect.loads:
        yield from wrapped(f"{load.title}: {sentence(load)}", width, "   ", " " * 7)
    for warning in effect.warnings:
        yield from wrapped(warning, width, "!  ", " " * 5)
    for unknown in effect.unknown:
        yield from wrapped(f"{unknown}.", width, "   ", " " * 5)
