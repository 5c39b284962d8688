"""MiniStack reads YAML templates with PyYAML's parser in C, and each text once.

A template is read at nearly every call of CloudFormation's API, and reading was most of what an
endpoint had to do.
"""

import pickle
from functools import lru_cache
from typing import Any

import yaml


def install(engine: Any) -> None:
    """Puts the parser in C, where PyYAML has it, below the constructors of MiniStack's own."""
    own = engine.CfnLoader
    fast = getattr(yaml, "CSafeLoader", None)
    if fast is not None and not issubclass(own, fast):
        constructors = {"yaml_constructors": dict(own.yaml_constructors)}
        engine.CfnLoader = _reading_once(type(own.__name__, (fast,), constructors))


def _reading_once(loader: Any) -> Any:
    """The loader, which gives a copy of what it made of a text before."""

    @lru_cache(maxsize=256)
    def made_of(text: str) -> bytes:
        reading = loader(text)
        try:
            return pickle.dumps(reading.get_single_data())
        finally:
            reading.dispose()

    class ReadingOnce(loader):  # type: ignore[misc]
        """Has the same constructors, and is made of a text."""

        def __init__(self, stream: Any) -> None:
            self._text = stream
            # What reads this is the text's own loader.
            super().__init__("")

        def get_single_data(self) -> Any:
            return pickle.loads(made_of(self._text))  # noqa: S301 - our own copy

    ReadingOnce.__name__ = loader.__name__
    return ReadingOnce
