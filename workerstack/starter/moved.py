"""Projects that began when the specification was a part of theirs: where its modules are now."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOM = "workerstack.specification"

MOVED = {
    "templates.specification": f"{ROOM}.worker",
    "templates.steps": f"{ROOM}.steps",
    "templates.problems": f"{ROOM}.mistakes",
    "templates.kept": f"{ROOM}.kept",
    "templates.customized": f"{ROOM}.customized",
    "templates.description": f"{ROOM}.metadata",
    "templates.parameters": f"{ROOM}.parameters",
    "templates.parts": ROOM,
    "templates.parts.telling": f"{ROOM}.alarms",
}
"""Each module of theirs, and what is the same of the tool; modules of a package follow it."""


def now(module: str) -> str | None:
    """Where a module of theirs is now; None where it is theirs still."""
    package, _, name = module.rpartition(".")
    return MOVED.get(module) or (f"{MOVED[package]}.{name}" if package in MOVED else None)


def module_of(file: str) -> str:
    """``templates.parts.queues`` for ``templates/parts/queues.py``."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def brought_over(text: str) -> str:
    """A module's text with its imports from where things are now; as it is where it has none."""
    lines = text.splitlines(keepends=True)
    for node in reversed([*_imports(text)]):
        target = now(str(node.module))
        if target:
            public = [each for each in node.names if each.name in _public()]
            inner = [each for each in node.names if each not in public]
            made = [(ROOM, public), (target, inner)]
            indent = " " * node.col_offset
            lines[node.lineno - 1 : node.end_lineno] = [
                f"{indent}from {module} import {', '.join(map(ast.unparse, names))}\n"
                for module, names in made
                if names
            ]
    return "".join(lines)


def _imports(text: str) -> Iterator[ast.ImportFrom]:
    try:
        tree = ast.parse(text)
    except SyntaxError:  # which generate.py tells
        return
    found = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    yield from sorted(found, key=lambda node: node.lineno)


def _public() -> frozenset[str]:
    """What the room offers by its own name; read, since this room imports no other."""
    tree = ast.parse((Path(__file__).parents[1] / "specification/__init__.py").read_text("utf-8"))
    [names] = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    return frozenset(ast.literal_eval(names))
