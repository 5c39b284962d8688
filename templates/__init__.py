"""What is built: a worker's specification -> its CloudFormation template.

Pure functions: no environment, clock, randomness, network or file is read, so the
same specification gives the same bytes on every machine.
"""

from templates.stack import build, build_all

__all__ = ["build", "build_all"]
