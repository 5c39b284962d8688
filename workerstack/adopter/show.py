"""An adoption as text: what is what, and how it ends. Pure."""

from collections.abc import Iterator
from itertools import groupby

from workerstack.adopter.plan import SAID, AdoptionPlan, Replaced, replaced, specification
from workerstack.problem import harmless
from workerstack.review.model import Review
from workerstack.review.show import words
from workerstack.review.show.words import Style, plain, wrapped

COLOURS = {"certain": "green", "given": "green", "likely": "yellow"}
SOME = 3
"""Properties of one resource that are told one by one; the rest is counted."""

LONG = 60
"""Characters of a value that are shown."""


def render(plan: AdoptionPlan, style: Style = plain, width: int = 100) -> str:
    """The whole plan: the matches, what is new and left, the predicted end, the steps."""
    deployment = plan.source.deployment
    lines = [
        style(f"{deployment.name}: adoption of the stack {deployment.stack}", "bold"),
        *_matches(plan, style, width),
        *(_end(plan.end, plan, style, width) if plan.end else ()),
        *_steps(plan, style, width),
    ]
    return "\n".join(map(harmless, lines))


def _matches(plan: AdoptionPlan, style: Style, width: int) -> Iterator[str]:
    yield from ("", style("Matched resources", "bold"))
    for ours, entry in sorted(plan.mapping.resources.items()):
        known_as = "" if entry.is_ == ours else f" is {entry.is_}"
        yield f"  {ours}{known_as}"
        said = f"{entry.certainty}: {entry.because or 'it was given'}"
        by = " Imported, not refactored." if entry.by == "import" else ""
        yield from (
            style(each, COLOURS[entry.certainty]) for each in wrapped(said + by, width, "      ")
        )
    if plan.matching.new:
        yield from ("", style("New: no match in the deployed stack", "bold"))
        yield from wrapped(", ".join(plan.matching.new), width, "  ")
    if plan.matching.left:
        yield from ("", style("Not in out/: deleted by the last step", "bold"))
        for name in plan.matching.left:
            yield f"  {name} ({plan.deployed.resources[name].type})"


def _end(end: Review, plan: AdoptionPlan, style: Style, width: int) -> Iterator[str]:
    yield from ("", style("Predicted result", "bold"))
    yield f"  {words.counts(end)}"
    found = list(replaced(end, plan.source.template))
    for name, parts in groupby(found, key=lambda each: each.logical_id):
        yield from _replaced(name, list(parts), plan, style, width)
    if not found:
        yield "  Nothing is replaced."
    kept = specification(found)
    if kept:
        yield from ("", style("To keep what is there, in the worker's specification", "bold"))
        yield from (f"  {line}" for line in kept.splitlines())


def _replaced(
    name: str, parts: list[Replaced], plan: AdoptionPlan, style: Style, width: int
) -> Iterator[str]:
    what = "is replaced" if parts[0].sure else "may be replaced"
    yield style(f"  {name} {what}", "red" if parts[0].sure else "yellow")
    for each in parts[:SOME]:
        before, after = (_short(value) for value in (each.before, each.after))
        why = each.because or f"{before} becomes {after}"
        yield from wrapped(f"{each.path}: {why}", width, "      ")
    if len(parts) > SOME:
        yield f"      and {len(parts) - SOME} more"
    for each in parts:
        if each.parameter:
            said = f"{each.parameter}: {each.before} in params/{plan.source.deployment.name}.yaml"
            yield from wrapped(f"keep it: {said}", width, "    > ", "      ")


def _short(value: object) -> str:
    text = words.value_text(value)
    return text if len(text) <= LONG else f"{text[:LONG]}..."


def _steps(plan: AdoptionPlan, style: Style, width: int) -> Iterator[str]:
    imported = [ours for ours, entry in plan.mapping.resources.items() if entry.by == "import"]
    waiting = [ours for ours in imported if ours not in plan.deployed.resources]
    if waiting:
        yield from ("", style("How it goes", "bold"))
        text = (
            f"{', '.join(waiting)} cannot be refactored. Four reviewed steps take the place of"
            " one: these are set to be retained, they are taken out of the stack, everything else"
            " is renamed, and they are imported under their new logical ids. Meanwhile they go on"
            " as they are, and belong to no stack."
        )
        yield from wrapped(text, width, "  ")
    step, names = plan.step
    if step != "done":
        yield from ("", style("Next", "bold"))
        yield from wrapped(SAID[step].format(", ".join(names)), width, "  ")
