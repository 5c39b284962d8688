"""``deploy.py adopt``: what it asks, does and shows."""

import json
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack import deployments
from workerstack.commands import confirmation
from workerstack.commands.aiming import complete_names
from workerstack.commands.example import WithExample
from workerstack.commands.options import (
    CHANGES,
    TEXT_OR_JSON,
    clients_of,
    columns,
    connected,
    format_option,
)
from workerstack.commands.review_formats import all_option, allow_option, commands
from workerstack.deployer.clock import Clock
from workerstack.output import choose, say, show_formatted, styled
from workerstack.problem import Refusal, as_typed

if TYPE_CHECKING:
    from workerstack.adopter.deployed_template import DeployedTemplate
    from workerstack.adopter.mapping import Given
    from workerstack.adopter.match import Question
    from workerstack.adopter.plan import AdoptionPlan
    from workerstack.deployer.aws import Clients
    from workerstack.deployer.source import Source
    from workerstack.review.model import Review
    from workerstack.review.renaming import Renaming


NEW = "none"
"""The answer for one of ours that nothing deployed is."""


def planned(
    source: "Source", found: "DeployedTemplate", given: "Given", imports: Collection[str]
) -> "AdoptionPlan":
    """The plan, once every question is answered; raises Refusal where nobody can answer."""
    from workerstack.adopter import mapping
    from workerstack.adopter.plan import plan

    known = mapping.read(source.deployment)
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
    answer = choose("Which", [*names, NEW])
    return {question.ours: None if answer == NEW else answer}


def report(
    plan: "AdoptionPlan", made: "Renaming | Review | None", form: str, *, whole: bool = False
) -> str:
    """The plan, and the change set of its next step if it is one."""
    from workerstack.adopter import show
    from workerstack.review.model import Review
    from workerstack.review.show import text as terminal

    if form == "json":
        return json.dumps(_data(plan, made), indent=2)
    text = show.render(plan, styled, columns())
    if isinstance(made, Review):
        text += "\n\n" + terminal.render(made, styled, columns(), whole=whole)
    return text


def _data(plan: "AdoptionPlan", made: "Renaming | Review | None") -> dict[str, object]:
    from workerstack.adopter import plan as keeping

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


@click.command(cls=WithExample, example="staging/thumbnails")
@click.argument("name", metavar="ENV/STACK", shell_complete=complete_names)
@click.option(
    "--template",
    type=click.Path(path_type=Path),
    help="Read the deployed template from a file, without AWS.",
)
@click.option(
    "--map", "maps", multiple=True, metavar="OURS=THEIRS",
    help="Map a logical ID of out/ to a deployed one, or to none; repeatable.",
)  # fmt: skip
@click.option(
    "--import", "imports", multiple=True, metavar="LOGICAL_ID",
    help="Move this resource by retain, remove and import; repeatable.",
)  # fmt: skip
@allow_option
@format_option(*TEXT_OR_JSON)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write the next step there [default: .reviews/...].",
)
@all_option
@connected
def adopt(
    *,
    name: str,
    template: Path | None,
    maps: tuple[str, ...],
    imports: tuple[str, ...],
    allow: tuple[str, ...],
    form: str,
    output: Path | None,
    whole: bool,
    root: Path,
    **connection: str | None,
) -> int:
    """Take over another tool's stack, in place.

    Its resources get the logical IDs of out/ and stay what they are. The command changes
    nothing: it writes the next step, which `execute` takes. Exit 2: there is one.
    """
    from workerstack.adopter import deployed_template, mapping
    from workerstack.adopter import plan as checking
    from workerstack.deployer import aws
    from workerstack.deployer.source import read_source
    from workerstack.review import file as review_file
    from workerstack.review.model import Review
    from workerstack.review.show import words

    deployment = deployments.load(name, root)
    source = read_source(deployment)
    given = mapping.parse(maps)
    if template is not None:
        plan = planned(
            source, deployed_template.read_file(template, deployment), given, set(imports)
        )
        file = mapping.write(plan.mapping, deployment)
        show_formatted(report(plan, None, form), form)
        say("", f"wrote {as_typed(file)}: review and commit it, then adopt without --template")
        return CHANGES if plan.step[0] != "done" else 0
    clients = clients_of(deployment, **connection)
    caller = aws.identify(deployment, clients)
    found = deployed_template.read(deployment, clients)
    checking.check(found, source, clients("cloudformation"))
    plan, made = _advanced(source, found, given, set(imports), clients, caller, allow)
    show_formatted(report(plan, made, form, whole=whole), form)
    if made is None:
        say(
            "",
            "All resources have the logical IDs of out/. See what remains:",
            f"    ./deploy.py review {name}",
        )
        return 0
    step, _ = plan.step
    file = output or root / ".reviews" / f"{name.replace('/', '-')}-adopt-{step}.json"
    review_file.write(made, file)
    say("", f"wrote {as_typed(mapping.path(deployment))}: review and commit it")
    if isinstance(made, Review) and words.refused(made):
        say(*commands(made, file, again=f"./deploy.py adopt {name}"))
    else:
        say("Then execute the step with", f"    ./deploy.py execute {as_typed(file)}")
    return CHANGES


def _advanced(
    source: "Source",
    found: "DeployedTemplate",
    given: "Given",
    imports: set[str],
    clients: "Clients",
    caller: str,
    allowed: Collection[str],
) -> "tuple[AdoptionPlan, Renaming | Review | None]":
    """The next step; again with what must be imported, where somebody agrees to that."""
    from workerstack.adopter.advance import advance
    from workerstack.adopter.refactor import CannotRefactor

    while True:
        plan = planned(source, found, given, imports)
        try:
            return advance(plan, clients, Clock(), caller, allowed)
        except CannotRefactor as refusal:
            if not sys.stdin.isatty():
                raise
            say(f"{refusal.what}: {refusal.why}.")
            if not confirmation.before_importing_instead():
                raise
            imports |= set(refusal.names)
