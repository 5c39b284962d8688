"""Values of one template with given parameters: references, conditions, and what calls functions.

Source: CloudFormation template reference, "Intrinsic function reference", "Condition functions",
"Pseudo parameters"; user guide, "Dynamic references".
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workerstack.cloudformation import attributes, loops, pseudo_parameters
from workerstack.cloudformation.compare import could_be_equal, equal
from workerstack.cloudformation.document import Place
from workerstack.cloudformation.functions import FUNCTIONS
from workerstack.cloudformation.template import Parameter, Template
from workerstack.cloudformation.values import (
    Kind,
    Reference,
    Text,
    Unknown,
    concatenated,
    scalar,
    text,
    written,
)

if TYPE_CHECKING:
    from workerstack.problem import Problem

NOTHING = object()
"""What a property with the value ``AWS::NoValue`` is: not there."""

DYNAMIC = re.compile(r"\{\{resolve:([a-z-]+):([^{}]*)\}\}")
PLACE = re.compile(r"\$\{([^}]*)\}")

LANGUAGE_EXTENSIONS = "AWS::LanguageExtensions"

Values = Mapping[str, str | Sequence[str]]


class Evaluator:
    """Computes values; collects what CloudFormation would refuse in ``faults``.

    With ``strict`` the first of them is raised. A condition that refers to itself is always
    raised: nothing that depends on it has an answer.
    """

    def __init__(
        self,
        template: Template,
        values: Values,
        surroundings: Mapping[str, Any],
        stored: Mapping[str, str],
        *,
        strict: bool,
    ) -> None:
        self.template = template
        self.faults: dict[str, Problem] = {}
        self._strict = strict
        self._surroundings = surroundings
        self._parameters = {
            name: self._parameter(declared, values.get(name), stored.get(name))
            for name, declared in template.parameters.items()
        }
        self.resources: Mapping[str, Any] = {}
        self.mappings = template.section("Mappings")
        self._conditions: dict[str, bool | Unknown] = {}
        self._deciding: list[str] = []
        self._references: dict[tuple[str, str], Any] = {}
        self._naming: set[tuple[str, str]] = set()
        # What a macro of another kind makes may hold resources that do not stand here.
        self.has_macros = any(name != LANGUAGE_EXTENSIONS for name in template.transforms)
        self.definitions: Mapping[str, Any] = template.section("Conditions")
        self.definitions = loops.expanded(self, self.definitions, ("Conditions",))[0]

    def fault(
        self, what: str, why: str, next_step: str, place: Place, expression: Any = None
    ) -> Unknown:
        """Something that CloudFormation refuses: noted, or raised where we are strict."""
        problem = self.template.problem(what, why, next_step, place)
        if self._strict:
            raise problem
        self.faults.setdefault(str(problem), problem)
        return Unknown(expression, f"{what}: {why}", "malformed")

    # Parameters and what is around the stack

    def _parameter(
        self, declared: Parameter, given: str | Sequence[str] | None, stored: str | None
    ) -> Any:
        if given is not None and not isinstance(given, str):
            given = ",".join(str(scalar(each)) for each in given) if isinstance(
                given, list | tuple
            ) else str(scalar(given))  # fmt: skip
        value = declared.default if given is None else given
        name = declared.name
        if declared.no_echo:
            # Two hidden values must be told apart, and none may be printed by whatever shows an
            # Unknown.
            basis = None if value is None else hashlib.sha256(value.encode()).hexdigest()
            return Unknown({"Ref": name}, f"the parameter {name} is hidden", "no_echo", basis)
        if value is None:
            return Unknown({"Ref": name}, f"the parameter {name} has no value", "parameter")
        if declared.is_stored and stored is not None:
            value = stored
        elif declared.is_stored:
            return Unknown(
                value if value.startswith("{{resolve:") else f"{{{{resolve:ssm:{value}}}}}",
                f"the parameter {name} has the value of {value} in Parameter Store",
                "stored",
            )
        if declared.is_list:
            # CloudFormation takes the blanks around members of a CommaDelimitedList away.
            return [part.strip() for part in value.split(",")] if value else []
        return value

    @property
    def given(self) -> Any:
        """All parameters' values: what a macro is given, too."""
        return self._parameters

    # Values

    def value(self, raw: Any, place: Place) -> Any:
        """A value with all that is known put in; NOTHING where it is not there."""
        if isinstance(raw, str):
            return self.dynamic(raw) if "{{resolve:" in raw else raw
        if isinstance(raw, dict):
            if len(raw) == 1:
                [(name, argument)] = raw.items()
                if name == "Ref":
                    return self.reference(argument, place)
                # A mapping with one loop as its only member is no function: the loop makes its
                # members.
                if name[:4] == "Fn::" and not name.startswith("Fn::ForEach::"):
                    return self._called(name, argument, (*place, name))
            return self._mapping(raw, place)
        if isinstance(raw, list):
            items = [
                each
                if isinstance(each, str) and "{{resolve:" not in each
                else self.value(each, (*place, at))
                for at, each in enumerate(raw)
            ]
            return [each for each in items if each is not NOTHING]
        return raw

    def present(self, raw: Any, place: Place) -> Any:
        """A value where there must be one: NoValue stays its function."""
        found = self.value(raw, place)
        return Unknown({"Ref": "AWS::NoValue"}, "it is left out") if found is NOTHING else found

    def _mapping(self, raw: dict[str, Any], place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, each in raw.items():
            if isinstance(each, str) and "{{resolve:" not in each:  # most values, so first
                found[key] = each
            elif key[:13] == loops.LOOP:
                more, unknown, _ = loops.expanded(self, {key: each}, place)
                found |= {**self._mapping(more, place), **unknown}
            elif (value := self.value(each, (*place, key))) is not NOTHING:
                found[key] = value
        return found

    def _called(self, name: str, argument: Any, place: Place) -> Any:
        if name == "Fn::If":
            return self._choice(argument, place)
        if name == "Fn::GetAtt":
            return self._attribute(argument, place)
        if name in ("Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", *RULES):
            return self.condition({name: argument}, place[:-1])
        call = FUNCTIONS.get(name)
        if call is None:
            found = self.present(argument, place)
            if self.has_macros:
                return Unknown({name: found}, f"{name} is a macro's", "transform")
            return self.fault(
                f"{name} is not known", "CloudFormation has no such function",
                "Take one of the intrinsic function reference", place, {name: found},
            )  # fmt: skip
        return call(self, argument, place)

    def dynamic(self, raw: str) -> Any:
        """A text with its dynamic references, whose values are elsewhere, as pieces."""
        parts: list[Any] = []
        end = 0
        for found in DYNAMIC.finditer(raw):
            service, name = found.groups()
            kind: Kind = "secret"
            reason = f"{name.partition(':')[0] or name} is in Secrets Manager"
            if service == "ssm":
                kind = "pinned" if re.search(r":\d+$", name) else "stored"
                reason = f"{name} is in Parameter Store"
            elif service != "secretsmanager":
                reason = f"{name} is a secure text in Parameter Store"
            parts += [raw[end : found.start()], Unknown(found.group(), reason, kind)]
            end = found.end()
        return concatenated([*parts, raw[end:]])

    # References

    def reference(self, name: Any, place: Place) -> Any:
        """``Ref``."""
        if not isinstance(name, str):
            found = self.present(name, (*place, "Ref"))
            name = text(found)
            if name is None:
                return Unknown({"Ref": found}, "what it refers to is not known")
        if name == "AWS::NoValue":
            return NOTHING
        if name in self._parameters:
            return self._parameters[name]
        if name.startswith("AWS::"):
            return self._pseudo(name, place)
        return self.resource(name, "", place)

    def _pseudo(self, name: str, place: Place) -> Any:
        if name in self._surroundings:
            found = self._surroundings[name]
            return list(found) if isinstance(found, list | tuple) else found
        if name not in pseudo_parameters.PSEUDO:
            return self.fault(
                f"{name} is no pseudo parameter", "there is none of that name",
                f"Take one of {', '.join(sorted(pseudo_parameters.PSEUDO))}", place, {"Ref": name},
            )  # fmt: skip
        return Unknown({"Ref": name}, f"{name} is not given", "pseudo")

    def _attribute(self, argument: Any, place: Place) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        if not isinstance(parts, list) or len(parts) < 2:  # noqa: PLR2004 - resource and attribute
            return self.fault(
                "Fn::GetAtt needs a resource and an attribute", f"it has {_short(argument)}",
                "Write `!GetAtt Resource.Attribute`", place, {"Fn::GetAtt": argument},
            )  # fmt: skip
        found = [self.present(each, (*place, at)) for at, each in enumerate(parts)]
        known = [text(each) for each in found]
        if None in known:
            return Unknown({"Fn::GetAtt": found}, "what it refers to is not known")
        return self.resource(str(known[0]), ".".join(map(str, known[1:])), place)

    def resource(self, name: str, attribute: str, place: Place) -> Any:
        """A resource of this template, or one of its attributes."""
        if (name, attribute) in self._references:
            return self._references[name, attribute]
        expression = {"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name}
        if name not in self.resources:
            found: Any
            if self.has_macros:
                found = Unknown(expression, f"{name} may be made by a macro", "transform")
            else:
                found = self.fault(
                    f"{name} is not there",
                    "the template has no parameter and no resource of that name",
                    "Correct the name, or add it",
                    place,
                    expression,
                )
            return found
        body = self.resources[name]
        if "Condition" in body and self._of_resource(name, body["Condition"]) is False:
            return Unknown(expression, f"{name} is not created: its condition is false")
        kind = body.get("Type")
        rules = attributes.names(str(kind))
        means = attribute or rules.ref or "Ref"
        made = Reference(name, attribute, means, self._named(name, body, means, rules))
        # While a name is being made, references back to it are cut off: what they give then is true
        # only within that.
        if not self._naming:
            self._references[name, attribute] = made
        return made

    def _named(
        self, name: str, body: Mapping[str, Any], attribute: str, rules: attributes.NamedType
    ) -> Any:
        """What an attribute gives, where it follows from the resource's own properties."""
        given = body.get("Properties", {})
        # A resource whose name refers to itself would go round for ever.
        if (name, attribute) in self._naming or not isinstance(given, dict):
            return None
        pattern = rules.made.get(attribute, "${" + attribute + "}")
        if any(key.startswith(loops.LOOP) for key in given):
            given = loops.expanded(self, given, ("Resources", name, "Properties"))[0]
        self._naming.add((name, attribute))
        try:
            parts: list[Any] = []
            end = 0
            for found in PLACE.finditer(pattern):
                parts.append(pattern[end : found.start()])
                end = found.end()
                part = self._own(name, given, found.group(1), rules)
                if part is None and found.group(1) in rules.told - {attribute}:
                    part = Reference(name, found.group(1), found.group(1))
                if part is None:
                    return None
                parts.append(part)
            return concatenated([*parts, pattern[end:]])
        finally:
            self._naming.discard((name, attribute))

    def _own(
        self, name: str, given: Mapping[str, Any], wanted: str, rules: attributes.NamedType
    ) -> Any:
        """One property of a resource, as a piece of a text; None where it has none."""
        if wanted.startswith("AWS::"):
            return self._pseudo(wanted, ())
        if wanted not in given:
            return rules.defaults.get(wanted)
        found = self.value(given[wanted], ("Resources", name, "Properties", wanted))
        if isinstance(found, Reference) and found.value is not None:
            found = found.value
        whole = text(found)
        if wanted == "Cluster" and whole and ":" in whole:
            return whole.rpartition("/")[2]
        return found if isinstance(found, Text | Unknown | Reference) else scalar(found)

    # Conditions

    def condition(self, what: Any, place: Place) -> bool | Unknown:
        """Whether a condition, by its name or written out, holds; Unknown where it is open."""
        if isinstance(what, str):
            return self._named_condition(what, place)
        if isinstance(what, bool):
            return what
        if isinstance(what, dict) and len(what) == 1:
            [(name, argument)] = what.items()
            if name == "Condition":
                return self.condition(argument, (*place, name))
            call = CONDITIONS.get(name)
            if call is not None:
                return call(self, argument, (*place, name))
            if name == "Ref" or name.startswith("Fn::"):
                return self._as_boolean(self.present(what, place), place)
        return self.fault(
            "The condition is none", f"it is {_short(what)}",
            "Write Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition", place, what,
        )  # fmt: skip

    def _as_boolean(self, found: Any, place: Place) -> bool | Unknown:
        whole = text(found)
        if whole is not None and whole.lower() in ("true", "false"):
            return whole.lower() == "true"
        if isinstance(found, Unknown):
            return found
        return self.fault(
            "The condition is none", f"it comes to {_short(written(found))}",
            "Compare it with Fn::Equals", place, found,
        )  # fmt: skip

    def _named_condition(self, name: str, place: Place) -> bool | Unknown:
        if name in self._conditions:
            return self._conditions[name]
        if name not in self.definitions:
            if self.has_macros:
                return Unknown({"Condition": name}, f"{name} may be made by a macro", "transform")
            return self.fault(
                f"There is no condition {name}", "the template declares none of that name",
                "Correct the name, or declare it below Conditions", place, {"Condition": name},
            )  # fmt: skip
        if name in self._deciding:
            circle = [*self._deciding[self._deciding.index(name) :], name]
            raise self.template.problem(
                f"The condition {name} depends on itself", " -> ".join(circle),
                "Write one of them out", ("Conditions", name),
            )  # fmt: skip
        self._deciding.append(name)
        try:
            found = self.condition(self.definitions[name], ("Conditions", name))
        finally:
            self._deciding.pop()
        self._conditions[name] = found
        return found

    def _of_resource(self, name: str, what: Any) -> bool | Unknown:
        """Whether a resource's condition holds; written out, it may refer to that very resource."""
        own = f"{name} (its condition)"
        if own in self._deciding:
            circle = [*self._deciding[self._deciding.index(own) :], own]
            raise self.template.problem(
                f"The condition of {name} depends on {name} itself", " -> ".join(circle),
                "Name a condition of the template there", ("Resources", name, "Condition"),
            )  # fmt: skip
        self._deciding.append(own)
        try:
            return self.condition(what, ("Resources", name))
        finally:
            self._deciding.pop()

    def _choice(self, argument: Any, place: Place) -> Any:
        """``Fn::If``; both sides where it is open, and the value where both are the same."""
        if not isinstance(argument, list) or len(argument) != 3:  # noqa: PLR2004 - if, then, else
            return self.fault(
                "Fn::If takes three members", f"it has {_short(argument)}",
                "Write `!If [Condition, value, other value]`", place, {"Fn::If": argument},
            )  # fmt: skip
        name, then, otherwise = argument
        holds = self.condition(name, (*place, 0))
        if not isinstance(holds, Unknown):
            return self.value(then, (*place, 1)) if holds else self.value(otherwise, (*place, 2))
        sides = [self.value(then, (*place, 1)), self.value(otherwise, (*place, 2))]
        # Then it does not matter that the condition is open, and nobody is warned of it.
        if sides[0] is sides[1] or (NOTHING not in sides and equal(*sides)):
            return sides[0]
        shown = [{"Ref": "AWS::NoValue"} if each is NOTHING else each for each in sides]
        named = name if isinstance(name, str) else "the condition"
        return Unknown(
            {"Fn::If": [holds.expression, *shown]},
            f"{named} is open: {holds.reason}",
            "condition",
            holds.basis,
            tuple(None if each is NOTHING else each for each in sides),
        )


def _short(value: Any) -> str:
    return str(value)[:80]


# Condition functions: True, False, or Unknown with the condition written out.


def _open(expression: Any, parts: Sequence[Any]) -> Unknown:
    unknown = [each for each in parts if isinstance(each, Unknown)]
    reason = "; ".join(dict.fromkeys(each.reason for each in unknown)) or "it is not known"
    basis = [each.basis for each in unknown if each.basis is not None]
    return Unknown(expression, reason, "condition", basis or None)


def _equals(evaluator: Evaluator, argument: Any, place: Place) -> bool | Unknown:
    if not isinstance(argument, list) or len(argument) != 2:  # noqa: PLR2004 - two are compared
        return evaluator.fault(
            "Fn::Equals compares two values", f"it has {_short(argument)}",
            "Write `!Equals [value, other value]`", place, {"Fn::Equals": argument},
        )  # fmt: skip
    sides = [evaluator.present(each, (*place, at)) for at, each in enumerate(argument)]
    answer = could_be_equal(*sides)
    if answer is not None:
        return answer
    parts = [
        piece for side in sides for piece in (side.pieces if isinstance(side, Text) else [side])
    ]
    return _open({"Fn::Equals": sides}, parts)


def _operands(
    evaluator: Evaluator, name: str, argument: Any, place: Place, least: int, most: int
) -> list[bool | Unknown] | Unknown:
    if not isinstance(argument, list) or not least <= len(argument) <= most:
        wanted = "one condition" if most == 1 else f"{least} to {most} conditions"
        return evaluator.fault(
            f"{name} takes {wanted}", f"it has {_short(argument)}",
            f"Write `!{name.removeprefix('Fn::')} [...]` with them", place, {name: argument},
        )  # fmt: skip
    return [evaluator.condition(each, (*place, at)) for at, each in enumerate(argument)]


def _and(evaluator: Evaluator, argument: Any, place: Place) -> bool | Unknown:
    return _connected(evaluator, "Fn::And", argument, place, decisive=False)


def _or(evaluator: Evaluator, argument: Any, place: Place) -> bool | Unknown:
    return _connected(evaluator, "Fn::Or", argument, place, decisive=True)


def _connected(
    evaluator: Evaluator, name: str, argument: Any, place: Place, *, decisive: bool
) -> bool | Unknown:
    """One decisive operand decides, whatever the others; the other decided ones say nothing."""
    held = _operands(evaluator, name, argument, place, 2, 10)
    if isinstance(held, Unknown):
        return held
    # `is`, since an Unknown is neither.
    if any(each is decisive for each in held):
        return decisive
    rest = [each for each in held if isinstance(each, Unknown)]
    if not rest:
        return not decisive
    if len(rest) == 1:
        return rest[0]
    return _open({name: [each.expression for each in rest]}, rest)


def _not(evaluator: Evaluator, argument: Any, place: Place) -> bool | Unknown:
    held = _operands(evaluator, "Fn::Not", argument, place, 1, 1)
    if isinstance(held, Unknown):
        return held
    [one] = held
    if not isinstance(one, Unknown):
        return not one
    match one.expression:
        case {"Fn::Not": [inner]}:
            return Unknown(inner, one.reason, one.kind, one.basis)
    return Unknown({"Fn::Not": [one.expression]}, one.reason, one.kind, one.basis)


# Functions of Rules. Source: template reference, "Rule-specific intrinsic functions".


def _contains(evaluator: Evaluator, argument: Any, place: Place) -> bool | Unknown:
    return _members(evaluator, "Fn::Contains", argument, place)


def _each_equals(evaluator: Evaluator, argument: Any, place: Place) -> bool | Unknown:
    return _members(evaluator, "Fn::EachMemberEquals", argument, place)


def _each_in(evaluator: Evaluator, argument: Any, place: Place) -> bool | Unknown:
    return _members(evaluator, "Fn::EachMemberIn", argument, place)


def _members(evaluator: Evaluator, name: str, argument: Any, place: Place) -> bool | Unknown:
    if not isinstance(argument, list) or len(argument) != 2:  # noqa: PLR2004 - members, values
        return evaluator.fault(
            f"{name} takes two members", f"it has {_short(argument)}",
            "Write a list and what is looked for", place, {name: argument},
        )  # fmt: skip
    members, wanted = (evaluator.present(each, (*place, at)) for at, each in enumerate(argument))
    if not isinstance(members, list) or isinstance(wanted, Unknown):
        return _open({name: [members, wanted]}, [members, wanted])
    others = wanted if isinstance(wanted, list) else [wanted]
    table = [[could_be_equal(each, other) for other in others] for each in members]
    rows = [True if True in row else None if None in row else False for row in table]
    if name == "Fn::Contains":
        answer = True if True in rows else None if None in rows else False
    else:
        answer = False if False in rows else None if None in rows else True
    return _open({name: [members, wanted]}, [*members, *others]) if answer is None else answer


RULES = {
    "Fn::Contains": _contains,
    "Fn::EachMemberEquals": _each_equals,
    "Fn::EachMemberIn": _each_in,
}
CONDITIONS = {
    "Fn::And": _and,
    "Fn::Equals": _equals,
    "Fn::Not": _not,
    "Fn::Or": _or,
    **RULES,
}
