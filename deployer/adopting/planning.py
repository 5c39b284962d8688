"""The plan of an adoption: what is what, what it will be called, and how it ends."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from deployer.adopting import deciding, mapping_file
from deployer.adopting.deciding import Given
from deployer.adopting.deployed import Deployed, resolved, resources
from deployer.adopting.foreseeing import foresee
from deployer.adopting.importing import imported
from deployer.adopting.mapping_file import Mapping
from deployer.adopting.matching import Matching, match
from deployer.adopting.renaming import rename
from deployer.adopting.steps import Step, next_step
from deployer.review import Review
from deployer.source import Source
from deployments.template import parse_template
from problem import Problem


@dataclass(frozen=True)
class Plan:
    """``end`` is the predicted change set from the renamed stack to out/.

    With questions there is no end yet: what is what must be answered first.
    """

    source: Source
    deployed: Deployed
    matching: Matching
    mapping: Mapping
    end: Review | None = field(default=None, repr=False)

    @property
    def step(self) -> tuple[Step, tuple[str, ...]]:
        """What is next, and which of ours it is about."""
        return next_step(self.mapping, self.deployed)

    @property
    def names(self) -> dict[str, str]:
        """The ids that stack refactoring changes now, old ones to new ones."""
        return {
            entry.is_: ours
            for ours, entry in self.mapping.resources.items()
            if entry.by == "refactoring" and entry.waits(ours, self.deployed.resources)
        }

    @property
    def renamed(self) -> str:
        """The deployed template's text with those ids changed, and nothing else."""
        return rename(self.deployed.text, self.names, self.deployed.file)


def plan(
    source: Source,
    deployed: Deployed,
    known: Mapping,
    given: Given,
    importing: Collection[str] = (),
) -> Plan:
    """Matches, decides and predicts; raises Problem or Refusal for what is impossible.

    ``known`` is what the mapping's file says, ``given`` what was said now and goes before it.
    """
    deployment = source.deployment
    values = source.values(service_exists=True)
    ours = resources(resolved(source.template, values, deployment))
    decided = {**mapping_file.given(known, deployed, deployment), **given}
    deciding.check(decided, ours, deployed.resources)
    waiting = {
        name for name, entry in known.resources.items()
        if entry.by == "import" and name not in decided
    }  # fmt: skip
    matching = match(
        {name: each for name, each in ours.items() if name not in waiting},
        deployed.resources,
        decided,
    )
    undecided = match(ours, deployed.resources, {}) if decided else matching
    deciding.check_no_swap(matching, ours, deployed.resources, undecided)
    mapping = mapping_file.updated(known, matching)
    found = Plan(source, deployed, matching, _by_import(mapping, importing))
    return found if matching.questions else replace(found, end=_end(found))


def _by_import(mapping: Mapping, names: Collection[str]) -> Mapping:
    for name in names:
        if name not in mapping.resources:
            raise Problem(
                f"{name} cannot be imported",
                "it is none of the resources that were matched",
                f"Take one of {', '.join(mapping.resources)}",
            )
    resources = {
        name: entry.model_copy(update={"by": "import"}) if name in names else entry
        for name, entry in mapping.resources.items()
    }
    return mapping.model_copy(update={"resources": resources})


def _end(found: Plan) -> Review:
    """Predicted with everything renamed, and what waits for its import in its place."""
    names = found.matching.names
    text = rename(found.deployed.text, names, found.deployed.file)
    waiting = {
        name: entry.body
        for name, entry in found.mapping.resources.items()
        if entry.body and name not in names.values() and name not in found.deployed.resources
    }
    template = imported(parse_template(text, found.deployed.file), waiting)
    return foresee(template, found.deployed, found.source)
