"""Conditions of policies: read into single tests, and judged where the values are known.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "... Multivalued context
keys" (what a key that is absent means) and "... variables and tags".
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from workerstack.cloudformation.compare import is_function
from workerstack.cloudformation.policy_patterns import (
    Context,
    Opaque,
    Pattern,
    Wild,
    Written,
    is_exact,
    matches,
    pattern,
    pieces,
    shown,
    text,
)
from workerstack.cloudformation.truth import Maybe, Truth, all_of, any_of, negated

NEGATIONS = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "notipaddress": "ipaddress",
    "arnnotequals": "arnequals",
    "arnnotlike": "arnlike",
}
"""Negated operators, which hold for an absent key, and what they negate."""


@dataclass(frozen=True)
class Test:
    """One operator, one key, and its values: any of them for what is not negated.

    `operator` is the positive one in lower case, without what stands before and behind it.
    """

    __test__ = False  # pytest: a test of IAM, not of ours

    operator: str
    key: str
    values: tuple[tuple[str | Opaque, ...], ...]
    negated: bool = False
    if_exists: bool = False
    quantifier: str = ""

    def __str__(self) -> str:
        """As people would write it."""
        named = next(
            (no for no, yes in NEGATIONS.items() if self.negated and yes == self.operator),
            self.operator,
        )
        before = f"{self.quantifier}:" if self.quantifier else ""
        after = "ifexists" if self.if_exists else ""
        values = ", ".join(shown(Written(each)) for each in self.values)
        return f"{before}{named}{after} {self.key} {values}"


def read(condition: Any) -> tuple[Test | Opaque, ...]:
    """The tests of a Condition element, all of which must hold; what is no condition is unknown."""
    return tuple(_read(condition))


def _read(condition: Any) -> Iterator[Test | Opaque]:
    if condition is None:
        return
    if not isinstance(condition, Mapping) or is_function(condition):
        yield from _unknown(condition, "this is no condition that can be read")
        return
    for operator, keys in condition.items():
        if not isinstance(keys, Mapping) or is_function(keys):
            yield from _unknown({str(operator): keys}, "this is no condition that can be read")
            continue
        for key, values in keys.items():
            yield _test(str(operator), str(key), values)


def _unknown(value: Any, reason: str) -> Iterator[Opaque]:
    for each in pieces(value):
        yield each if isinstance(each, Opaque) else Opaque(each, reason)


def _test(written: str, key: str, values: Any) -> Test:
    operator = written.lower()
    quantifier, colon, rest = operator.partition(":")
    if colon:
        operator = rest
    if_exists = operator.endswith("ifexists")
    operator = operator.removesuffix("ifexists")
    listed = values if isinstance(values, (list, tuple)) else [values]
    return Test(
        operator=NEGATIONS.get(operator, operator),
        key=key.lower(),
        values=tuple(dict.fromkeys(pieces(each) for each in listed)),
        negated=operator in NEGATIONS,
        if_exists=if_exists,
        quantifier=quantifier if colon else "",
    )


def holds(test: Test | Opaque, context: Context, *, variables: bool = True) -> Truth:
    """Whether the test holds in a context; `variables` as the policy's version has them."""
    if isinstance(test, Opaque):
        return Maybe(f"the condition {test.expression} is not known: {test.reason}")
    if test.key not in context:
        return Maybe(f"the value of {test.key} is not known")
    value = context[test.key]
    listed = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
    if test.operator == "null":
        return _is_null(test, absent=not listed)
    return _holds_present(test, listed, context, variables) if listed else _holds_absent(test)


def _holds_present(test: Test, listed: Sequence[Any], context: Context, variables: bool) -> Truth:
    compare = COMPARISONS.get(test.operator)
    if compare is None or test.quantifier not in ("", "forallvalues", "foranyvalue"):
        return Maybe(f"{test} has an operator that IAM does not know")
    # Without a quantifier IAM promises nothing for a key with several values.
    if len(listed) > 1 and not test.quantifier:
        return Maybe(f"{test.key} has several values, and the condition does not say how many")
    each_value = [_fits(test, compare, each, context, variables=variables) for each in listed]
    return all_of(each_value) if test.quantifier == "forallvalues" else any_of(each_value)


def _holds_absent(test: Test) -> bool:
    """An absent key fulfills ForAllValues, IfExists and what is negated, never ForAnyValue."""
    if test.if_exists or test.quantifier == "forallvalues":
        return True
    return test.negated and test.quantifier != "foranyvalue"


def _is_null(test: Test, *, absent: bool) -> Truth:
    wanted = [text(Written(each)) for each in test.values]
    if any(each is None for each in wanted):
        return Maybe(f"{test} is not known")
    return any_of((each or "").lower() == str(absent).lower() for each in wanted)


Comparison = Callable[[str, Any, Any, Context, bool], Truth]


def _fits(
    test: Test, compare: Comparison, value: Any, context: Context, *, variables: bool
) -> Truth:
    """Whether one value of the request fits the values of the policy."""
    found = any_of(
        compare(test.operator, value, Written(each), context, variables) for each in test.values
    )
    return negated(found) if test.negated else found


def _by_text(operator: str, value: Any, named: Any, context: Context, variables: bool) -> Truth:
    fold = operator == "stringequalsignorecase"
    asked = pattern(value, fold=fold, wild=False) or ()
    against = pattern(
        named, fold=fold, wild=operator == "stringlike", variables=context if variables else None
    )
    return against is not None and matches(asked, [against])


def _by_arn(_: str, value: Any, named: Any, context: Context, variables: bool) -> Truth:
    asked = pattern(value, wild=False) or ()
    against = pattern(named, variables=context if variables else None)
    return against is not None and arn_matches(asked, against)


def arn_matches(asked: Pattern, named: Pattern) -> Truth:
    """Component by component: a star does not pass over one of the first five colons.

    Source: "Condition operators", ArnEquals and ArnLike, which behave identically.
    """
    left, right = components(asked), components(named)
    if len(left) == len(right):
        for one, other in zip(left, right, strict=True):
            found = matches(one, [other])
            if found is not True:
                return found
        return True
    unknown = next((each for each in (*asked, *named) if isinstance(each, Opaque)), None)
    if unknown is None:
        return False
    return Maybe(f"{unknown.expression} is not known: {unknown.reason}")


def components(arn: Pattern) -> list[Pattern]:
    """The at most six parts of an ARN."""
    parts: list[Pattern] = []
    rest = arn
    while len(parts) < len(("arn", "partition", "service", "region", "account")) and ":" in rest:
        at = rest.index(":")
        parts.append(rest[:at])
        rest = rest[at + 1 :]
    return [*parts, rest]


def _known(value: Any, named: Any) -> tuple[str, str] | Maybe:
    one, other = text(value), text(named)
    if one is None or other is None:
        return Maybe(f"{shown(value if one is None else named)} is not known")
    return one, other


def _by_order(operator: str, value: Any, named: Any, _: Context, __: bool) -> Truth:
    known = _known(value, named)
    if isinstance(known, Maybe):
        return known
    read_one = _number if operator.startswith("numeric") else _moment
    try:
        asked, limit = read_one(known[0]), read_one(known[1])
    except (InvalidOperation, ValueError, OverflowError):
        return Maybe(f"{known[0]} and {known[1]} cannot be compared by {operator}")
    return {
        "equals": asked == limit,
        "lessthan": asked < limit,
        "lessthanequals": asked <= limit,
        "greaterthan": asked > limit,
        "greaterthanequals": asked >= limit,
    }[operator.removeprefix("numeric").removeprefix("date")]


def _number(written: str) -> Decimal:
    found = Decimal(written)
    if not found.is_finite():
        raise ValueError(written)
    return found


def _moment(written: str) -> Decimal:
    """Seconds since 1970 of a W3C date, or of such seconds themselves."""
    try:
        return _number(written)
    except (InvalidOperation, ValueError):
        found = datetime.fromisoformat(written)
        return Decimal((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def _by_words(_: str, value: Any, named: Any, __: Context, ___: bool) -> Truth:
    known = _known(value, named)
    return known if isinstance(known, Maybe) else known[0].lower() == known[1].lower()


def _by_bytes(_: str, value: Any, named: Any, __: Context, ___: bool) -> Truth:
    known = _known(value, named)
    return known if isinstance(known, Maybe) else known[0] == known[1]


def _by_network(_: str, value: Any, named: Any, __: Context, ___: bool) -> Truth:
    known = _known(value, named)
    if isinstance(known, Maybe):
        return known
    try:
        return ipaddress.ip_address(known[0]) in ipaddress.ip_network(known[1], strict=False)
    except ValueError:
        return Maybe(f"{known[0]} or {known[1]} is no address")


ORDERS = ("equals", "lessthan", "lessthanequals", "greaterthan", "greaterthanequals")
COMPARISONS: dict[str, Comparison] = {
    **dict.fromkeys(("stringequals", "stringequalsignorecase", "stringlike"), _by_text),
    **dict.fromkeys(("arnequals", "arnlike"), _by_arn),
    **{kind + order: _by_order for kind in ("numeric", "date") for order in ORDERS},
    "bool": _by_words,
    "binaryequals": _by_bytes,
    "ipaddress": _by_network,
}


def is_everything(value: tuple[str | Opaque, ...]) -> bool:
    """A pattern that any text fits."""
    letters = pattern(Written(value)) or ()
    return bool(letters) and all(each is Wild.ANY for each in letters)


def implies(one: Test, other: Test) -> bool:
    """Whether a request that passes the one test passes the other; False when it is not clear."""
    if one.key != other.key or one.quantifier != other.quantifier or one.negated != other.negated:
        return False
    if one.if_exists and not other.if_exists and not one.negated:
        return False
    if one.negated:
        # Fewer excluded values are easier to pass.
        return one.operator == other.operator and set(other.values) <= set(one.values)
    if one.operator == other.operator and set(one.values) <= set(other.values):
        return True
    return all(any(_is_within(one, a, other, b) for b in other.values) for a in one.values)


def _is_within(
    one: Test, value: tuple[str | Opaque, ...], other: Test, wider: tuple[str | Opaque, ...]
) -> bool:
    names = (one.operator, other.operator)
    if names == ("ipaddress", "ipaddress"):
        return _is_subnet(text(Written(value)), text(Written(wider)))
    if other.operator == "stringlike" and one.operator in ("stringlike", "stringequals"):
        narrow = pattern(Written(value), wild=one.operator == "stringlike") or ()
        return matches(narrow, [pattern(Written(wider)) or ()]) is True
    if all(each in ("arnequals", "arnlike") for each in names):
        left, right = pattern(Written(value)) or (), pattern(Written(wider)) or ()
        return left == right or (is_exact(left) and arn_matches(left, right) is True)
    return False


def _is_subnet(narrow: str | None, wide: str | None) -> bool:
    try:
        one = ipaddress.ip_network(narrow or "", strict=False)
        other = ipaddress.ip_network(wide or "", strict=False)
    except ValueError:
        return False
    if isinstance(one, ipaddress.IPv4Network) and isinstance(other, ipaddress.IPv4Network):
        return one.subnet_of(other)
    if isinstance(one, ipaddress.IPv6Network) and isinstance(other, ipaddress.IPv6Network):
        return one.subnet_of(other)
    return False


def excludes(one: Test, other: Test) -> bool:
    """Whether no request passes both tests; False when it is not clear."""
    if one.key != other.key or one.quantifier or other.quantifier:
        return False
    if one.if_exists or other.if_exists:
        return False
    if one.negated != other.negated:
        positive, negative = (other, one) if one.negated else (one, other)
        return positive.operator == negative.operator and set(positive.values) <= set(
            negative.values
        )
    equal = ("bool", "stringequals")
    if one.negated or one.operator != other.operator or one.operator not in equal:
        return False
    known = [[text(Written(each)) for each in test.values] for test in (one, other)]
    if any(each is None or "${" in each for values in known for each in values):
        return False
    folded = [{(each or "").lower() for each in values} for values in known]
    return not folded[0] & folded[1]


def completes(one: Test, other: Test) -> bool:
    """Whether each request passes one of the two tests; False when it is not clear."""
    if one.key != other.key or one.quantifier or other.quantifier or one.negated == other.negated:
        return False
    positive, negative = (other, one) if one.negated else (one, other)
    return positive.operator == negative.operator and set(negative.values) <= set(positive.values)
