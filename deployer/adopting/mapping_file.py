"""``params/ENV/adopt/STACK.yaml``: what each of ours is called as it is deployed.

A folder of its own, since every file beside `target.yaml` is a deployment. It is reviewed and
committed like these; what stands in it is taken as given.
"""

from collections.abc import Mapping as Named
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deployer.adopting.deployed import Deployed, Resource
from deployer.adopting.matching import Certainty, Matching
from deployments import Deployment
from deployments.located import Located, read_yaml
from problem import Problem, Refusal

Live = Named[str, Resource]

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


class Mapping(BaseModel):
    """The whole file. ``new`` are ours that nothing deployed is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resources: dict[str, Entry] = {}
    new: tuple[str, ...] = ()


def path(deployment: Deployment) -> Path:
    """Where a deployment's mapping is kept."""
    return deployment.source.file.parent / "adopt" / f"{deployment.stack}.yaml"


def read(deployment: Deployment) -> Mapping:
    """What is in the file, or nothing; raises Problem where it cannot be read."""
    file = path(deployment)
    if not file.exists():
        return Mapping()
    source = read_yaml(file)
    try:
        return Mapping.model_validate(source.data or {})
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


def given(mapping: Mapping, deployed: Deployed, deployment: Deployment) -> dict[str, str | None]:
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
    source: Located = read_yaml(file)
    return Refusal(
        f"{ours} is no longer as it was mapped",
        why,
        "Correct `is` and remove `physical-id`, or remove the file and run `deploy.py adopt` again",
        file=file,
        line=source.line(("resources", ours)),
    )


def updated(mapping: Mapping, matching: Matching) -> Mapping:
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
    return Mapping(
        resources=resources, new=tuple(each for each in matching.new if each not in waiting)
    )


def write(mapping: Mapping, deployment: Deployment) -> Path:
    """Writes the file whole; gives its path."""
    file = path(deployment)
    file.parent.mkdir(parents=True, exist_ok=True)
    entries = {
        name: entry.model_dump(by_alias=True, exclude_defaults=True, mode="json")
        for name, entry in sorted(mapping.resources.items())
    }
    content: dict[str, Any] = {"resources": entries}
    if mapping.new:
        content["new"] = list(mapping.new)
    text = HEAD + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    temporary = file.with_name(f".{file.name}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)
    return file
