"""The comment on a pull request: predicted by our code from its templates, which are only read."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from workerstack.ci.deploying import CHANGES, Deploy
from workerstack.ci.github import Results
from workerstack.deployer.revisions import files_of
from workerstack.output import say
from workerstack.problem import Problem
from workerstack.review.show.markdown import MARKER

LOAD = "day:count=60,service=lognormal:3m:0.5"
"""A working day: how the scaling of each changed template is drawn."""

OUT = "out"
"""Where a project has its templates."""

PATIENCE = 120
"""Seconds for one picture."""

LONGEST = 65_000
"""Characters of a comment that leave room for one more sentence."""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
"""What a template of ours is called; a picture is called so too."""


def predict(
    base: str, head: str, link: str, folder: Path, root: Path, run: Deploy, results: Results
) -> int:
    """Writes comment.md and pictures/ into the folder; 1 where it cannot be predicted.

    ``base`` and ``head`` are commits; what is compared is the head and where it left the
    base. ``link`` is where the pictures are found.
    """
    comment = folder / "comment.md"
    since = merge_base(base, head, root)
    ended, _ = run("diff", "--base", since, "--head", head, "--format", "markdown",
                      output=comment)  # fmt: skip
    written = comment.read_text(encoding="utf-8")
    # Python itself also ends with 2, where it cannot open the command.
    if ended not in (0, CHANGES) or (ended == CHANGES and MARKER not in written):
        comment.unlink()
        results.tell("What would change cannot be predicted; the log says why.")
        return 1
    if ended == 0:
        written = f"{MARKER}\n\nNo stack would change.\n"
    drawn = list(pictures(since, head, folder / "pictures", root))
    if drawn and len(written) < LONGEST:
        written += (
            "\nPictures of the scaling, before and after:"
            f" artifact `pictures` of [this run]({link}).\n"
        )
    comment.write_text(written, encoding="utf-8")
    results.tell(written)
    return 0


def merge_base(base: str, head: str, root: Path) -> str:
    """The commit at which the head left the base; raises Problem where there is none."""
    found = subprocess.run(
        ["git", "-C", str(root), "merge-base", "--", base, head],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if found.returncode:
        raise Problem(
            f"{head} and {base} have no commit in common",
            found.stderr.strip() or "git finds none",
            "Fetch both with their history",
        )
    return found.stdout.strip()


def pictures(base: str, head: str, folder: Path, root: Path) -> Iterator[Path]:
    """One picture for each template of out/ that differs and that the simulator reads."""
    with files_of(base, root, OUT) as before, files_of(head, root, OUT) as after:
        for new in sorted((after.folder / OUT).glob("*.template.yaml")):
            old = before.folder / OUT / new.name
            name = new.name.removesuffix(".template.yaml")
            if NAME.fullmatch(name) and old.is_file() and old.read_bytes() != new.read_bytes():
                folder.mkdir(parents=True, exist_ok=True)
                picture = folder / f"{name}.png"
                if _draw(old, new, picture, root):
                    yield picture


def _draw(old: Path, new: Path, picture: Path, root: Path) -> bool:
    command = [
        *(sys.executable, str(root / "simulate.py"), str(old), "--compare", str(new)),
        *("--load", LOAD, "--picture", str(picture)),
    ]
    try:
        subprocess.run(command, cwd=root, capture_output=True, check=True, timeout=PATIENCE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        picture.unlink(missing_ok=True)
        say(f"No picture of {picture.stem}: the simulator does not read it.")
        return False
    return True
