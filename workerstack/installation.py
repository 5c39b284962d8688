"""How this tool was installed, and so what to type for a library that only some commands need."""

import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

NAME = "fargate-worker-stack"

EXTRAS: Mapping[str, str] = {
    "awacs": "generate",
    "cfnlint": "generate",
    "troposphere": "generate",
    "rich": "live",
    "matplotlib": "pictures",
    "ministack": "local",
    "hypercorn": "local",
}
"""Each library that only some commands need, and the extra of setup.cfg that installs it."""

ACTIVATE = ".venv/bin/activate"
"""What enters the environment that a project's Makefile makes."""


def environment(folder: Path) -> Path | None:
    """The ``.venv`` that is made in a folder, where this Python is not the one of it."""
    own = folder / ACTIVATE
    inside = own.parents[1] == Path(sys.prefix) or own.is_relative_to(sys.prefix)
    return None if inside or not own.is_file() else own.parents[1]


def with_extra(extra: str) -> str:
    """The command that installs an extra of this tool, from where the tool itself came.

    In a project whose environment was not made yet, that which makes it: it has all extras.
    Where that is a checkout, a wheel's file or an archive, pip wrote it down in
    ``direct_url.json`` (PyPA specification "Recording the Direct URL Origin of installed
    distributions"); it writes nothing for what it found by its name: in an index, or in the
    folder ``wheels`` of a project.
    """
    from urllib.parse import unquote, urlsplit

    entering = _entering(Path.cwd())
    if entering:
        return entering
    origin = _origin()
    url = urlsplit(origin.get("url", ""))
    path = Path(unquote(url.path)) if url.scheme == "file" else None
    if path and origin.get("dir_info", {}).get("editable"):
        return f"{_pip()} -e {quote(f'{_from_here(path)}[{extra}]')}"
    if path and path.exists():
        return _fresh(f"{_from_here(path)}[{extra}]")
    if url.scheme and not path:
        return _fresh(f"{NAME}[{extra}] @ {origin['url']}")
    wheels = Path("wheels")
    if any(wheels.glob(f"{NAME.replace('-', '_')}-*.whl")):
        return f"{_pip()} --find-links {wheels} {quote(f'{NAME}[{extra}]')}"
    return _fresh(f"{NAME}[{extra}]")


def _entering(project: Path) -> str | None:
    """What enters a project's environment; None inside of it, and where there is no project."""
    if not all((project / name).is_file() for name in ("Makefile", "generate.py")):
        return None
    if environment(project):
        return f". {ACTIVATE}"
    return None if (project / ACTIVATE).exists() else f"make setup && . {ACTIVATE}"


def _origin() -> dict[str, Any]:
    import json
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        text = distribution(NAME).read_text("direct_url.json")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return {}
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def _from_here(path: Path) -> str:
    """As it is typed in this folder: never a bare name, which pip takes for a project's."""
    here = Path.cwd()
    if path == here:
        return "."
    return f"./{path.relative_to(here)}" if path.is_relative_to(here) else str(path)


def _fresh(requirement: str) -> str:
    """Pipx makes its environments itself, and another's pip does not know them."""
    if {"pipx", "venvs"} <= set(Path(sys.prefix).parts):
        return f"pipx install --force {quote(requirement)}"
    return f"{_pip()} {quote(requirement)}"


def _pip() -> str:
    python = Path(sys.executable)
    here = Path.cwd()
    shown = python.relative_to(here) if python.is_relative_to(here) else python
    return f"{quote(str(shown))} -m pip install"
