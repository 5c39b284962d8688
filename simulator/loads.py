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
from random import Random
from typing import Any

from simulator import arrivals
from simulator.errors import SimulationError, nearest
from simulator.quantities import count, duration, rate, share
from simulator.services import service
from simulator.trace import LATEST, MOST_MESSAGES, Message, Trace

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
    "job": Kind((), {}, lambda _: 1, arrivals.job),
    "burst": Kind(
        ("count",),
        {"over": 0.0, "every": 0.0, "times": 1},
        lambda given: given["count"] * given["times"],
        arrivals.burst,
    ),
    "trickle": Kind(
        ("every", "for"),
        {"jitter": 0.0},
        lambda given: given["for"] / max(given["every"], 1),
        arrivals.trickle,
    ),
    "poisson": Kind(
        ("rate", "for"), {}, lambda given: given["rate"] * given["for"], arrivals.poisson
    ),
    "day": Kind(
        ("count",),
        {"from": 8 * HOUR, "to": 18 * HOUR, "days": 1},
        lambda given: given["count"] * given["days"],
        arrivals.day,
    ),
}
COMMON: Mapping[str, Any] = {"at": 0.0, "poison": 0.0}


def load(texts: Sequence[str], seed: int) -> Trace:
    """The messages of all the loads together, in the order of their arrival.

    Raises SimulationError where one is not understood, or where they would be too many.
    """
    understood = [(text, *parse_load(text)) for text in texts]
    total = sum(kind.expected(given) for _, kind, given in understood)
    if total > MOST_MESSAGES:
        raise SimulationError(
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
        raise SimulationError(
            "The load is too long", "a message would arrive after ten years", "Shorten it"
        )
    return Message(arrival=begins, service=seconds, poison=poison)


def parse_load(text: str) -> tuple[Kind, Mapping[str, Any]]:
    """The kind of a load and its values by key, defaults among them. Raises SimulationError."""
    name, colon, rest = text.strip().partition(":")
    if name not in KINDS:
        raise SimulationError(
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
            raise SimulationError(
                f"The load {text!r} is not understood",
                f"{name} takes no {key or 'empty part'}",
                nearest(key, allowed),
            )
        if key in given:
            raise SimulationError(
                f"The load {text!r} is not understood", f"{key} is there twice", "Leave one out"
            )
        given[key] = READERS[key](value, f"{key} of {name}")
    missing = [key for key in (*kind.needs, "service") if key not in given]
    if missing:
        raise SimulationError(
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
        raise SimulationError(f"The load {text!r} is impossible", why, "Correct these values")
