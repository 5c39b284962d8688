"""The time axis: a unit, and ticks that people count in."""

from dataclasses import dataclass

UNITS = (("minutes", 60), ("hours", 3_600), ("days", 86_400))
STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440, 2880, 7200, 14_400,
         43_200, 86_400, 432_000)  # fmt: skip
"""Minutes between two ticks."""

MOST_TICKS = 9


@dataclass(frozen=True)
class Axis:
    """Where the axis begins and ends and its ticks, in seconds; what stands at them; the unit."""

    begin: int
    end: int
    ticks: tuple[int, ...]
    labels: tuple[str, ...]
    label: str


def time_axis(begin: int, end: int) -> Axis:
    """At most ten ticks; minutes up to three hours, hours up to three days, then days."""
    end = max(end, begin + 60)
    name, size = UNITS[0 if end <= 3 * 3_600 else 1 if end <= 3 * 86_400 else 2]
    length = end - begin
    step = next(
        (each * 60 for each in STEPS if each * 60 * MOST_TICKS >= length and each * 60 >= size / 4),
        length,
    )
    ticks = tuple(range(-(-begin // step) * step, end + 1, step))
    return Axis(begin, end, ticks, tuple(f"{tick / size:g}" for tick in ticks), name)
