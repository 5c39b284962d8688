"""The steps that talk to AWS: change sets made, and executed once they are approved."""

import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from workerstack.ci import reviewed
from workerstack.ci.github import Results
from workerstack.ci.reviewed import Reviewed
from workerstack.problem import Problem, Refusal
from workerstack.review.show.markdown import code, fenced, render

CHANGES = 2
"""The exit code of `review` and `diff` where there are changes."""

LAST = 20
"""Lines of talk that are kept, to say in the summary why a command ended as it did."""

ENDINGS = {
    1: "failed",
    3: "refused, and nothing was executed",
    4: "not watched to its end; it continues in AWS",
}

Ended = tuple[int, tuple[str, ...]]
"""How a command ended: its exit code, and the last lines that it said."""

Deploy = Callable[..., Ended]
"""deploy.py with these words, and ``output`` for where its data go."""


def deploy(*words: str, root: Path, output: Path | None = None) -> Ended:
    """Runs deploy.py; its talk is passed on as it comes, its data too or into ``output``."""
    last: deque[str] = deque(maxlen=LAST)
    with output.open("w", encoding="utf-8") if output else nullcontext() as data:
        running = subprocess.Popen(
            [sys.executable, str(root / "deploy.py"), *words],
            cwd=root, stdin=subprocess.DEVNULL, stdout=data, stderr=subprocess.PIPE,
            text=True, errors="backslashreplace",
        )  # fmt: skip
        with running:
            for line in running.stderr or ():
                sys.stderr.write(line)
                sys.stderr.flush()
                last.append(line.rstrip("\n"))
    return running.returncode, tuple(last)


def review(name: str, folder: Path, allow: str, run: Deploy, results: Results) -> int:
    """Makes the change sets of ENV or ENV/STACK, and shows them to who approves; the exit code."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = folder / "summary.md"
    output = folder / f"{name.replace('/', '-')}.json" if "/" in name else folder
    allowed = [f"--allow={word}" for word in allow.split()]
    options = ("--format", "markdown", "--output", str(output), *allowed)
    ended, said = run("review", *options, "--", name, output=shown)
    if ended not in (0, CHANGES):
        results.tell(_ended(name, ended, said))
        return ended
    found = reviewed.read(folder)
    if not found:
        # Without a change set there is nothing to approve, and still something to know.
        results.tell("No stack would change.")
        if ended:
            results.tell(f"\n{fenced(list(said))}")
        return 0
    reviewed.environment(found)
    results.tell(shown.read_text(encoding="utf-8"))
    results.tell(f"## What is to be approved\n\n{reviewed.table(found)}\n")
    for each in found:
        for consent in each.review.allowed:
            finding, whose = code(consent.finding), code(each.deployment)
            results.tell(f"- Let through with the approval: {finding} of {whose}")
    results.output("changes", value=True)
    results.output("digests", reviewed.digests(found))
    return 0


def check_approved(found: Sequence[Reviewed], digests: Mapping[str, str], environment: str) -> None:
    """Raises Refusal unless these are the files that were approved, for this environment."""
    reviewed.check_same(found, digests)
    of_reviews = reviewed.environment(found)
    if of_reviews != environment:
        raise Refusal(
            f"The job runs in the environment {environment}",
            f"what was reviewed is of {of_reviews}",
            "Run the workflow again",
        )


def execute(found: Sequence[Reviewed], run: Deploy, results: Results) -> int:
    """Executes and verifies one after the other; the exit code of the first that did not end well.

    Where nothing is executed any more, because the stack has changed since or the change set
    is gone, that is exit 3, and the summary says which it is.
    """
    waiting = deque(found)
    while waiting:
        each = waiting.popleft()
        for words in (
            ("execute", str(each.file), "--yes"),
            ("verify", "--", each.deployment),
        ):
            ended, said = run(*words)
            if ended:
                results.tell(_ended(f"{words[0]} {each.deployment}", ended, said))
                for later in waiting:
                    results.tell(f"- {code(later.deployment)}: not begun.")
                return ended
        results.tell(f"- {code(each.deployment)}: executed and verified.")
    return 0


def show_approved(found: Sequence[Reviewed], approvers: Sequence[str], results: Results) -> None:
    """Shows again what was approved, by whom and by digest, before anything is executed."""
    by = ", ".join(code(name) for name in approvers)
    results.tell(f"## What was approved, by {by}\n\n{reviewed.table(found)}\n")
    results.tell(render([each.review for each in found]))


def _ended(what: str, ended: int, said: Sequence[str]) -> str:
    how = ENDINGS.get(ended, "failed")
    return f"- {code(what)}: {how} (exit code {ended}).\n\n{fenced(list(said))}\n"


def refused(problem: Problem) -> str:
    """A Problem for the summary."""
    return _ended("nothing was executed", problem.code, [str(problem)])
