"""What metric math can do with the points of one time.

Source: CloudWatch User Guide, "Using metric math", with its tables of operators and IF.
"""

from collections.abc import Callable, Mapping
from math import ceil, floor

Point = float | None
"""A value at one time; None where there is no datapoint."""
Values = Mapping[str, Point]
"""The metrics' points at one time, by id."""
Evaluate = Callable[[Values], Point]


def _power(base: float, exponent: float) -> Point:
    try:
        result = base**exponent
    except (ZeroDivisionError, OverflowError):
        return None
    return None if isinstance(result, complex) else result


COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}
ARITHMETIC: Mapping[str, Callable[[float, float], Point]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else None,
    "^": _power,
}
OVER_SERIES: Mapping[str, Callable[[list[float], int], float]] = {
    "SUM": lambda present, _: sum(present),
    "MIN": lambda present, _: min(present),
    "MAX": lambda present, _: max(present),
    "AVG": lambda present, count: sum(present) / count,
}
OF_A_POINT: Mapping[str, Callable[[float], float]] = {"ABS": abs, "CEIL": ceil, "FLOOR": floor}


def calculated(
    operate: Callable[[float, float], Point], left: Evaluate, right: Evaluate, *, zero: bool
) -> Evaluate:
    """Arithmetic: no point where an operand is missing, or that operand as ``zero``."""

    def evaluate(values: Values) -> Point:
        a, b = left(values), right(values)
        if a is None or b is None:
            if not zero or (a is None and b is None):
                return None
            return operate(a or 0, b or 0)
        return operate(a, b)

    return evaluate


def filled(left: Evaluate, right: Evaluate, compare: Callable[[float, float], bool]) -> Evaluate:
    """Comparisons take a missing value for 0 where the other side has one."""

    def evaluate(values: Values) -> Point:
        a, b = left(values), right(values)
        return None if a is None and b is None else float(compare(a or 0, b or 0))

    return evaluate


def chosen(condition: Point, true: Evaluate, false: Evaluate, values: Values) -> Point:
    """IF: nothing without a condition; 0 where the true value is missing; else what is there."""
    if condition is None:
        return None
    return (true(values) or 0.0) if condition else false(values)
