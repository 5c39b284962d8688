"""Whether what is deployed is committed: templates and values, against git's HEAD.

Content is compared, and not what `git status` says: that can be told to overlook a file
(`git update-index --assume-unchanged`).
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from workerstack.problem import Refusal

UNKNOWN = "Cannot tell whether the reviewed files are committed"

MOST_LINKS = 40
"""Links on the way to a file, after which Linux gives up as well (path_resolution(7))."""


def check(files: Sequence[Path], root: Path) -> None:
    """Raises Refusal where one of the files is not as it is in git's HEAD.

    A symbolic link must be committed itself, and so must the file that it leads to.
    """
    root = root.resolve()
    found = _git(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if found.returncode:
        outside = _git(root, "rev-parse", "--is-inside-work-tree").returncode
        why = "this folder is not in a git repository" if outside else "nothing is committed yet"
        raise Refusal(UNKNOWN, why, "Run it in the checkout, or pass --uncommitted")
    links: dict[Path, None] = {}
    targets: dict[Path, None] = {}
    for file in files:
        *on_the_way, target = _walked(file, root)
        links |= dict.fromkeys(on_the_way)
        targets[target] = None
    committed = _committed(root, [*links, *targets])
    changed = [
        path.relative_to(root)
        for path in (*links, *targets)
        if committed.get(path) != _hash(root, path)
    ]
    if changed:
        raise Refusal(
            f"Not committed: {', '.join(map(str, changed))}",
            "nobody else can see what would be executed",
            "Commit first, or execute with --uncommitted",
        )


def check_history(commit: str, root: Path) -> None:
    """Raises Refusal for a commit that is not in the history of git's HEAD.

    What somebody pushed to another branch is in the repository, too, and was never merged.
    """
    if _git(root, "merge-base", "--is-ancestor", commit, "HEAD").returncode:
        raise Refusal(
            f"The commit {commit[:7]} is not in the history of this branch",
            "what it holds was not reviewed here",
            "Check out a branch that has it (in a shallow clone, fetch its history), or execute"
            " with --uncommitted",
        )


def _walked(file: Path, root: Path) -> Iterator[Path]:
    """Each symbolic link on the way to a file, and then the file itself; all below the root."""
    path, links = root, 0
    steps = list(Path(os.path.relpath(_absolute(file, root), root)).parts)
    while steps:
        step = steps.pop(0)
        # Step by step and not by resolve(): each link on the way must be committed itself.
        path = path.parent if step == ".." else path / step
        if path.is_symlink():
            links += 1
            if links > MOST_LINKS:
                raise Refusal(
                    f"{file} leads in a circle", "its symbolic links do", "Put a file there"
                )
            yield _below(path, root)
            leads_to = path.readlink()
            steps = [*leads_to.parts, *steps]
            path = path.parent
    yield _below(path, root)


def _absolute(file: Path, root: Path) -> Path:
    """The file below the resolved root, its own links as they are."""
    for parent in reversed((file, *file.parents)):
        if parent.exists() and parent.resolve() == root:
            return root / file.relative_to(parent)
    return file


def _below(path: Path, root: Path) -> Path:
    if not path.is_relative_to(root):
        raise Refusal(
            f"{path} lies outside the checkout",
            "only what is committed here is deployed, and symbolic links are followed",
            "Put the file itself into the checkout",
        )
    return path


def _committed(root: Path, paths: Sequence[Path]) -> dict[Path, str]:
    """What HEAD has under each path: the hash of a file's content, or of where a link leads."""
    names = [str(path.relative_to(root)) for path in paths]
    listed = _git(root, "--literal-pathspecs", "ls-tree", "-z", "HEAD", "--", *names)
    found = {}
    for line in filter(None, listed.stdout.split("\0")):
        facts, _, name = line.partition("\t")
        found[root / name] = facts.split()[2]
    return found


def _hash(root: Path, path: Path) -> str:
    """What git would store of the path as it is now; empty where nothing is there."""
    if path.is_symlink():
        return _git(root, "hash-object", "--stdin", text=str(path.readlink())).stdout.strip()
    name = str(path.relative_to(root))
    return _git(root, "hash-object", "--", name).stdout.strip()


def _git(root: Path, *arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            input=text, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise Refusal(
            UNKNOWN, "git is not installed", "Install git, or pass --uncommitted"
        ) from None
