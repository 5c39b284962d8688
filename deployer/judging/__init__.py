"""What a change set means: statements gained and lost, and findings ordered by risk. Pure."""

from deployer.judging.case import Case, Facts
from deployer.judging.findings import access, judge

__all__ = ["Case", "Facts", "access", "judge"]
