"""``workerstack fields``."""

import inspect
import re
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

import click

from workerstack.commands.example import WithExample
from workerstack.commands.options import TEXT_OR_JSON, format_option
from workerstack.output import show, show_json
from workerstack.problem import Problem


@click.command(cls=WithExample, example="Secret")
@click.argument("name", default="Worker")
@format_option(*TEXT_OR_JSON)
def fields(*, name: str, form: str) -> int:
    """Show the fields of a worker, or of a part of it.

    NAME is what is written in templates/workers.py: Worker, Secret, OwnQueue and so on
    (default: Worker, which names all others).
    """
    from workerstack.specification.checked import fields_of

    parts = _parts()
    part = parts.get(name)
    if part is None:
        raise Problem(
            f"There is no {name}", f"a worker is made of {', '.join(parts)}", "Name one of these"
        )
    rows = [
        {"name": field, "type": words, "default": default}
        for field, words, default in fields_of(part)
    ]
    said = (inspect.getdoc(part) or "").replace("``", "`")
    if form == "json":
        show_json({"name": name, "description": said, "fields": rows}, 2)
        return 0
    width = max(len(str(row["name"])) for row in rows)
    show(f"{said}\n")
    for row in rows:
        end = "must be given" if row["default"] is None else f"default {row['default']}"
        show(f"  {row['name']:<{width}}  {row['type']}; {end}")
    places = ", ".join(
        f"{other}.{field}"
        for other, each in parts.items()
        for field, words, _ in fields_of(each)
        if re.search(rf"\b{name}\b", words)
    )
    if places:
        show(f"\nGoes into: {places}.")
    others = ", ".join(each for each in parts if each != name)
    show(f"\nFrom workerstack.specification: {name}, and {others}.")
    return 0


def _parts() -> Mapping[str, Any]:
    """What a worker is written with, by name; mistakes are none of it."""
    from workerstack import specification

    named = {name: getattr(specification, name) for name in specification.__all__}
    return {
        name: each
        for name, each in named.items()
        if is_dataclass(each) and each is not specification.Mistake
    }
