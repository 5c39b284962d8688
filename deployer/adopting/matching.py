"""Which of the deployed resources each of ours is, how sure that is, and why. Pure.

By name first, then by role, then by likeness; never by guessing: what is not clear becomes a
question.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from deployer.adopting.deployed import Resource
from deployer.adopting.names import NAMES, name
from deployer.adopting.roles import Roles

Certainty = Literal["certain", "likely", "given"]

ALIKE = 0.35
"""The least likeness, of 1, at which two resources may be the same."""

MARGIN = 0.1
"""By how much the most alike must be ahead of the next."""


@dataclass(frozen=True)
class Match:
    """One of ours and what it is in the deployed stack; ``reason`` is half a sentence."""

    ours: str
    theirs: str
    type: str
    physical_id: str
    certainty: Certainty
    reason: str


@dataclass(frozen=True)
class Question:
    """One of ours that several could be, each with its reason; the most alike first."""

    ours: str
    type: str
    candidates: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Matching:
    """``new`` are ours that nothing is yet, ``left`` theirs that nothing of ours is."""

    matches: tuple[Match, ...]
    questions: tuple[Question, ...]
    new: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def names(self) -> dict[str, str]:
        """The new name of each deployed resource that gets one."""
        return {each.theirs: each.ours for each in self.matches if each.theirs != each.ours}


def match(
    ours: Mapping[str, Resource],
    theirs: Mapping[str, Resource],
    given: Mapping[str, str | None],
) -> Matching:
    """Matches what is clear; ``given`` holds what was decided, None for one that is new."""
    matcher = _Matcher(ours, theirs, given)
    matcher.by_name()
    matcher.by_id()
    # Each match can tell the role of another; likeness comes in where roles say nothing.
    while matcher.by_role() or matcher.by_likeness():
        pass
    found = {each.ours: each for each in matcher.found}
    questions = matcher.questions()
    asked = {each.ours for each in questions}
    taken = {each.theirs for each in found.values()}
    return Matching(
        matches=tuple(found[each] for each in ours if each in found),
        questions=questions,
        new=tuple(each for each in ours if each not in found and each not in asked),
        left=tuple(each for each in theirs if each not in taken),
    )


class _Matcher:
    def __init__(
        self,
        ours: Mapping[str, Resource],
        theirs: Mapping[str, Resource],
        given: Mapping[str, str | None],
    ) -> None:
        self.ours, self.theirs = ours, theirs
        self.roles = Roles(ours, theirs)
        self.open = [each for each in ours if given.get(each, "") is not None]
        self.free = list(theirs)
        self.matched: dict[str, str] = {}
        self.found: list[Match] = []
        for each, there in given.items():
            if there is not None:
                self.take(each, there, "given", "it was given")

    def take(self, ours: str, theirs: str, certainty: Certainty, reason: str) -> None:
        there = self.theirs[theirs]
        self.found.append(Match(ours, theirs, there.type, there.physical_id, certainty, reason))
        self.matched[ours] = theirs
        self.open.remove(ours)
        self.free.remove(theirs)

    def candidates(self, ours: str) -> list[str]:
        kind = self.ours[ours].type
        return [each for each in self.free if self.theirs[each].type == kind]

    def by_id(self) -> None:
        for each in list(self.open):
            if each in self.candidates(each):
                self.take(each, each, "certain", "it has the same logical id")

    def by_name(self) -> None:
        for each in list(self.open):
            wanted = name(self.ours[each])
            named = [there for there in self.candidates(each) if name(self.theirs[there]) == wanted]
            if wanted and len(named) == 1:
                what = NAMES[self.ours[each].type]
                self.take(each, named[0], "certain", f"the same {what}, {wanted}")

    def by_role(self) -> bool:
        """Matches what alone stands at its place, seen from both sides; False if nothing."""
        for each in list(self.open):
            best = self._alone(
                {there: self._shared(each, there) for there in self.candidates(each)}
            )
            if best is None:
                continue
            rivals = {
                other: self._shared(other, best)
                for other in self.open
                if best in self.candidates(other)
            }
            if self._alone(rivals) == each:
                self.take(each, best, "likely", f"the same role: {self._telling(each, best)}")
                return True
        return False

    @staticmethod
    def _alone(places: Mapping[str, list[str]]) -> str | None:
        """The only one that has most in common; None where two have as much, or none has."""
        most = max(map(len, places.values()), default=0)
        found = [name for name, shared in places.items() if most and len(shared) == most]
        return found[0] if len(found) == 1 else None

    def _telling(self, ours: str, theirs: str) -> str:
        """Of what they have in common, what fewest others have as well."""
        shared = self._shared(ours, theirs)
        others = [self._shared(ours, there) for there in self.candidates(ours) if there != theirs]
        return min(shared, key=lambda place: sum(place in each for each in others))

    def _shared(self, ours: str, theirs: str) -> list[str]:
        return self.roles.shared(ours, theirs, self.matched)

    def by_likeness(self) -> bool:
        """Matches the pair that is most alike, if nothing else comes near on either side."""
        pairs = sorted(
            (
                (self._likeness(each, there), each, there)
                for each in self.open
                for there in self.candidates(each)
            ),
            reverse=True,
        )
        for likeness, each, there in pairs:
            rivals = [
                other
                for other, one, another in pairs
                if (one == each) != (another == there)
            ]  # fmt: skip
            next_best = max(rivals, default=0.0)
            if likeness >= ALIKE and likeness - next_best >= MARGIN:
                most = f"the most alike: {likeness:.0%} of its properties"
                after = f", the next {next_best:.0%}" if rivals else ", and the only one left"
                self.take(each, there, "likely", most + after)
                return True
        return False

    def _likeness(self, ours: str, theirs: str) -> float:
        return self.roles.likeness(ours, theirs, self.matched)

    def questions(self) -> tuple[Question, ...]:
        found = []
        for each in self.open:
            alike = sorted(
                ((self._likeness(each, there), there) for there in self.candidates(each)),
                reverse=True,
            )
            close = tuple(
                (there, f"{likeness:.0%} of its properties are alike")
                for likeness, there in alike
                if likeness >= ALIKE or self.roles.is_held(each, there, self.matched)
            )
            if close:
                found.append(Question(each, self.ours[each].type, close))
        return tuple(found)
