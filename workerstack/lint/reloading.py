"""A project's modules in a process that stays: what changed is imported anew, and what imports it.

Importing all of templates/ anew takes longer than building a worker with it.
"""

import ast
import importlib
import sys
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType


class ProjectModules:
    """The modules of a project's package, and of others that it is made with, after each save."""

    def __init__(self, package: str, *others: str) -> None:
        self._package, self._others = package, others
        self._is_sound = False

    def renew(self, changed: Collection[Path]) -> None:
        """Makes the next import see these files as they are now.

        Runs the package anew where it imports one of them: raises whatever importing it raises.
        After that, and after `failed`, the whole package is imported anew.

        Compiled files are not written: they are told apart by whole seconds, and people save
        twice within one.
        """
        sys.dont_write_bytecode = True
        loaded = self._loaded()
        files = {str(each.resolve()) for each in changed}
        stale = _stale(loaded, files)
        if not self._is_sound:
            stale |= {name for name in loaded if f"{name}.".startswith(f"{self._package}.")}
        packages = {name for name in stale if hasattr(loaded[name], "__path__")}
        if packages - {self._package}:  # which of several comes first, only Python knows
            stale, packages = {*loaded}, set()
        for name in stale - packages:
            del sys.modules[name]
            package, _, own = name.rpartition(".")
            if package in sys.modules:  # where `from package import own` looks first
                vars(sys.modules[package]).pop(own, None)
        self._is_sound = False
        for name in packages:  # run again in its place: it keeps the modules in it that are current
            importlib.reload(loaded[name])
        self._is_sound = True

    def failed(self) -> None:
        """What was imported is not whole: an import in it ended in an error."""
        self._is_sound = False

    def _loaded(self) -> dict[str, ModuleType]:
        roots = tuple(f"{each}." for each in (self._package, *self._others))
        return {
            name: module for name, module in [*sys.modules.items()] if f"{name}.".startswith(roots)
        }


def _stale(loaded: dict[str, ModuleType], changed: Collection[str]) -> set[str]:
    """The modules whose file changed, and those that import one of them, however far away."""
    files = {
        name: str(Path(module.__file__).resolve())
        for name, module in loaded.items()
        if module.__file__
    }
    importers: dict[str, set[str]] = {}
    for name, file in files.items():
        if file in changed:
            continue
        is_package = hasattr(loaded[name], "__path__")
        package = name if is_package else name.rpartition(".")[0]
        for module, part in _imports(file, package, Path(file).stat().st_mtime_ns):
            inner = f"{module}.{part}"
            importers.setdefault(inner if inner in loaded else module, set()).add(name)
    stale: set[str] = set()
    waiting = [name for name, file in files.items() if file in changed]
    while waiting:
        name = waiting.pop()
        if name not in stale:
            stale.add(name)
            waiting += importers.get(name, ())
    return stale


@lru_cache(maxsize=1024)
def _imports(file: str, package: str, _time: int) -> frozenset[tuple[str, str]]:
    """All that a file may import: modules, each with the name that is taken from it, or none."""
    return frozenset(_named(ast.parse(Path(file).read_text(encoding="utf-8")), package))


def _named(tree: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((each.name, "") for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: -node.level + 1 or None] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            yield from ((module, each.name) for each in node.names)
