"""MiniStack reads YAML templates with PyYAML's parser in C, which takes a tenth of the time.

A template is read at nearly every call of CloudFormation's API, and reading was most of what an
endpoint had to do.
"""

from typing import Any

import yaml


def install(engine: Any) -> None:
    """Puts the parser in C, where PyYAML has it, below the constructors of MiniStack's own."""
    own = engine.CfnLoader
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is not None and not issubclass(own, fast):
        constructors = {"yaml_constructors": dict(own.yaml_constructors)}
        engine.CfnLoader = type(own.__name__, (fast,), constructors)
