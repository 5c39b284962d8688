"""How often an answer may stay away while something goes on in AWS, before we detach."""

from workerstack.deployer.aws_errors import cause_of

PATIENCE = 5
"""Polls in a row that may fail, beyond botocore's own attempts."""

PASSING = frozenset({"lost", "failed", "throttled"})
"""Causes after which the next poll may tell more."""


class Patience:
    """Counts failures in a row of a question that is asked again and again."""

    def __init__(self) -> None:
        self.failed = 0

    def answered(self) -> None:
        """There was an answer."""
        self.failed = 0

    def bear(self, error: Exception, *, passes: bool = False) -> None:
        """Raises the error where it is one too many, or none that passes by itself.

        ``passes``: the caller knows that this one does.
        """
        self.failed += 1
        if self.failed > PATIENCE or not (passes or cause_of(error) in PASSING):
            raise error
