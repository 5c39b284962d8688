"""A later version of what a project began with, merged with what the team has made of it.

Each file is merged by ``git merge-file`` with the version that was taken last as the base, which
the project keeps in `begin.BASE`. Nothing is committed: `git diff` shows what the merge did.
"""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from workerstack import files
from workerstack.problem import Problem, Refusal
from workerstack.starter import moved, pristine
from workerstack.starter.begin import BASE, installed_wheel

TOOK = 127
"""The most conflicts that `git merge-file` counts; above that it failed."""


@dataclass(frozen=True)
class Merged:
    """What became of each file: its new text, None where it goes; and which have conflicts."""

    texts: Mapping[str, str | None]
    conflicts: tuple[str, ...]
    said: tuple[str, ...]


def update(folder: Path) -> tuple[str, str, Merged]:
    """Merges and writes; the version before, the one now, and what was merged.

    Raises Refusal where git would not show what changed, Problem for no project of ours.
    """
    file = folder / BASE
    try:
        before, base = pristine.unpacked(file.read_bytes())
    except FileNotFoundError:
        raise Problem(
            f"{folder} was not made by `workerstack new`",
            f"it has no {BASE}, the base of the merge",
            "Name the folder of a project",
        ) from None
    except ValueError as error:
        raise Problem(
            f"{file} cannot be read", str(error), "Restore it from git: `git checkout HEAD --` it"
        ) from None
    new = pristine.files()
    modules = _modules(folder)
    check_committed(folder, sorted({*base, *new, *modules, BASE}))
    merged = merge(base, new, _present(folder, {*base, *new}))
    merged = with_imports(merged, _present(folder, modules - {*new}))
    contents: dict[Path, str | bytes] = {
        folder / name: text for name, text in merged.texts.items() if text is not None
    }
    wheel = installed_wheel()
    if wheel:
        contents[folder / "wheels" / wheel.name] = wheel.read_bytes()
    files.write_all({**contents, file: pristine.packed(new)})
    for name, text in merged.texts.items():
        if text is None:
            files.remove(folder / name)
    return before, version(pristine.DISTRIBUTION), merged


def _modules(folder: Path) -> set[str]:
    """The modules that git knows: what a team has written, and no environment."""
    listed = _git(folder, "ls-files", "-z", "--", "*.py").stdout.decode()
    return {each for each in listed.split("\0") if each}


def _present(folder: Path, names: set[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = (folder / name).read_bytes().decode()
        except FileNotFoundError:
            continue
        except UnicodeDecodeError:
            raise Problem(
                f"{name} cannot be merged", "it is no UTF-8 text", "Save it as UTF-8"
            ) from None
    return found


def merge(base: Mapping[str, str], new: Mapping[str, str], ours: Mapping[str, str]) -> Merged:
    """What becomes of each file, from the version that was taken, the new one, and the team's."""
    texts: dict[str, str | None] = {}
    conflicts, said = [], []
    for name in sorted({*base, *new}):
        then, now, mine = base.get(name), new.get(name), ours.get(name)
        if now in (then, mine):
            continue
        if mine is None and then is not None:
            said.append(f"{name} changed, and stays away: you removed it")
        elif now is None and mine == then:
            texts[name] = None
        elif now is None:
            said.append(_stays(name))
        elif mine in (None, then):
            texts[name] = now
        else:
            texts[name], conflicted = merge_texts(name, mine or "", then or "", now)
            if conflicted:
                conflicts.append(name)
    return Merged(texts, tuple(conflicts), tuple(said))


def _stays(name: str) -> str:
    target = moved.now(moved.module_of(name))
    if target is None:
        return f"{name} is no part of it any more, and stays: you changed it"
    return (
        f"{name} is {target} of the tool now, and stays, unused: you changed it. Do the same in a"
        " function of templates/ that makes resources, or by `customize`; then remove it"
    )


def with_imports(merged: Merged, others: Mapping[str, str]) -> Merged:
    """The same, and what else a team has written imports what moved from where it is now."""
    left = {name: text for name, text in others.items() if merged.texts.get(name, "") is not None}
    changed = {name: moved.brought_over(text) for name, text in left.items()}
    changed = {name: text for name, text in changed.items() if text != left[name]}
    return replace(merged, texts={**merged.texts, **changed})


def merge_texts(name: str, mine: str, base: str, new: str) -> tuple[str, bool]:
    """The merged text, and whether it has conflict markers (git-merge-file(1))."""
    with tempfile.TemporaryDirectory(prefix="merge-") as folder:
        paths = [Path(folder, each) for each in ("yours", "base", "new")]
        for path, text in zip(paths, (mine, base, new), strict=True):
            path.write_bytes(text.encode())
        labels = [word for path in paths for word in ("-L", f"{path.name}: {name}")]
        done = _git(Path(folder), "merge-file", "-p", "--diff3", *labels, *map(str, paths))
    if done.returncode > TOOK or done.returncode < 0:
        raise Problem(
            f"{name} cannot be merged", done.stderr.decode().strip(), "Correct the file, or git"
        )
    return done.stdout.decode(), done.returncode > 0


def check_committed(folder: Path, names: Sequence[str]) -> None:
    """Raises Refusal where one of the files is not as git has it: the merge would hide in it."""
    done = _git(folder, "status", "--porcelain", "--ignored", "-z", "--", *names)
    if done.returncode:
        raise Refusal(
            f"{folder} is not in a git repository",
            "git shows what a merge did",
            "Run `git init`, add and commit everything, then update",
        )
    changed = [each[3:] for each in done.stdout.decode().split("\0") if each]
    if changed:
        raise Refusal(
            f"Not committed: {', '.join(changed[:5])}",
            "git shows what a merge did only where all was committed before",
            "Commit first",
        )


def _git(folder: Path, *words: str) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(["git", "-C", str(folder), *words], check=False, capture_output=True)
    except FileNotFoundError:
        raise Problem("git is not installed", "it merges the files", "Install git") from None
