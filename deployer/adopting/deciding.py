"""What people decided of a match: taken where it is possible, refused where it is not."""

import difflib
from collections.abc import Iterable, Mapping

from deployer.adopting.deployed import Resource
from deployer.adopting.matching import Match, Matching
from deployer.adopting.names import NAMES, name
from problem import Problem, Refusal

Given = Mapping[str, str | None]
"""Ours to theirs; None for one that is new."""


def parse(words: Iterable[str]) -> dict[str, str | None]:
    """``OURS=THEIRS``, or ``OURS=`` for one that nothing deployed is."""
    found: dict[str, str | None] = {}
    for word in words:
        ours, equals, theirs = word.partition("=")
        if not equals or not ours:
            raise Problem(
                f"{word!r} maps nothing",
                "a mapping is OURS=THEIRS, or OURS= for one that is new",
                "Give it so",
            )
        if ours in found:
            raise Problem(f"{ours} is mapped twice", "only one can hold", "Give one of them")
        found[ours] = theirs or None
    return found


def check(given: Given, ours: Mapping[str, Resource], theirs: Mapping[str, Resource]) -> None:
    """Raises Problem for what is not there, Refusal for what cannot be the same resource."""
    for here, there in given.items():
        _known(here, ours, "out/ has")
        if there is None:
            continue
        _known(there, theirs, "the deployed stack has")
        if ours[here].type != theirs[there].type:
            raise Refusal(
                f"{there} cannot be {here}",
                f"it is an {theirs[there].type}, and {here} an {ours[here].type}",
                f"Map {here} to one of its own type, or to nothing: --map {here}=",
            )
        also = [each for each, other in given.items() if other == there and each != here]
        if also:
            raise Refusal(
                f"{there} cannot be both {here} and {also[0]}",
                "a resource has one logical id",
                f"Map one of them to another, or to nothing: --map {also[0]}=",
            )


def _known(name_: str, known: Iterable[str], who: str) -> None:
    if name_ not in known:
        near = difflib.get_close_matches(name_, list(known), n=1)
        raise Problem(
            f"There is no resource {name_}",
            f"{who} {', '.join(known)}",
            f"Did you mean {near[0]}?" if near else "Take one of these",
        )


def check_no_swap(
    matching: Matching,
    ours: Mapping[str, Resource],
    theirs: Mapping[str, Resource],
    undecided: Matching,
) -> None:
    """Raises Refusal where two resources of one type would exchange what they are.

    Each would then be renamed to the other's name, which is taken, or become the other.
    ``undecided`` is how they match where nobody has decided anything.
    """
    _check_not_crossed(matching, undecided)
    for one in matching.matches:
        for other in _crosswise(one, matching, ours, theirs):
            raise Refusal(
                f"{one.ours} and {other} would be exchanged",
                f"{one.ours} is mapped to {one.theirs}, and {other} is what it is called itself",
                f"Map {one.ours} to {other}, or correct its name in params/ or the specification",
            )


def _check_not_crossed(matching: Matching, undecided: Matching) -> None:
    decided = {each.ours: each.theirs for each in matching.matches if each.certainty == "given"}
    alone = {each.ours: each for each in undecided.matches}
    for one, there in decided.items():
        for other, here in decided.items():
            if one < other and one in alone and other in alone:
                first, second = alone[one], alone[other]
                if (first.theirs, second.theirs) == (here, there):
                    raise Refusal(
                        f"{one} and {other} would be exchanged",
                        f"{here} is {one} ({first.reason}), and {there} is {other}"
                        f" ({second.reason})",
                        f"Map {one} to {here} and {other} to {there}, or both to nothing",
                    )


def _crosswise(
    one: Match,
    matching: Matching,
    ours: Mapping[str, Resource],
    theirs: Mapping[str, Resource],
) -> Iterable[str]:
    """Deployed resources that bear the name of ``one`` while it is mapped to another."""
    kind = NAMES.get(one.type)
    wanted = name(ours[one.ours])
    for other in matching.matches:
        if other is one or other.type != one.type:
            continue
        by_name = kind and wanted and name(theirs[other.theirs]) == wanted
        by_id = other.theirs == one.ours and other.ours == one.theirs
        if by_id or (by_name and name(theirs[one.theirs]) != wanted):
            yield other.theirs
