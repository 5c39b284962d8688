"""Whether one set of policies allows at least what another does: what was widened, what narrowed.

The answer is exact for actions, resources, Deny and principals, because it is found on automata
and not on spellings. Conditions count as true or false independently of each other, but for
what `policy_conditions` knows: that one implies, excludes or completes another.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from workerstack.cloudformation.policies import ALLOW, DENY, Policy, Principal, Statement, names
from workerstack.cloudformation.policy_conditions import Test, completes, excludes, implies
from workerstack.cloudformation.policy_patterns import (
    ACTION_END,
    Letter,
    Opaque,
    Pattern,
    TooComplexError,
    Wild,
    is_exact,
    of_action,
    overlaps,
    pieces,
    signatures,
    without_common_start,
)
from workerstack.cloudformation.truth import Maybe, Truth

CONDITIONS = 12
"""More different tests than this, about one action on one resource, are not tried out."""


@dataclass(frozen=True)
class Inclusion:
    """Whether the wider policies cover the narrower ones, and a right that they do not cover.

    `action` and `resource` are the shortest examples of what the `statement` of the narrower
    policies allows and the wider do not; perhaps of no action or resource that exists today.
    """

    covered: Truth
    action: str = ""
    resource: str = ""
    principal: Principal | None = None
    statement: Statement | None = None


@dataclass(frozen=True)
class _Rule:
    """A statement and whose it is."""

    statement: Statement
    narrower: bool
    patterns: tuple[Pattern, ...]


def covers(wider: Iterable[Policy], narrower: Iterable[Policy]) -> Inclusion:
    """Whether all that the narrower policies allow, the wider allow as well.

    Policy variables stand for one text each. What is not known is taken to differ from all that
    is written otherwise; a gap that rests on it is not certain, and `covered` is a Maybe.
    """
    wide, narrow = list(wider), list(narrower)
    unknown = [each for policy in (*wide, *narrow) for each in policy.unknown]
    if unknown and any(set(one.unknown) - set(other.unknown) for one, other in _both(wide, narrow)):
        return Inclusion(Maybe(f"{unknown[0].expression} is not known: {unknown[0].reason}"))
    rules = [
        _Rule(each, is_narrow, each.resource_patterns({}))
        for each, is_narrow in _compared(wide, narrow)
    ]
    uncertain = Inclusion(covered=True)
    for rule in rules:
        if not rule.narrower or rule.statement.effect == DENY:
            continue
        for part in _parts(rule):
            try:
                found = _judged(part, [each for each in rules if _is_relevant(each, part)])
            except TooComplexError as error:
                found = Inclusion(Maybe(str(error)), statement=rule.statement)
            if found.covered is False:
                return found
            if found.covered is not True:
                uncertain = found
    return uncertain


def _parts(rule: _Rule) -> Iterator[_Rule]:
    """The same, one resource at a time."""
    if rule.statement.resources is None or rule.statement.not_resources:
        yield rule
    else:
        yield from (replace(rule, patterns=(each,)) for each in rule.patterns)


def _judged(part: _Rule, others: Sequence[_Rule]) -> Inclusion:
    """The gap, and whether it stays, or comes up, whatever is not known turns out to be."""
    found = _gap([part, *others])
    doubtful = [each for each in others if (each.narrower, each.statement.effect) in MAY_HIDE]
    if found.covered is True:
        doubtful = [each for each in others if each not in doubtful]
    unknown = _unknown(part, doubtful)
    if unknown is None or isinstance(found.covered, Maybe):
        return found
    if found.covered is True:
        return replace(found, covered=unknown) if _gains(part, others, doubtful) else found
    loose = [_loosened(each, part) if each in doubtful else each for each in others]
    is_certain = not _has_unknown_rest(part, doubtful) and _gap([part, *loose]).covered is False
    return found if is_certain else replace(found, covered=unknown)


MAY_HIDE = ((False, ALLOW), (True, DENY))
"""What makes a gap smaller when it is about more: the wider's Allow, the narrower's Deny."""


def _gains(part: _Rule, others: Sequence[_Rule], denying: Sequence[_Rule]) -> bool:
    """Whether a gap comes up when what the wider policies deny is all that it may be."""
    loose = [_loosened(each, part) if each in denying else each for each in others]
    return _gap([part, *loose]).covered is not True or _has_unknown_rest(part, denying)


def _unknown(part: _Rule, others: Sequence[_Rule]) -> Maybe | None:
    """The first thing in the rules on which an answer may rest that is not known."""
    for rule in (part, *others):
        named = [piece for each in rule.statement.principals or () for piece in pieces(each.name)]
        letters = [
            one for each in (*rule.statement.action_patterns, *rule.patterns) for one in each
        ]
        for each in (*named, *letters):
            if others and isinstance(each, Opaque) and _is_unknown(each):
                return Maybe(f"{each.expression} is not known: {each.reason}")
    return None


def _rests(part: _Rule, others: Iterable[_Rule]) -> Iterator[tuple[Pattern, Pattern]]:
    """The resources of the part and of the others, without what both begin with."""
    for rule in others:
        for one, other in product(part.patterns, rule.patterns):
            yield without_common_start(one, other)


def _has_unknown_rest(part: _Rule, others: Iterable[_Rule]) -> bool:
    """Whether the part's own resource may turn out to be one that the others name."""
    return any(
        any(isinstance(each, Opaque) and _is_unknown(each) for each in one) and overlaps(one, other)
        for one, other in _rests(part, others)
    )


def _loosened(rule: _Rule, part: _Rule) -> _Rule:
    """About all that it may be about: unknown text as any text.

    Not where a resource is one text: it cannot be all that a wildcard stands for.
    """
    is_wide = not all(is_exact(each) for each in part.patterns)

    def loose(resource: Pattern) -> Pattern:
        rest = [without_common_start(each, resource)[1] for each in part.patterns]
        if (is_wide and is_exact(resource)) or not any(
            isinstance(letter, Opaque) for each in rest for letter in each
        ):
            return resource
        return tuple(Wild.ANY if isinstance(each, Opaque) else each for each in resource)

    return replace(rule, patterns=tuple(loose(each) for each in rule.patterns))


def _is_relevant(other: _Rule, rule: _Rule) -> bool:
    """Whether the other may deny, or allow as well, a part of what the rule allows."""
    if other is rule or (other.narrower and other.statement.effect == ALLOW):
        return False
    one, two = rule.statement, other.statement
    return (
        one.not_actions
        or two.not_actions
        or any(overlaps(*each) for each in product(one.action_patterns, two.action_patterns))
    ) and (
        one.not_resources
        or two.not_resources
        or one.resources is None
        or two.resources is None
        or any(overlaps(*each) for each in product(rule.patterns, other.patterns))
    )


def _compared(wide: Sequence[Policy], narrow: Sequence[Policy]) -> Iterator[tuple[Statement, bool]]:
    """The statements that matter, and whether they are the narrower policies'.

    A Deny that both have cannot be what only one of them allows. Where the wider policies deny
    nothing else, neither can an Allow that both have.
    """
    before, after = (
        dict.fromkeys(each for policy in policies for each in policy.statements)
        for policies in (wide, narrow)
    )
    common = before.keys() & after.keys()
    deny_alone = any(each.effect != ALLOW for each in before.keys() - common)
    for each in before:
        if each.effect == ALLOW or (each.effect is not None and each not in common):
            yield each, False
    for each in after:
        if each.effect is not None and (each.effect != ALLOW or deny_alone or each not in common):
            yield each, True


def _both(wide: Sequence[Policy], narrow: Sequence[Policy]) -> Iterator[tuple[Policy, Policy]]:
    merged = [
        Policy(unknown=tuple(each for policy in policies for each in policy.unknown))
        for policies in (wide, narrow)
    ]
    yield merged[0], merged[1]
    yield merged[1], merged[0]


def _gap(rules: Sequence[_Rule]) -> Inclusion:
    uncertain = Inclusion(covered=True)
    by_action = _classes(
        rules,
        [(rule.statement.action_patterns, rule.statement.not_actions) for rule in rules],
        of_action,
        ACTION_END,
    )
    by_resource = _classes(
        rules,
        [
            (rule.patterns, rule.statement.not_resources or rule.statement.resources is None)
            for rule in rules
        ],
    )
    actions = _about(by_action, [rule.statement.not_actions for rule in rules])
    resources = _about(
        by_resource,
        [rule.statement.not_resources for rule in rules],
        [rule.statement.resources is None for rule in rules],
    )
    principals = _principals(rules)
    for (about_action, action), (about_resource, resource) in product(
        actions.items(), resources.items()
    ):
        about = about_action & about_resource
        if not any(rules[each].narrower for each in about):
            continue
        for about_principal, principal in principals:
            meant = sorted(about & about_principal)
            found = _difference([rules[each] for each in meant])
            if found is None:
                continue
            certainty, allowing = found
            gap = Inclusion(certainty, action, resource, principal, allowing)
            if gap.covered is False:
                return gap
            uncertain = gap
    return uncertain


def _classes(
    rules: Sequence[_Rule],
    patterns: Sequence[tuple[tuple[Pattern, ...], bool]],
    shape: Callable[[int, Letter], int] | None = None,
    end: int = 0,
) -> dict[frozenset[int], str]:
    """The sets of rules of which a pattern matches one text, with a text for each.

    Only texts that the narrower policies may allow: those that an Allow of theirs names, unless
    one is about all but what it names.
    """
    owners: dict[Pattern, set[int]] = {}
    for number, (each, _) in enumerate(patterns):
        for letters in each:
            owners.setdefault(letters, set()).add(number)
    allowing = {
        number
        for number, rule in enumerate(rules)
        if rule.narrower and rule.statement.effect != DENY
    }
    distinct = list(owners)
    needed = None
    if not any(patterns[each][1] for each in allowing):
        needed = frozenset(
            number for number, each in enumerate(distinct) if owners[each] & allowing
        )
    found: dict[frozenset[int], str] = {}
    for matched, example in _signatures(tuple(distinct), needed, shape, end):
        about = frozenset(rule for each in matched for rule in owners[distinct[each]])
        found.setdefault(about, example)
    return found


# The actions of a statement are compared once for each of its resources, and the other way round.
@lru_cache(maxsize=10_000)
def _signatures(
    patterns: tuple[Pattern, ...], needed: frozenset[int] | None,
    shape: Callable[[int, Letter], int] | None, end: int,
) -> tuple[tuple[frozenset[int], str], ...]:  # fmt: skip
    return tuple(signatures(patterns, needed=needed, shape=shape, end=end))


def _about(
    classes: dict[frozenset[int], str],
    turned: Sequence[bool],
    always: Sequence[bool] | None = None,
) -> dict[frozenset[int], str]:
    """The same with the rules that say `Not...`, and those that say nothing, turned round."""
    found: dict[frozenset[int], str] = {}
    for matched, example in classes.items():
        rules = frozenset(
            rule
            for rule in range(len(turned))
            if (always and always[rule]) or (rule in matched) != turned[rule]
        )
        found.setdefault(rules, example)
    return found


def _principals(rules: Sequence[_Rule]) -> list[tuple[frozenset[int], Principal | None]]:
    """Each kind of caller that the rules tell apart, and the rules that are about him."""
    named = {each for rule in rules for each in rule.statement.principals or ()}
    callers: list[Principal | None] = [None]
    if named or any(rule.statement.principals is not None for rule in rules):
        callers = [
            *(each for each in sorted(named, key=str) if each.kind != "*"),
            *(
                Principal("AWS", f"arn:aws:iam::{each.account}:role/another")
                for each in sorted(named, key=str)
                if each.account
            ),
            # One of each kind that nobody names: a policy for everybody shows by letting these in.
            Principal("AWS", "arn:aws:iam::999999999999:role/of-a-stranger"),
            Principal("Service", "another.amazonaws.com"),
            Principal("Federated", "another"),
        ]
    found: dict[frozenset[int], Principal | None] = {}
    for caller in callers:
        about = frozenset(
            number for number, rule in enumerate(rules) if _is_about(rule.statement, caller)
        )
        found.setdefault(about, caller)
    return list(found.items())


def _is_about(statement: Statement, caller: Principal | None) -> bool:
    if statement.principals is None or caller is None:
        return True
    found = any(names(each, caller) is True for each in statement.principals)
    return found != statement.not_principals


def _difference(rules: Sequence[_Rule]) -> tuple[Truth, Statement] | None:
    """False (or a Maybe) and the statement that allows what the wider policies do not."""
    tests = list(dict.fromkeys(each for rule in rules for each in rule.statement.conditions))
    # Each test may hold or not, so twelve of them are 4,096 cases, and each more doubles them.
    if len(tests) > CONDITIONS:
        found = _allowing(rules, set(tests), narrower=True)
        why = Maybe(f"{len(tests)} conditions together are more than are tried out")
        return (why, found) if found else None
    for truths in product((False, True), repeat=len(tests)):
        true = {test for test, holds in zip(tests, truths, strict=True) if holds}
        allowing = _allowing(rules, true, narrower=True)
        if (
            allowing is not None
            and _allowing(rules, true, narrower=False) is None
            and _is_possible(tests, true)
        ):
            return _certainty(rules), allowing
    return None


def _allowing(
    rules: Sequence[_Rule], true: set[Test | Opaque], *, narrower: bool
) -> Statement | None:
    """The statement that allows, when these tests hold and no others."""
    found = None
    for rule in rules:
        if rule.narrower != narrower or not true.issuperset(rule.statement.conditions):
            continue
        if rule.statement.effect == DENY:
            return None
        if rule.statement.effect == ALLOW or (narrower and found is None):
            found = rule.statement
    return found


def _is_possible(tests: Sequence[Test | Opaque], true: set[Test | Opaque]) -> bool:
    known = [each for each in tests if isinstance(each, Test)]
    for one, other in product(known, repeat=2):
        if one == other:
            continue
        if one in true and other not in true and implies(one, other):
            return False
        if one in true and other in true and excludes(one, other):
            return False
        if one not in true and other not in true and completes(one, other):
            return False
    return True


def _certainty(rules: Iterable[_Rule]) -> Truth:
    """False, or why the gap may not be one: an effect or a condition is not known."""
    for rule in rules:
        for part in (rule.statement.effect, *rule.statement.conditions):
            if isinstance(part, Opaque):
                return Maybe(f"{part.expression} is not known: {part.reason}")
    return False


def _is_unknown(part: Opaque) -> bool:
    """Policy variables differ from request to request: those are no lack of knowledge."""
    return not part.expression.startswith("${")
