"""``python -m rules``: the page docs/rules.md on standard output."""

import sys
from pathlib import Path


def main() -> None:
    """Writes the page for the rules of this folder."""
    from cfnlint.rules._rules import Rules

    from workerstack.checks.catalogue import markdown

    sys.stdout.write(markdown(Rules.create_from_directory(str(Path(__file__).parent))))


if __name__ == "__main__":
    main()
