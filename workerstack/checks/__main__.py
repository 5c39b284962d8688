"""``python -m workerstack.checks``: the page docs/checks.md on standard output."""

import sys

from workerstack.checks import CHECKS
from workerstack.checks.page import markdown


def main() -> None:
    """Writes the page."""
    sys.stdout.write(markdown(CHECKS))


if __name__ == "__main__":
    main()
