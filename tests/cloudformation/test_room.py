"""The room's own names: a module never hides a function that the package exports."""

import importlib
import pkgutil

from workerstack import cloudformation


def test_what_is_exported_is_what_it_was_when_every_module_is_loaded() -> None:
    for module in pkgutil.iter_modules(cloudformation.__path__):
        importlib.import_module(f"workerstack.cloudformation.{module.name}")
    for name in cloudformation.__all__:
        exported = getattr(cloudformation, name)
        assert not hasattr(exported, "__path__"), name
        assert type(exported).__name__ != "module", name
