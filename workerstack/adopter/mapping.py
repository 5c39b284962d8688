"""``params/ENV/adopt/STACK.yaml``: what each of ours is called, and what people decided.

A folder of its own, since every file beside `target.yaml` is a deployment. It is reviewed and
committed like these; what stands in it is taken as given.
"""

import difflib
from collections.abc import Iterable, Mapping
from collections.abc import Mapping as Named
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workerstack import files
from workerstack.adopter.deployed_template import DeployedResource, DeployedTemplate
from workerstack.adopter.match import NAMES, Certainty, Match, Matching, human_name
from workerstack.cloudformation import Document, read_file
from workerstack.deployments import Deployment
from workerstack.problem import Problem, Refusal

Live = Named[str, DeployedResource]

HEAD = """\
# What each resource of out/ is called in the stack as it is deployed: `deploy.py adopt` wrote it.
# Review and commit it. Correct a line where it is wrong, and run the command again.
"""


def _key(name: str) -> str:
    return name.replace("_", "-")


class Entry(BaseModel):
    """One of ours: which deployed resource it is, and how it comes to its name.

    ``by``: CloudFormation's stack refactoring, or retained, removed and imported where that
    is refused; ``body`` is then what is imported, once it is known.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=_key, populate_by_name=True
    )

    is_: str = Field(validation_alias="is", serialization_alias="is")
    type: str
    physical_id: str = ""
    certainty: Certainty = "given"
    because: str = ""
    by: Literal["refactoring", "import"] = "refactoring"
    body: dict[str, Any] | None = None

    def waits(self, ours: str, live: "Live") -> bool:
        """Whether it is still deployed under its old name.

        Where another resource has that name by now, the physical id tells.
        """
        there = live.get(self.is_)
        if there is None or self.is_ == ours:
            return False
        return self.physical_id in ("", there.physical_id) or not there.physical_id


class AdoptionMapping(BaseModel):
    """The whole file. ``new`` are ours that nothing deployed is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resources: dict[str, Entry] = {}
    new: tuple[str, ...] = ()

    def renames(self, live: "Live") -> dict[str, str]:
        """The ids that stack refactoring changes now, old ones to new ones."""
        return {
            entry.is_: ours
            for ours, entry in self.resources.items()
            if entry.by == "refactoring" and entry.waits(ours, live)
        }


def path(deployment: Deployment) -> Path:
    """Where a deployment's mapping is kept."""
    return deployment.source.file.parent / "adopt" / f"{deployment.stack}.yaml"


def read(deployment: Deployment) -> AdoptionMapping:
    """What is in the file, or nothing; raises Problem where it cannot be read."""
    file = path(deployment)
    if not file.exists():
        return AdoptionMapping()
    source = read_file(file, "text")
    try:
        return AdoptionMapping.model_validate(source.data or {})
    except ValidationError as error:
        first = error.errors()[0]
        place = first["loc"]
        raise Problem(
            f"{'.'.join(map(str, place))} has a wrong value",
            first["msg"][0].lower() + first["msg"][1:],
            "Correct it, or remove the file and run `deploy.py adopt` again",
            file=file,
            line=source.line(place),
        ) from None


def given(
    mapping: AdoptionMapping, deployed: DeployedTemplate, deployment: Deployment
) -> dict[str, str | None]:
    """What the file decides, as far as it still stands; a resource that has its name keeps it.

    Raises Refusal where the file names what is not deployed, or another thing now. Those that
    were removed to be imported are left out. What has its name may have been replaced since.
    """
    found: dict[str, str | None] = dict.fromkeys(mapping.new)
    live = deployed.resources
    for ours, entry in mapping.resources.items():
        if entry.waits(ours, live):
            found[ours] = entry.is_
        elif ours in live:
            found[ours] = ours
        elif entry.is_ in live:
            now = live[entry.is_].physical_id
            raise _stale(
                deployment,
                ours,
                f"{entry.is_} is {now}, and its physical-id here is {entry.physical_id}",
            )
        elif entry.by != "import":
            raise _stale(deployment, ours, f"the stack has no {entry.is_}")
    return found


def _stale(deployment: Deployment, ours: str, why: str) -> Refusal:
    file = path(deployment)
    source: Document[Path] = read_file(file, "text")
    return Refusal(
        f"{ours} is no longer as it was mapped",
        why,
        "Correct `is` and remove `physical-id`, or remove the file and run `deploy.py adopt` again",
        file=file,
        line=source.line(("resources", ours)),
    )


def updated(mapping: AdoptionMapping, matching: Matching) -> AdoptionMapping:
    """The mapping with what was matched now; what is known of an entry already stays."""
    resources = dict(mapping.resources)
    for match in matching.matches:
        old = mapping.resources.get(match.ours)
        if old and match.theirs in (old.is_, match.ours):
            physical = old.physical_id or match.physical_id
            resources[match.ours] = old.model_copy(update={"physical_id": physical})
        else:
            resources[match.ours] = Entry(
                is_=match.theirs, type=match.type, physical_id=match.physical_id,
                certainty=match.certainty, because=match.reason,
            )  # fmt: skip
    for name in matching.new:
        if name in resources and resources[name].by != "import":
            del resources[name]
    waiting = {name for name, entry in resources.items() if entry.by == "import"}
    return AdoptionMapping(
        resources=resources, new=tuple(each for each in matching.new if each not in waiting)
    )


def write(mapping: AdoptionMapping, deployment: Deployment) -> Path:
    """Writes the file whole; gives its path."""
    file = path(deployment)
    entries = {
        name: entry.model_dump(by_alias=True, exclude_defaults=True, mode="json")
        for name, entry in sorted(mapping.resources.items())
    }
    content: dict[str, Any] = {"resources": entries}
    if mapping.new:
        content["new"] = list(mapping.new)
    text = HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    files.write(file, text)
    return file


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


def check(
    given: Given, ours: Mapping[str, DeployedResource], theirs: Mapping[str, DeployedResource]
) -> None:
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
    ours: Mapping[str, DeployedResource],
    theirs: Mapping[str, DeployedResource],
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
                f"{one.ours} and {other} are swapped",
                f"{one.ours} is mapped to {one.theirs}, but {one.theirs} is named like {other}",
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
                        f"{one} and {other} are swapped",
                        f"{here} is {one} ({first.reason}), and {there} is {other}"
                        f" ({second.reason})",
                        f"Map {one} to {here} and {other} to {there}, or both to nothing",
                    )


def _crosswise(
    one: Match,
    matching: Matching,
    ours: Mapping[str, DeployedResource],
    theirs: Mapping[str, DeployedResource],
) -> Iterable[str]:
    """Deployed resources that bear the name of ``one`` while it is mapped to another."""
    kind = NAMES.get(one.type)
    wanted = human_name(ours[one.ours])
    for other in matching.matches:
        if other is one or other.type != one.type:
            continue
        by_name = kind and wanted and human_name(theirs[other.theirs]) == wanted
        by_id = other.theirs == one.ours and other.ours == one.theirs
        if by_id or (by_name and human_name(theirs[one.theirs]) != wanted):
            yield other.theirs
