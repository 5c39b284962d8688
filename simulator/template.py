"""Reads what any CloudFormation template says about scaling."""

from collections.abc import Mapping

from simulator.model import Scaling


def read_scaling(
    text: str, file: str, parameters: Mapping[str, str] | None = None, *, target: str | None = None
) -> Scaling:
    """The scaling of the template ``text``, YAML or JSON; ``file`` is named in errors.

    ``parameters`` are values by name; defaults hold for the others. ``target`` is the logical id
    of the service or scalable target, needed where there are several. Raises SimulationError.
    """
    raise NotImplementedError
