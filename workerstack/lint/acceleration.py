"""cfn-lint's inner loops made cheaper, with the same verdicts; a third of linting is saved.

Linting evolves some ten thousand small immutable objects for each template, and looks up
for each of them again what its class looks like. Here that is known. Only for the versions
that a test has compared; any other cfn-lint runs as it is, and only takes longer.
"""

from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

COMPARED = frozenset({"1.58.0"})
"""The versions of cfn-lint for which tests/test_acceleration.py found the same verdicts."""


def install() -> bool:
    """Makes linting in this process faster; before the rules are loaded. False: left as is."""
    if version("cfn-lint") not in COMPARED:
        return False
    from cfnlint.context import context
    from cfnlint.jsonschema import _filter, validators
    from cfnlint.rules.jsonschema import CfnLint

    modules: Any = validators
    if not isinstance(modules.create, _Kept):
        modules.create = _Kept(modules.create)
        for kind, name, faster in (
            (context.Context, "evolve", _evolve_context),
            (context.Path, "evolve", _evolve),
            (_filter.FunctionFilter, "evolve", _evolve),
            (CfnLint.CfnLint, "initialize", _initialize),
            (CfnLint.CfnLint, "cfnLint", _by_keyword),
        ):
            setattr(kind, name, faster)
    return True


def _evolve(self: Any, **changes: Any) -> Any:
    """A copy of a dataclass with some fields changed; it checks and computes nothing."""
    copy = object.__new__(self.__class__)
    copy.__dict__.update(self.__dict__)
    copy.__dict__.update(changes)
    return copy


def _evolve_context(self: Any, **changes: Any) -> Any:
    """As `Context.evolve`: the known values of references are added to, not replaced."""
    copy = object.__new__(self.__class__)
    content = copy.__dict__
    content.update(self.__dict__)
    content.pop("module_names", None)  # computed from the resources, which may change
    if "ref_values" in changes:
        changes["ref_values"] = {**self.ref_values, **changes["ref_values"]}
    content.update(changes)
    return copy


class _Kept:
    """`validators.create`, which makes a class, called once for each kind of validator."""

    def __init__(self, create: Callable[..., Any]) -> None:
        self._create = create
        self._kept: dict[Any, Any] = {}

    def __call__(
        self, validators: Any = None, function_filter: Any = None, fn_resolvers: Any = None
    ) -> Any:
        key = (_identity(validators), repr(function_filter), _identity(fn_resolvers))
        made = self._kept.get(key)
        if made is None:
            made = self._create(validators, function_filter, fn_resolvers)
            made.evolve = _evolve
            self._kept[key] = made
        return made


def _identity(functions: Any) -> tuple[Any, ...]:
    return tuple(
        (name, id(getattr(each, "__self__", None)), getattr(each, "__func__", each))
        for name, each in (functions or {}).items()
    )


def _initialize(self: Any, _template: Any) -> None:
    """A new template: the rules below this one are looked at again."""
    self.below = None


def _by_keyword(
    self: Any, validator: Any, keywords: Any, instance: Any, schema: Any
) -> Iterator[Any]:
    """As `CfnLint.cfnLint`, with the rules found by keyword and not one after the other."""
    from cfnlint.jsonschema._utils import Unset

    if self.below is None:
        self.below = {}
        for rule in self.child_rules.values():
            if rule is not None and rule.id:
                for keyword in rule.keywords:
                    self.below.setdefault(keyword, []).append(rule)
    found = [(keyword, rule) for keyword in keywords for rule in self.below.get(keyword, ())]
    if not found:
        return
    plain = validator.function_filter.evolve(add_cfn_lint_keyword=False)
    evolved = validator.evolve(function_filter=plain)
    for keyword, rule in found:
        for error in rule.validate(evolved, keyword, instance, schema):
            if error.rule is None and isinstance(error.validator, Unset):
                error.rule = rule
            yield error
