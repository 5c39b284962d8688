"""Makes a load from one line: ``poisson:rate=30/h,for=8h,service=lognormal:3m:0.5``.

LOAD   = KIND ":" KEY "=" VALUE { "," KEY "=" VALUE }

    job      at                               one message
    burst    count, over, every, times, at    many at once, or within `over`; again `every`
    trickle  every, for, jitter, at           one after the other, with gaps
    poisson  rate, for, at                    at random, at a rate
    day      count, from, to, days, at        working days: two humps, a dip at noon

Each takes ``service`` (which it needs), ``poison`` (the share of messages on which the
worker always fails) and ``at`` (when it begins). Durations are 90, 15m, 6h, 2d; rates
30/h. The same seed makes the same messages.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from random import Random
from types import MappingProxyType
from typing import Any

from workerstack.problem import Problem
from workerstack.simulator.quantities import (
    NUMBER,
    count,
    duration,
    nearest,
    rate,
    share,
)
from workerstack.simulator.settings import Settings
from workerstack.simulator.traces import LATEST, MOST_MESSAGES, Message, Trace

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

    Raises Problem.
    """
    name, *given = text.split(":")
    if name not in DISTRIBUTIONS and not given:
        name, given = "fixed", [name]
    if name not in DISTRIBUTIONS:
        raise Problem(
            f"service is {text!r}, and there is no distribution {name}",
            "a service is a duration or a distribution",
            nearest(name, DISTRIBUTIONS),
        )
    chosen = DISTRIBUTIONS[name]
    form = ":".join([name, *chosen.values])
    if len(given) != len(chosen.values):
        raise Problem(
            f"service is {text!r}, which has {len(given)} values after its name",
            f"{name} takes {' and '.join(chosen.values)}",
            f"Write it like {form}",
        )
    numbers = [
        _sigma(value) if label == "SIGMA" else duration(value, f"{label} of service={text}")
        for label, value in zip(chosen.values, given, strict=True)
    ]
    if name == "uniform" and numbers[0] > numbers[1]:
        raise Problem(
            f"service is {text!r}, and its LOW is above its HIGH",
            "a duration is drawn between the two",
            f"Write it like uniform:{given[1]}:{given[0]}",
        )
    return lambda random: min(max(1, round(chosen.draw(random, *numbers))), LONGEST)


def _sigma(text: str) -> float:
    from re import fullmatch

    if not fullmatch(NUMBER, text) or float(text) > 5:  # noqa: PLR2004 - said below
        raise Problem(
            f"SIGMA is {text!r}, which is no spread",
            "it is the standard deviation of the logarithm, a number from 0 to 5",
            "Write it like 0.5",
        )
    return float(text)


SECONDS_OF_A_DAY = 86_400

WORKING_DAY = ((0.0, 0.15), (0.2, 1.0), (0.4, 0.85), (0.5, 0.35), (0.65, 0.9), (1.0, 0.1))
"""The shape of a working day: a part of it, and how busy it is there. Two humps, lunch between."""


def job(_: Mapping[str, Any], __: Random) -> Sequence[float]:
    """One message."""
    return (0.0,)


def burst(given: Mapping[str, Any], random: Random) -> Sequence[float]:
    """``count`` messages at once or within ``over``, ``times`` times, one burst ``every``."""
    return [
        turn * given["every"] + random.random() * given["over"]
        for turn in range(given["times"])
        for _ in range(given["count"])
    ]


def trickle(given: Mapping[str, Any], random: Random) -> Sequence[float]:
    """One message ``every``, each up to ``jitter`` later, ``for`` that long."""
    return [
        turn * given["every"] + random.random() * given["jitter"]
        for turn in range(int(given["for"] / given["every"]) or 1)
    ]


def poisson(given: Mapping[str, Any], random: Random) -> Sequence[float]:
    """At random, independently of each other, at a ``rate``, ``for`` that long."""
    found: list[float] = []
    now = random.expovariate(given["rate"])
    while now < given["for"]:
        found.append(now)
        now += random.expovariate(given["rate"])
    return found


def day(given: Mapping[str, Any], random: Random) -> Sequence[float]:
    """``count`` messages on each of ``days``, between ``from`` and ``to``, as people work."""
    length = given["to"] - given["from"]
    return [
        number * SECONDS_OF_A_DAY + given["from"] + _moment(random) * length
        for number in range(given["days"])
        for _ in range(given["count"])
    ]


def _moment(random: Random) -> float:
    """A part of the day, drawn from its shape by rejection."""
    while True:
        moment, level = random.random(), random.random()
        if level < _busy(moment):
            return moment


def _busy(moment: float) -> float:
    for (start, low), (end, high) in pairwise(WORKING_DAY):
        if moment <= end:
            return low + (high - low) * (moment - start) / (end - start)
    return 0.0


HOUR, DAY = 3_600.0, 86_400.0

READERS: Mapping[str, Callable[[str, str], Any]] = {
    "at": duration, "count": count, "days": count, "every": duration, "for": duration,
    "from": duration, "jitter": duration, "over": duration, "poison": share, "rate": rate,
    "service": lambda text, _: service(text), "times": count, "to": duration,
}  # fmt: skip
"""How each key's value is read."""


@dataclass(frozen=True)
class Kind:
    """One kind of load: what it must be given, what it may be given, and what it does.

    ``expected`` counts its messages before they are made; ``arrivals`` makes their seconds.
    """

    needs: tuple[str, ...]
    takes: Mapping[str, Any]
    expected: Callable[[Mapping[str, Any]], float]
    arrivals: Callable[[Mapping[str, Any], Random], Sequence[float]]


KINDS: Mapping[str, Kind] = {
    "job": Kind((), {}, lambda _: 1, job),
    "burst": Kind(
        ("count",),
        {"over": 0.0, "every": 0.0, "times": 1},
        lambda given: given["count"] * given["times"],
        burst,
    ),
    "trickle": Kind(
        ("every", "for"),
        {"jitter": 0.0},
        lambda given: given["for"] / max(given["every"], 1),
        trickle,
    ),
    "poisson": Kind(("rate", "for"), {}, lambda given: given["rate"] * given["for"], poisson),
    "day": Kind(
        ("count",),
        {"from": 8 * HOUR, "to": 18 * HOUR, "days": 1},
        lambda given: given["count"] * given["days"],
        day,
    ),
}
COMMON: Mapping[str, Any] = {"at": 0.0, "poison": 0.0}


def load(texts: Sequence[str], seed: int) -> Trace:
    """The messages of all the loads together, in the order of their arrival.

    Raises Problem where one is not understood, or where they would be too many.
    """
    understood = [(text, *parse_load(text)) for text in texts]
    total = sum(kind.expected(given) for _, kind, given in understood)
    if total > MOST_MESSAGES:
        raise Problem(
            "The load is too large",
            f"it would have about {total:,.0f} messages, and at most {MOST_MESSAGES:,} are taken",
            "Lower its count, rate or length",
        )
    found: list[Message] = []
    for position, (text, kind, given) in enumerate(understood):
        # Not hash(): that differs from process to process.
        random = Random(f"{seed}/{position}/{text}")
        for arrival in kind.arrivals(given, random):
            found.append(_message(given, int(arrival), random))
    return Trace.of(found)


def _message(given: Mapping[str, Any], arrival: int, random: Random) -> Message:
    seconds = given["service"](random)
    poison = given["poison"] > 0 and random.random() < given["poison"]
    begins = int(given["at"]) + arrival
    if begins > LATEST:
        raise Problem(
            "The load is too long", "a message would arrive after ten years", "Shorten it"
        )
    return Message(arrival=begins, service=seconds, poison=poison)


def parse_load(text: str) -> tuple[Kind, Mapping[str, Any]]:
    """The kind of a load and its values by key, defaults among them. Raises Problem."""
    name, colon, rest = text.strip().partition(":")
    if name not in KINDS:
        raise Problem(
            f"The load {text!r} is not understood",
            f"{name or 'nothing'} is no kind of load",
            nearest(name, KINDS),
        )
    kind = KINDS[name]
    allowed = {**COMMON, **kind.takes, **dict.fromkeys((*kind.needs, "service"))}
    given: dict[str, Any] = {}
    for part in rest.split(",") if colon else ():
        key, _, value = (word.strip() for word in part.partition("="))
        if key not in allowed:
            raise Problem(
                f"The load {text!r} is not understood",
                f"{name} takes no {key or 'empty part'}",
                nearest(key, allowed),
            )
        if key in given:
            raise Problem(
                f"The load {text!r} is not understood", f"{key} is there twice", "Leave one out"
            )
        given[key] = READERS[key](value, f"{key} of {name}")
    missing = [key for key in (*kind.needs, "service") if key not in given]
    if missing:
        raise Problem(
            f"The load {text!r} is not complete",
            f"{name} needs {' and '.join(missing)}",
            f"Add {', '.join(f'{key}=...' for key in missing)}",
        )
    values = {**COMMON, **kind.takes, **given}
    _check(text, name, values)
    return kind, values


def _check(text: str, name: str, values: Mapping[str, Any]) -> None:
    """What is wrong only together."""
    why = ""
    if name == "day" and not values["from"] < values["to"] <= DAY:
        why = "a working day begins before it ends, within 24 hours"
    elif name == "trickle" and values["every"] < 1:
        why = "every is below one second; poisson is for that"
    elif name == "trickle" and values["jitter"] > values["every"]:
        why = "jitter is above every, and messages would overtake each other"
    elif name == "burst" and values["times"] > 1 and values["every"] <= 0:
        why = "times needs every, the time between two bursts"
    if why:
        raise Problem(f"The load {text!r} is impossible", why, "Correct these values")


SETTINGS = Settings(heartbeat=60, max_receive_count=5)
"""A worker that extends its message's visibility each minute, a queue that gives up at last."""

LOADS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "One short job": ("job:service=3m",),
        "One long job": ("job:service=10m",),
        "A burst": ("burst:count=25,over=5m,service=lognormal:4m:0.4",),
        "A trickle with gaps": ("trickle:every=30m,jitter=5m,for=6h,service=6m",),
        "A working day": ("day:count=60,service=lognormal:3m:0.5",),
        "A poison message": ("job:service=2m,poison=1", "burst:count=3,at=1m,service=2m"),
    }
)
"""By title; each is laid over from its parts, with the grammar of `simulate.py --load`."""
