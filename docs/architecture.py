"""The picture in docs/architecture.md, from the imports: ``python docs/architecture.py [--check]``.

With ``--check`` nothing is written, and 1 is the answer where the page is not current.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs/architecture.md"
HOUSE = "workerstack"
YOURS = "templates"
PROGRAMS = ("generate.py", "deploy.py", "simulate.py")
FREE = ("files", "output", "problem", "command_line", "installation")
"""What every room may import, or none but the commands: a box each would hide the rest."""

MARKS = re.compile(r"(<!-- (picture|rooms) -->\n).*?(<!-- /\2 -->)", re.DOTALL)


def rooms() -> dict[str, list[Path]]:
    """Each room with its files: the folders and single files of the tool, and what is yours."""
    house = ROOT / HOUSE
    folders = [path.parent for path in sorted(house.glob("*/__init__.py"))]
    single = [path for path in sorted(house.glob("*.py")) if path.stem != "__init__"]
    found = {folder.name: [*_modules(folder)] for folder in folders}
    found |= {path.stem: [path] for path in single}
    found[YOURS] = sorted((ROOT / YOURS).rglob("*.py"))
    return found | {name: [ROOT / name] for name in PROGRAMS}


def _modules(folder: Path) -> Iterator[Path]:
    """All but what a new project is given, which is nothing that the tool imports."""
    return (file for file in sorted(folder.rglob("*.py")) if file.parent.name != "skeleton")


def imported(file: Path) -> Iterator[str]:
    """The rooms that a file imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == HOUSE:
            names = [f"{HOUSE}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        else:
            continue
        for name in names:
            first, _, rest = name.partition(".")
            if first == HOUSE and rest:
                yield rest.partition(".")[0]
            elif first == YOURS:
                yield first


def arrows(found: Mapping[str, Sequence[Path]]) -> dict[str, set[str]]:
    """Each room with the other rooms that it imports."""
    return {
        room: {name for file in files for name in imported(file)} - {room}
        for room, files in found.items()
    }


def essential(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The arrows without those that follow from others: A to C, where A leads to B and B to C."""

    def reached(room: str) -> set[str]:
        return {room}.union(*(reached(each) for each in graph[room]))

    return {
        room: {
            each
            for each in targets
            if not any(each in reached(other) for other in targets - {each})
        }
        for room, targets in graph.items()
    }


def picture(graph: Mapping[str, set[str]]) -> str:
    """The arrows as a Mermaid flow chart, without the files that everybody may import."""
    shown = {room: targets - set(FREE) for room, targets in graph.items() if room not in FREE}
    lines = ["flowchart TD"]
    lines += [f'    {_node(room)}["{room}"]' for room in sorted(shown)]
    lines += [
        f"    {_node(room)} --> {_node(target)}"
        for room, targets in sorted(essential(shown).items())
        for target in sorted(targets)
    ]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def _node(room: str) -> str:
    return room.replace(".", "_")


def sentence(files: Sequence[Path]) -> str:
    """What a room says of itself: the first paragraph of its docstring, on one line."""
    start = next((file for file in files if file.name == "__init__.py"), files[0])
    said = ast.get_docstring(ast.parse(start.read_text("utf-8"))) or ""
    return " ".join(said.partition("\n\n")[0].split())


def table(found: Mapping[str, Sequence[Path]], graph: Mapping[str, set[str]]) -> str:
    """Each room, what it is, and what it imports, as Markdown."""
    lines = ["| package | what it is | imports |", "|---|---|---|"]
    for room, files in found.items():
        folder = files[0].relative_to(ROOT).parts[:2]
        inside = room if room in (*PROGRAMS, YOURS) else "/".join(folder)
        uses = ", ".join(sorted(graph[room] - set(FREE))) or "-"
        lines.append(f"| `{inside}` | {sentence(files)} | {uses} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """What the document must hold."""
    found = rooms()
    graph = arrows(found)
    made = {"picture": picture(graph), "rooms": table(found, graph)}
    return MARKS.sub(lambda part: part[1] + made[part[2]] + part[3], DOCUMENT.read_text("utf-8"))


def main(*, check: bool) -> int:
    """Writes the page if it is not current, or says so; 1 when a check finds that it is not."""
    text = page()
    if DOCUMENT.read_text("utf-8") == text:
        return 0
    if not check:
        DOCUMENT.write_text(text, "utf-8")
    said = "is not current" if check else "written"
    sys.stderr.write(f"{DOCUMENT.relative_to(ROOT)} {said}\n")
    return int(check)


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
