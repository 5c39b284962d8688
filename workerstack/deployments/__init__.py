"""Where it is deployed: params/ read into frozen, typed objects. The only reader of it."""

from workerstack.deployments.anywhere import NOWHERE, load_file, of_text, values_of
from workerstack.deployments.models import Deployment, ParameterValue, Target
from workerstack.deployments.reading import (
    environments,
    load,
    load_all,
    load_target,
    load_text,
    names,
)

__all__ = [
    "NOWHERE",
    "Deployment",
    "ParameterValue",
    "Target",
    "environments",
    "load",
    "load_all",
    "load_file",
    "load_target",
    "load_text",
    "names",
    "of_text",
    "values_of",
]
