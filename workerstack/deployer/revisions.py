"""What git holds: commits, files of a revision, and the text of a file then. Nothing is run."""

import os
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path, PurePosixPath

from workerstack.problem import Problem

LARGEST = 1_000_000
"""Bytes of the largest template that CloudFormation takes; no larger file is one of ours.

Source: CloudFormation, "Understand CloudFormation quotas", template body size.
"""

LINK, SUBMODULE = "120000", "160000"
"""What git calls a symbolic link and a submodule in a tree."""


@dataclass(frozen=True)
class RevisionFiles:
    """A revision's files, laid out in ``folder``; ``left_out`` says of each other path why."""

    folder: Path
    left_out: dict[str, str]

    def check(self, file: Path) -> None:
        """Raises Problem where the file, or a folder that it lies in, was left out."""
        path = PurePosixPath(file.relative_to(self.folder).as_posix())
        for place in (path, *path.parents):
            if str(place) in self.left_out:
                raise Problem(
                    f"{str(place)!r} is not read",
                    f"it is {self.left_out[str(place)]}",
                    "Commit the file itself, below the checkout's root",
                )


def resolved(revision: str, root: Path) -> str:
    """A revision's commit, all forty digits; raises Problem for an unknown one, or without git."""
    # git would take it for an option, and options can write files and run programs.
    if revision.startswith("-"):
        raise Problem(
            f"{revision} is not a revision", "it begins like an option", "Name another one"
        )
    found = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found.returncode:
        raise Problem(
            f"There is no revision {revision}",
            "git does not know it here",
            "Fetch it, or name another one",
        )
    return found.stdout.strip()


def text_at(revision: str, path: str, root: Path) -> str | None:
    """A file's text in a revision, ``path`` from the checkout's root; None where it is not.

    Byte for byte, line ends too, since what is deployed has a digest. Raises Problem for an
    unknown revision, and where there is no git.
    """
    commit = resolved(revision, root)
    return _texts(root, [f"{commit}:./{path}"])[f"{commit}:./{path}"]


@dataclass(frozen=True)
class Commit:
    """A commit: all forty digits, when it was made, the first line of its message.

    ``is_merged``: it is in the history of HEAD, so what it holds was reviewed here.
    """

    id: str
    date: datetime
    subject: str
    is_merged: bool = True

    @property
    def sentence(self) -> str:
        """Revision, date and subject, for a person."""
        return f'{self.id[:7]} of {self.date:%Y-%m-%d %H:%M} UTC, "{self.subject}"'


FORMAT = "--format=%H%x00%ct%x00%s"


def described(revision: str, root: Path) -> Commit:
    """A revision's commit; raises Problem for an unknown one, or without git."""
    commit = resolved(revision, root)
    [found] = _commits(_git(root, "log", "-1", FORMAT, commit).stdout, None)
    return found


def touching(paths: Iterable[str], root: Path) -> list[Commit]:
    """The commits that touched one of the paths, on any branch: those of HEAD first, then newest.

    None outside of git, or where git is not installed.
    """
    try:
        found = _git(root, "log", "--all", "HEAD", FORMAT, "--", *paths)
    except Problem:
        return []
    if found.returncode:
        return []
    merged = set(_git(root, "log", "HEAD", "--format=%H", "--", *paths).stdout.split())
    commits = list(_commits(found.stdout, merged))
    return sorted(commits, key=lambda each: (each.is_merged, each.date), reverse=True)


def since(commit: str, paths: Iterable[str], root: Path) -> list[Commit]:
    """The commits after one, up to HEAD, that touched one of the paths, newest first."""
    found = _git(root, "log", f"{commit}..HEAD", FORMAT, "--", *paths)
    return list(_commits(found.stdout, None))


def is_straight(commit: str, root: Path) -> bool:
    """Whether HEAD came from a commit without a merge, so that reverting leads back to it."""
    if _git(root, "merge-base", "--is-ancestor", commit, "HEAD").returncode:
        return False
    return not (_git(root, "log", "--merges", "--format=%H", f"{commit}..HEAD").stdout.strip())


def is_clean(paths: Iterable[str], root: Path) -> bool:
    """Whether nothing of the paths differs from HEAD, staged or not."""
    found = _git(root, "status", "--porcelain", "--", *paths)
    return not found.returncode and not found.stdout.strip()


def texts_at(commits: Iterable[str], path: str, root: Path) -> dict[str, str | None]:
    """A file's text in each of the commits, by commit; None where it is not."""
    names = {commit: f"{commit}:./{path}" for commit in commits}
    found = _texts(root, list(names.values()))
    return {commit: found[name] for commit, name in names.items()}


def _commits(listed: str, merged: Collection[str] | None) -> Iterator[Commit]:
    for line in filter(None, listed.split("\n")):
        identity, time, subject = line.split("\0", 2)
        date = datetime.fromtimestamp(int(time), UTC)
        yield Commit(identity, date, subject, merged is None or identity in merged)


def _texts(root: Path, names: Sequence[str]) -> dict[str, str | None]:
    """The content of each object by its name; None where there is none, or it is no text."""
    if not names:
        return {}
    answer = BytesIO(_output(root, "cat-file", "--batch", given="\n".join(names).encode()))
    found: dict[str, str | None] = {}
    for name in names:
        head = answer.readline().split()
        if len(head) != FACTS or head[1] != b"blob":
            found[name] = None
            if len(head) == FACTS and head[-1].isdigit():
                answer.read(int(head[-1]) + 1)
            continue
        # `git cat-file --batch` ends each object with a line feed that is not the object's.
        content = answer.read(int(head[-1]))
        answer.read(1)
        try:
            found[name] = content.decode()
        except UnicodeDecodeError:
            found[name] = None
    return found


FACTS = 3
"""What `git cat-file --batch` says of an object before its content: id, type, size."""


@contextmanager
def files_of(revision: str, root: Path, top: str = "") -> Iterator[RevisionFiles]:
    """The files below ``root`` as git holds them in a revision, in a folder of their own.

    With ``top``, a folder of ``root``, only those in it: a project has hundreds of others.

    For what a stranger wrote: nothing of it is run, since git's objects are copied without
    the filters that a checkout applies; and nothing besides it is read, since links,
    submodules and names that lead elsewhere are left out. The folder goes afterwards.
    Raises Problem for an unknown revision. A Problem that comes up in between names its
    file as it is called in the revision.
    """
    commit = resolved(revision, root)
    with tempfile.TemporaryDirectory(prefix="revision-") as name:
        folder = Path(name).resolve()
        try:
            yield RevisionFiles(folder, _copy(commit, root, folder, top))
        except Problem as problem:
            if problem.file is not None and Path(problem.file).is_relative_to(folder):
                problem.file = f"{revision}:{Path(problem.file).relative_to(folder).as_posix()}"
            raise


def _copy(commit: str, root: Path, folder: Path, top: str) -> dict[str, str]:
    """Writes the regular files of a commit; the others, each with what it is."""
    left_out: dict[str, str] = {}
    chosen: dict[str, str] = {}
    for entry in _output(root, "ls-tree", "-r", "-z", "--long", commit).split(b"\0")[:-1]:
        head, _, name = entry.partition(b"\t")
        mode, _, identity, size = head.decode("ascii").split()
        path = os.fsdecode(name)
        why = _unfit(mode, path, size)
        if why:
            left_out[path] = why
        elif not top or path.startswith(f"{top}/"):
            chosen[path] = identity
    asked = "".join(f"{identity}\n" for identity in chosen.values()).encode()
    answer = BytesIO(_output(root, "cat-file", "--batch", given=asked))
    for path in chosen:
        length = int(answer.readline().split()[-1])
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(answer.read(length))
        answer.read(1)
    return left_out


def _unfit(mode: str, path: str, size: str) -> str:
    """Why a path of a tree is left out, or nothing."""
    if mode == LINK:
        return "a symbolic link"
    if mode == SUBMODULE:
        return "a submodule"
    # git does not make such trees, and whoever writes objects by hand can.
    if not path.isprintable() or set(path.split("/")) & {"", ".", "..", ".git"}:
        return "called what no file should be"
    if int(size) > LARGEST:
        return f"larger than the {LARGEST:,} bytes that a template may have"
    return ""


def _output(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(
        ["git", "-C", str(root), *arguments], input=given, capture_output=True, check=True
    ).stdout


def _git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Problem(
            "git is not installed", "files of a revision are read with it", "Install git"
        ) from None
