"""Metric math, point by point: what alarms on SQS metrics are made of.

Source: CloudWatch User Guide, "Using metric math", with its tables of operators and IF.

Source: CloudWatch User Guide, "Using metric math". Functions that look at more than one
datapoint of a series are refused: AWS itself advises against them in alarms, since they depend
on how far an alarm looks back.
"""

import re
from collections.abc import Callable, Mapping
from math import ceil, floor

from workerstack.problem import Problem

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z][A-Za-z0-9_]*)"
    r"|(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/^()<>,\[\]]))"
)


def tokens(expression: str) -> tuple[list[str], str]:
    """The tokens, and the rest that cannot be read."""
    found: list[str] = []
    at, text = 0, expression.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            return found, text[at:].strip()
        found.append(match.group().strip())
        at = match.end()
    return found, ""


def in_order(expressions: dict[str, str]) -> dict[str, str]:
    """Expressions after those that they refer to; circles stay, and are then unknown names."""
    ordered: dict[str, str] = {}
    left = dict(expressions)
    while left:
        free = [
            name
            for name, text in left.items()
            if not any(other != name and _names(text, other) for other in left)
        ] or list(left)
        for name in free:
            ordered[name] = left.pop(name)
    return ordered


def _names(expression: str, name: str) -> bool:
    return name in tokens(expression)[0]


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


LONGEST = 200
"""Names, numbers and signs in one expression."""

KNOWN = (
    "+ - * / ^ ( ), comparisons, AND, OR, FILL(m, n), IF, ABS, CEIL, FLOOR, and SUM, MIN, MAX,"
    " AVG of [m1, m2] or METRICS()"
)


def compile_math(
    expression: str, metrics: Mapping[str, Evaluate], others: Mapping[str, Evaluate], *, zero: bool
) -> Evaluate:
    """The function that evaluates ``expression`` at one time.

    ``metrics`` and ``others`` (earlier expressions) give a value by id; METRICS() means the
    metrics. ``zero``: where one operand of + - * / is missing, it counts as 0; else there is no
    point. Raises Problem for what is not simulated.
    """
    try:
        return _Parser(expression, metrics, others, zero=zero).parse()
    except RecursionError:
        raise Problem(
            f"The metric math {expression[:40]!r}... is not simulated",
            "it is nested too deeply",
            "Write it without superfluous parentheses",
        ) from None


class _Parser:
    """Recursive descent; each method returns the function of what it read."""

    def __init__(
        self,
        text: str,
        metrics: Mapping[str, Evaluate],
        others: Mapping[str, Evaluate],
        *,
        zero: bool,
    ) -> None:
        self.text = text
        self.metrics = metrics
        self.known = {**metrics, **others}
        self.zero = zero
        self.tokens = self._tokens()
        self.at = 0

    def _tokens(self) -> list[str]:
        found, rest = tokens(self.text)
        if rest:
            raise self._error(f"it cannot be read at {rest[:20]!r}")
        if len(found) > LONGEST:
            raise self._error(f"it has more than {LONGEST} names, numbers and signs")
        return [*found, ""]

    def _error(self, why: str) -> Problem:
        return Problem(
            f"The metric math {self.text[:80]!r} is not simulated", why, f"What is: {KNOWN}"
        )

    def parse(self) -> Evaluate:
        found = self._or()
        if self.tokens[self.at]:
            raise self._error(f"{self.tokens[self.at]!r} stands where nothing can")
        return found

    def _take(self, *signs: str) -> str:
        token = self.tokens[self.at]
        if token in signs and token:
            self.at += 1
            return token
        return ""

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._error(f"{sign!r} is missing before {self.tokens[self.at] or 'its end'!r}")

    def _or(self) -> Evaluate:
        left = self._and()
        while self._take("OR", "||"):
            left = filled(left, self._and(), lambda a, b: bool(a or b))
        return left

    def _and(self) -> Evaluate:
        left = self._comparison()
        while self._take("AND", "&&"):
            left = filled(left, self._comparison(), lambda a, b: bool(a and b))
        return left

    def _comparison(self) -> Evaluate:
        left = self._sum()
        while sign := self._take(*COMPARISONS):
            left = filled(left, self._sum(), COMPARISONS[sign])
        return left

    def _sum(self) -> Evaluate:
        left = self._product()
        while sign := self._take("+", "-"):
            left = self._arithmetic(sign, left, self._product())
        return left

    def _product(self) -> Evaluate:
        left = self._unary()
        while sign := self._take("*", "/"):
            left = self._arithmetic(sign, left, self._unary())
        return left

    def _unary(self) -> Evaluate:
        if self._take("-"):
            inner = self._unary()
            return lambda values: None if (x := inner(values)) is None else -x
        left = self._primary()
        return self._arithmetic("^", left, self._unary()) if self._take("^") else left

    def _arithmetic(self, sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
        return calculated(ARITHMETIC[sign], left, right, zero=self.zero)

    def _primary(self) -> Evaluate:
        if self._take("("):
            inner = self._or()
            self._expect(")")
            return inner
        token = self.tokens[self.at]
        self.at += 1
        if token[:1].isdigit() or token[:1] == ".":
            number = float(token)
            return lambda _: number
        if token and self.tokens[self.at] == "(":
            return self._function(token)
        if token in self.known:
            return self.known[token]
        raise self._error(f"{token or 'its end'!r} is no metric or expression of the alarm")

    def _function(self, name: str) -> Evaluate:
        self._expect("(")
        if name in OVER_SERIES:
            return self._over_series(name)
        if name not in ("FILL", "IF", *OF_A_POINT):
            raise self._error(f"{name} is unknown here")
        if name == "FILL":
            series = self._or()
            self._expect(",")
            if self._take("REPEAT", "LINEAR"):
                raise self._error("FILL is simulated with a number only")
            filler = self._or()
            self._expect(")")
            return lambda values: filler(values) if (x := series(values)) is None else x
        first = self._or()
        if name in OF_A_POINT:
            self._expect(")")
            of_a_point = OF_A_POINT[name]
            return lambda values: None if (x := first(values)) is None else of_a_point(x)
        self._expect(",")
        true = self._or()
        false: Evaluate = self._or() if self._take(",") else lambda _: None
        self._expect(")")
        return lambda values: chosen(first(values), true, false, values)

    def _over_series(self, name: str) -> Evaluate:
        series = self._series(name)
        self._expect(")")
        over = OVER_SERIES[name]

        def evaluate(values: Values) -> Point:
            present = [x for each in series if (x := each(values)) is not None]
            return over(present, len(series)) if present else None

        return evaluate

    def _series(self, name: str) -> list[Evaluate]:
        if self._take("METRICS"):
            self._expect("(")
            self._expect(")")
            return list(self.metrics.values())
        if not self._take("["):
            raise self._error(f"{name} of one series depends on how far the alarm looks back")
        found = [self._or()]
        while self._take(","):
            found.append(self._or())
        self._expect("]")
        return found
