"""``python -m bench``: the quick measurements, or those that are named."""

import sys

from bench import (
    advise,
    cloudformation,
    deployments,
    generate,
    prediction,
    review,
    scaling,
    simulator,
)

QUICK = {
    "cloudformation": cloudformation.main,
    "generate": generate.main,
    "prediction": prediction.main,
    "review": review.main,
    "simulator": simulator.main,
}
SUBJECTS = {
    **QUICK,
    "advise": advise.main,
    "deployments": deployments.main,
    "scaling": scaling.main,
}
"""All that can be named; the others take minutes."""


def main() -> int:
    """Runs the subjects; 1 when a ratio is above its limit."""
    names = sys.argv[1:] or list(QUICK)
    unknown = [name for name in names if name not in SUBJECTS]
    if unknown:
        sys.stderr.write(f"Unknown: {', '.join(unknown)}. There is {', '.join(SUBJECTS)}.\n")
        return 64
    return max(SUBJECTS[name]() for name in names)


if __name__ == "__main__":
    sys.exit(main())
