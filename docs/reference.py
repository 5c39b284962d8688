"""docs/reference/commands.md from the help of each command: ``python docs/reference.py [--check]``.

With ``--check`` nothing is written, and 1 is the answer where the page is not current.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from generate import generate
from workerstack.commands.deploy import deploy
from workerstack.commands.program import workerstack
from workerstack.commands.simulate import simulate

DOCUMENT = ROOT / "docs/reference/commands.md"
WIDTH = 80
HEAD = """# Commands

What `--help` prints, written by `python docs/reference.py`. `generate.py` makes `out/`,
`deploy.py` brings it into AWS, `simulate.py` tries it ([simulator.md](simulator.md)); `workerstack`
is all of them, installed ([install.md](../install.md)).
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Each command with what is typed for it: ``deploy.py review``."""
    yield "generate.py", generate
    yield "deploy.py", deploy
    for name, command in sorted(deploy.commands.items()):
        yield f"deploy.py {name}", command
    yield "simulate.py", simulate
    yield "workerstack", workerstack
    for name in ("fields", "new"):
        yield f"workerstack {name}", workerstack.commands[name]


def help_of(name: str, command: click.Command) -> str:
    """What the command prints with ``--help`` on a terminal of 80 columns."""
    with command.make_context(name, [], resilient_parsing=True, terminal_width=WIDTH) as context:
        return command.get_help(context)


def page() -> str:
    """What the document must hold."""
    return HEAD + "".join(
        f"\n## {name}\n\n```text\n{help_of(name, command)}\n```\n" for name, command in commands()
    )


def main(*, check: bool) -> int:
    """Writes the page if it is not current, or says so; 1 when a check finds that it is not."""
    text = page()
    if DOCUMENT.exists() and DOCUMENT.read_text("utf-8") == text:
        return 0
    if not check:
        DOCUMENT.write_text(text, "utf-8")
    said = "is not current" if check else "written"
    sys.stderr.write(f"{DOCUMENT.relative_to(ROOT)} {said}\n")
    return int(check)


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
