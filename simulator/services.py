"""How long a job takes: the distributions that a load's ``service`` may have."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from random import Random

from simulator.errors import SimulationError, nearest
from simulator.quantities import NUMBER, duration

LONGEST = 30 * 86_400
"""Seconds of the longest job that is drawn: a month; a heavy tail must end somewhere."""


@dataclass(frozen=True)
class Distribution:
    """One way to draw seconds; ``values`` names its parameters, in their order."""

    values: tuple[str, ...]
    draw: Callable[..., float]
    meaning: str


def _lognormal(random: Random, median: float, sigma: float) -> float:
    return random.lognormvariate(log(max(median, 1)), sigma)


DISTRIBUTIONS = {
    "fixed": Distribution(("SECONDS",), lambda _, seconds: seconds, "always the same"),
    "uniform": Distribution(
        ("LOW", "HIGH"),
        lambda random, low, high: random.uniform(low, high),
        "anything between two durations",
    ),
    "exponential": Distribution(
        ("MEAN",),
        lambda random, mean: random.expovariate(1 / max(mean, 1)),
        "mostly short, around a mean",
    ),
    "lognormal": Distribution(
        ("MEDIAN", "SIGMA"),
        _lognormal,
        "half below the median, a long tail above; a sigma of 0.5 is moderate, 1 is wide",
    ),
}


def service(text: str) -> Callable[[Random], int]:
    """What draws whole seconds, at least 1, for ``lognormal:3m:0.5`` or just ``3m``.

    Raises SimulationError.
    """
    name, *given = text.split(":")
    if name not in DISTRIBUTIONS and not given:
        name, given = "fixed", [name]
    if name not in DISTRIBUTIONS:
        raise SimulationError(
            f"service is {text!r}, and there is no distribution {name}",
            "a service is a duration or a distribution",
            nearest(name, DISTRIBUTIONS),
        )
    chosen = DISTRIBUTIONS[name]
    form = ":".join([name, *chosen.values])
    if len(given) != len(chosen.values):
        raise SimulationError(
            f"service is {text!r}, which has {len(given)} values after its name",
            f"{name} takes {' and '.join(chosen.values)}",
            f"Write it like {form}",
        )
    numbers = [
        _sigma(value) if label == "SIGMA" else duration(value, f"{label} of service={text}")
        for label, value in zip(chosen.values, given, strict=True)
    ]
    if name == "uniform" and numbers[0] > numbers[1]:
        raise SimulationError(
            f"service is {text!r}, and its LOW is above its HIGH",
            "a duration is drawn between the two",
            f"Write it like uniform:{given[1]}:{given[0]}",
        )
    return lambda random: min(max(1, round(chosen.draw(random, *numbers))), LONGEST)


def _sigma(text: str) -> float:
    from re import fullmatch

    if not fullmatch(NUMBER, text) or float(text) > 5:  # noqa: PLR2004 - said below
        raise SimulationError(
            f"SIGMA is {text!r}, which is no spread",
            "it is the standard deviation of the logarithm, a number from 0 to 5",
            "Write it like 0.5",
        )
    return float(text)
