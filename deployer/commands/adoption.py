"""What `adopt` asks and shows."""

import json
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

import click

from deployer.commands.connection import columns, say, styled
from problem import Refusal

if TYPE_CHECKING:
    from deployer.adopting.deciding import Given
    from deployer.adopting.deployed import Deployed
    from deployer.adopting.matching import Question
    from deployer.adopting.planning import Plan
    from deployer.adopting.proposal import Renaming
    from deployer.review import Review
    from deployer.source import Source

NEW = "none"
"""The answer for one of ours that nothing deployed is."""


def planned(
    source: "Source", found: "Deployed", given: "Given", imports: Collection[str]
) -> "Plan":
    """The plan, once every question is answered; raises Refusal where nobody can answer."""
    from deployer.adopting import mapping_file
    from deployer.adopting.planning import plan

    known = mapping_file.read(source.deployment)
    answers = dict(given)
    while True:
        made = plan(source, found, known, answers, imports)
        if not made.matching.questions:
            return made
        if not sys.stdin.isatty():
            raise _open(made.matching.questions, source.deployment.name)
        answers |= _ask(made.matching.questions[0])


def _open(questions: "tuple[Question, ...]", name: str) -> Refusal:
    first = questions[0]
    several = "; ".join(
        f"{each.ours} may be {' or '.join(f'{there} ({why})' for there, why in each.candidates)}"
        for each in questions
    )
    return Refusal(
        f"It is not clear what {', '.join(each.ours for each in questions)} is",
        several,
        f"Say it: `deploy.py adopt {name} --map {first.ours}={first.candidates[0][0]}`, or"
        f" `--map {first.ours}=` where it is new",
    )


def _ask(question: "Question") -> dict[str, str | None]:
    say(f"{question.ours} ({question.type}) may be one of these:")
    for there, why in question.candidates:
        say(f"  {there}: {why}")
    names = [there for there, _ in question.candidates]
    answer = click.prompt("Which", type=click.Choice([*names, NEW]), err=True)
    return {question.ours: None if answer == NEW else answer}


def report(plan: "Plan", made: "Renaming | Review | None", form: str) -> str:
    """The plan, and the change set of its next step if it is one."""
    from deployer.review import Review
    from deployer.showing import adoption, terminal

    if form == "json":
        return json.dumps(_data(plan, made), indent=2)
    text = adoption.render(plan, styled, columns())
    if isinstance(made, Review):
        text += "\n\n" + terminal.render(made, styled, columns())
    return text


def _data(plan: "Plan", made: "Renaming | Review | None") -> dict[str, object]:
    from deployer.adopting import keeping

    step, names = plan.step
    template = plan.source.template
    return {
        "deployment": plan.source.deployment.name,
        "resources": {
            ours: entry.model_dump(mode="json", by_alias=True)
            for ours, entry in plan.mapping.resources.items()
        },
        "new": plan.matching.new,
        "left": plan.matching.left,
        "end": plan.end.model_dump(mode="json") if plan.end else None,
        "replaced": [vars(each) for each in keeping.replaced(plan.end, template)]
        if plan.end
        else [],
        "next": {"step": step, "resources": names},
        "proposal": made.model_dump(mode="json") if made else None,
    }
