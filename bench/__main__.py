"""``python -m bench``: the quick measurements, or those that are named."""

import sys

from bench import (
    advise,
    aws,
    cloudformation,
    deployments,
    generate,
    prediction,
    review,
    simulator,
)
from workerstack.problem import Problem

QUICK = {
    "cloudformation": cloudformation.main,
    "generate": generate.main,
    "prediction": prediction.main,
    "review": review.main,
    "simulator": simulator.main,
}
SUBJECTS = {**QUICK, "advise": advise.main, "deployments": deployments.main}
"""All that can be named; the others take minutes."""

COMMANDS = {"aws": aws.main, "replay": aws.replay}
"""What takes words of its own: a meeting with AWS itself, and its recording again."""


def main() -> int:
    """Runs the subjects; 1 when a ratio is above its limit."""
    names = sys.argv[1:] or list(QUICK)
    if names[0] in COMMANDS:
        return _command(names[0], names[1:])
    unknown = [name for name in names if name not in SUBJECTS]
    if unknown:
        known = ", ".join([*SUBJECTS, *COMMANDS])
        sys.stderr.write(f"Unknown: {', '.join(unknown)}. There is {known}.\n")
        return 64
    return max(SUBJECTS[name]() for name in names)


def _command(name: str, words: list[str]) -> int:
    try:
        return COMMANDS[name](words)
    except Problem as problem:
        sys.stderr.write(f"{problem}\n")
        return problem.code


if __name__ == "__main__":
    sys.exit(main())
