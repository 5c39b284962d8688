"""Which of the deployed resources each of ours is, how sure that is, and why. Pure.

Source: CloudFormation template reference, each type's name property and its `Ref`.

By name first, then by role, then by likeness; never by guessing: what is not clear becomes a
question.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from workerstack.adopter.deployed_template import DeployedResource
from workerstack.cloudformation.compare import canonical, is_function
from workerstack.cloudformation.logical_ids import written_references

NAMES = {
    "AWS::ApplicationAutoScaling::ScalingPolicy": "PolicyName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::EC2::SecurityGroup": "GroupName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::ECS::Service": "ServiceName",
    "AWS::ECS::TaskDefinition": "Family",
    "AWS::IAM::Role": "RoleName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::SQS::Queue": "QueueName",
}

ID_IS_NAME = frozenset(
    {
        "AWS::CloudWatch::Alarm",
        "AWS::ECS::Cluster",
        "AWS::IAM::Role",
        "AWS::Logs::LogGroup",
    }
)
"""Types whose physical id is the name itself."""


def human_name(resource: DeployedResource) -> str:
    """Its name as its template gives it, or as its physical id shows; empty where neither."""
    written: Any = resource.properties.get(NAMES.get(resource.type, ""))
    if isinstance(written, str):
        return written
    identifier = resource.physical_id
    match resource.type:
        case "AWS::ECS::Service" | "AWS::SQS::Queue":
            return identifier.rpartition("/")[2]
        case "AWS::ECS::TaskDefinition":
            return identifier.rpartition("/")[2].partition(":")[0]
        case kind:
            return identifier if kind in ID_IS_NAME else ""


Names = tuple[str, ...]
Leaf = tuple[Names, Any]

NOT_COMPARED = frozenset({"Tags", *NAMES.values()})
"""Properties that say nothing of what a resource is for; names are compared before."""


class PropertyReference(NamedTuple):
    """A reference of ``source`` to ``target`` at a property of the source."""

    source: str
    path: Names
    target: str


def edges(resources: Mapping[str, DeployedResource]) -> list[PropertyReference]:
    """Every reference within a stack, dependencies left out: they order and do not mean."""
    return list(
        dict.fromkeys(
            PropertyReference(name, path, target)
            for name, resource in resources.items()
            for path, value in leaves(resource.properties)
            for target, _ in written_references(value)
            if target in resources and target != name
        )
    )


def leaves(value: Any, path: Names = ()) -> Iterator[Leaf]:
    """Each deepest value with its path; positions in lists are left out."""
    if isinstance(value, Mapping) and not is_function(value):
        for key, each in value.items():
            yield from leaves(each, (*path, str(key)))
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each, path)
    else:
        yield path, value


class StackGraphs:
    """Two stacks' graphs, and how far two resources stand at the same place in them."""

    def __init__(
        self, ours: Mapping[str, DeployedResource], theirs: Mapping[str, DeployedResource]
    ) -> None:
        self._ours, self._theirs = ours, theirs
        self._edges = edges(ours), edges(theirs)

    def shared(self, ours: str, theirs: str, matched: Mapping[str, str]) -> list[str]:
        """What both have in common: places beside resources that are already matched."""
        named = {there: here for here, there in matched.items()}
        mine = set(_places(self._edges[0], ours, {name: name for name in matched}))
        other = set(_places(self._edges[1], theirs, named))
        return sorted(mine & other)

    def is_held(self, ours: str, theirs: str, matched: Mapping[str, str]) -> bool:
        """Whether the same resource refers to both, at the same property."""
        return any("refers to it" in each for each in self.shared(ours, theirs, matched))

    def likeness(self, ours: str, theirs: str, matched: Mapping[str, str]) -> float:
        """How much of their properties is equal, 0 to 1; references count by what is matched."""
        named = {there: here for here, there in matched.items()}
        mine = _counted(self._ours[ours], {})
        other = _counted(self._theirs[theirs], named)
        total = mine.total() + other.total()
        return 2 * (mine & other).total() / total if total else 1.0


def _places(found: list[PropertyReference], name: str, called: Mapping[str, str]) -> Iterator[str]:
    for edge in found:
        at = ".".join(edge.path)
        if edge.source == name and edge.target in called:
            yield f"refers to {called[edge.target]} ({at})"
        if edge.target == name and edge.source in called:
            yield f"{called[edge.source]} refers to it ({at})"


def _counted(resource: DeployedResource, called: Mapping[str, str]) -> Counter[tuple[Names, str]]:
    return Counter(
        (path, canonical(_called(value, called)))
        for path, value in leaves(resource.properties)
        if path[0] not in NOT_COMPARED
    )


def _called(value: Any, called: Mapping[str, str]) -> Any:
    """A reference as the resources it leads to, whatever the function; others as they are."""
    targets = [called.get(target, target) for target, _ in written_references(value)]
    return targets or value


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
    ours: Mapping[str, DeployedResource],
    theirs: Mapping[str, DeployedResource],
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
        ours: Mapping[str, DeployedResource],
        theirs: Mapping[str, DeployedResource],
        given: Mapping[str, str | None],
    ) -> None:
        self.ours, self.theirs = ours, theirs
        self.roles = StackGraphs(ours, theirs)
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
            wanted = human_name(self.ours[each])
            named = [
                there for there in self.candidates(each) if human_name(self.theirs[there]) == wanted
            ]
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
