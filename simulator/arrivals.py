"""When messages arrive: for each kind of load, seconds from its begin, in any order."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from random import Random
from typing import Any

DAY = 86_400

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
        number * DAY + given["from"] + _moment(random) * length
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
