"""A template with values becomes a stack: every resource with what its properties come to."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from workerstack.cloudformation import loops
from workerstack.cloudformation.document import Place
from workerstack.cloudformation.evaluate import LANGUAGE_EXTENSIONS, NOTHING, Evaluator, Values
from workerstack.cloudformation.template import Template
from workerstack.cloudformation.values import (
    Reference,
    Text,
    Unknown,
    plain,
    references,
    scalar,
    text,
    unknowns,
)
from workerstack.problem import Problem

ATTRIBUTES = (
    "Metadata", "CreationPolicy", "UpdatePolicy", "DeletionPolicy", "UpdateReplacePolicy",
)  # fmt: skip
"""What a resource has besides type, properties, condition and dependencies."""


SNAPSHOT_BY_DEFAULT = frozenset({"AWS::RDS::DBCluster", "AWS::RDS::DBInstance"})
"""What is kept as a snapshot when it is deleted, unless its template says otherwise."""


@dataclass(frozen=True)
class Resource:
    """One resource; ``exists`` is True, or None where its condition cannot be decided.

    ``condition`` is the condition's name, ``open`` the condition written out where it is open.
    ``attributes`` are those of ``ATTRIBUTES`` that it has, resolved. ``loop`` names the
    Fn::ForEach that makes it.
    """

    logical_id: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    exists: bool | None = True
    open: Unknown | None = None
    loop: str | None = None
    written: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Its Metadata; empty where it has none."""
        found = self.attributes.get("Metadata")
        return found if isinstance(found, dict) else {}

    @property
    def deletion_policy(self) -> Any:
        """``Delete``, ``Retain``, ... as given; None where it is the type's default."""
        return self.attributes.get("DeletionPolicy")

    @property
    def update_replace_policy(self) -> Any:
        """As ``deletion_policy``, for what is replaced."""
        return self.attributes.get("UpdateReplacePolicy")

    def default_policy(self, attribute: str) -> str:
        """What AWS does where ``DeletionPolicy`` or ``UpdateReplacePolicy`` is not given.

        Source: CloudFormation template reference, DeletionPolicy, "Snapshot".
        """
        alone = self.type in SNAPSHOT_BY_DEFAULT and "DBClusterIdentifier" not in self.properties
        return "Snapshot" if alone and attribute == "DeletionPolicy" else "Delete"

    def get(self, *path: str | int, default: Any = None) -> Any:
        """A value deep in the properties; ``default`` where a step of the way is not there."""
        found: Any = self.properties
        for part in path:
            try:
                found = found[part]
            except (KeyError, IndexError, TypeError):
                return default
        return found

    @cached_property
    def body(self) -> dict[str, Any]:
        """The resource as plain JSON, as a template has it, in the order of the template."""
        found: dict[str, Any] = {"Type": self.type}
        if self.properties or "Properties" in self.written:
            found["Properties"] = plain(self.properties)
        found |= {name: plain(each) for name, each in self.attributes.items()}
        if self.depends_on:
            found["DependsOn"] = self.written.get("DependsOn", list(self.depends_on))
        if self.condition is not None:
            found["Condition"] = self.condition
        order = [*(name for name in self.written if name in found), *found]
        return {name: found[name] for name in dict.fromkeys(order)}


@dataclass(frozen=True)
class Output:
    """One output; ``export`` is its export's name, ``exists`` as of a resource."""

    name: str
    value: Any
    export: Any = None
    description: Any = None
    condition: str | None = None
    exists: bool | None = True
    open: Unknown | None = None


@dataclass(frozen=True)
class Assertion:
    """What a rule demands: ``holds`` is None where it is open."""

    holds: bool | None
    description: str


@dataclass(frozen=True)
class ParameterRule:
    """One rule on the parameters; ``applies`` is None where it is open."""

    name: str
    applies: bool | None
    assertions: tuple[Assertion, ...]


@dataclass(frozen=True)
class Stack:
    """What a template comes to under one set of values.

    ``resources`` holds those that exist or may exist; ``absent`` the logical ids whose
    condition is false; ``parameters`` the values of all parameters. ``loops`` are Fn::ForEach
    of the resources and outputs whose collection is not known. ``faults``: what CloudFormation
    refuses, in the order of the template. ``refer`` is behind ``reference``.
    """

    template: Template
    resources: Mapping[str, Resource] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    rules: tuple[ParameterRule, ...] = ()
    conditions: Mapping[str, bool | Unknown] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    absent: frozenset[str] = frozenset()
    loops: Mapping[str, Unknown] = field(default_factory=dict)
    faults: tuple[Problem, ...] = ()
    surroundings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    refer: Callable[[str, str], Any] = field(default=Reference, repr=False, compare=False)
    derived: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What others worked out of this stack and ask again: a copy with a change begins anew."""

    def reference(self, logical_id: str, attribute: str = "") -> Any:
        """What ``Ref`` of a resource, or an attribute of it, gives in this stack."""
        return self.refer(logical_id, attribute)

    def pseudo(self, name: str) -> Any:
        """What ``Ref`` of a pseudo parameter, such as ``AWS::Region``, gives in this stack."""
        unknown = Unknown({"Ref": name}, f"{name} is not given", "pseudo")
        return self.surroundings.get(name, unknown)

    @cached_property
    def bodies(self) -> dict[str, dict[str, Any]]:
        """All resources as plain JSON, by logical id."""
        return {name: each.body for name, each in self.resources.items()}

    def of(self, *types: str) -> Iterator[Resource]:
        """The resources of these types, such as ``AWS::ECS::Service``."""
        # Checks ask for one type many times a stack; the table is made once.
        found = [kind for kind in types if kind in self._by_type]
        if len(found) < 2:  # noqa: PLR2004 - several types keep the template's order
            return iter(self._by_type[found[0]] if found else ())
        return (each for each in self.resources.values() if each.type in found)

    @cached_property
    def _by_type(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for each in self.resources.values():
            found.setdefault(each.type, []).append(each)
        return found

    def referred(self, value: Any, *types: str) -> Resource | None:
        """The resource that a value names: by a reference, or by the text that it gives.

        None where it names none of this stack; with ``types``, only one of them.
        """
        for each in references(value):
            found = self.resources.get(each.logical_id)
            if found is not None and (not types or found.type in types):
                return found
        whole = text(value)
        if whole is None:
            return None
        for name, reference in self._named:
            if whole == name and (not types or self.resources[reference].type in types):
                return self.resources[reference]
        return None

    @cached_property
    def _named(self) -> list[tuple[str, str]]:
        """Texts that mean a resource: what Ref and ARN of it give, where that is known."""
        found = []
        for name, each in self.resources.items():
            for attribute in ("", "Arn"):
                given = text(self.reference(name, attribute))
                if given is not None:
                    found.append((given, each.logical_id))
        return found

    @cached_property
    def unknown(self) -> tuple[Unknown, ...]:
        """Everything in resources, outputs and conditions that could not be known, once each."""
        found: list[Unknown] = []
        for each in self.resources.values():
            found += unknowns([each.properties, each.attributes, each.open])
        for output in self.outputs.values():
            found += unknowns([output.value, output.export, output.open])
        found += unknowns(list(self.loops.values()))
        seen: dict[str, Unknown] = {}
        for one in found:
            seen.setdefault(one.reason, one)
        return tuple(seen.values())

    def line(self, logical_id: str, *path: str | int) -> int:
        """The line of a value of a resource, or of the nearest thing around it.

        ``path`` leads through the resolved body: ``"Properties", "Subnets", 0``.
        """
        return self.template.line(self.place(logical_id, *path))

    def place(self, logical_id: str, *path: str | int) -> Place:
        """Where a value of a resource stands in the template as it is written."""
        body = self.resources[logical_id].written if logical_id in self.resources else None
        loop = self.resources[logical_id].loop if logical_id in self.resources else None
        start: Place = ("Resources", logical_id)
        if loop is not None:
            return ("Resources", f"{loops.LOOP}{loop}")
        return self._followed(body, path, start)

    def _followed(self, raw: Any, path: tuple[str | int, ...], place: Place) -> Place:
        """The way through what is written, where decided conditions have been put in."""
        # As deep as a document may be nested at all (`document.DEEPEST`).
        for _ in range(100):
            match raw:
                case {"Fn::If": [str() as name, then, otherwise]} if len(raw) == 1:
                    held = self.conditions.get(name)
                    if not isinstance(held, bool):
                        return place
                    raw = then if held else otherwise
                    place = (*place, "Fn::If", 1 if held else 2)
                    continue
            break
        if not path:
            return place
        part, *rest = path
        if isinstance(raw, dict) and part in raw:
            return self._followed(raw[str(part)], tuple(rest), (*place, part))
        if isinstance(raw, list) and isinstance(part, int):
            present = [at for at, each in enumerate(raw) if not self._left_out(each)]
            if part < len(present):
                at = present[part]
                return self._followed(raw[at], tuple(rest), (*place, at))
        return place

    def _left_out(self, raw: Any) -> bool:
        match raw:
            case {"Ref": "AWS::NoValue"}:
                return True
            case {"Fn::If": [str() as name, then, otherwise]}:
                held = self.conditions.get(name)
                return isinstance(held, bool) and self._left_out(then if held else otherwise)
        return False


def resolve(
    template: Template,
    values: Values | None = None,
    surroundings: Mapping[str, Any] | None = None,
    *,
    stored: Mapping[str, str] | None = None,
    strict: bool = False,
) -> Stack:
    """``template`` with parameter values and the pseudo parameters that are known.

    A value is a text, or for a list a text with commas or a list. ``surroundings`` are as
    ``pseudo_parameters.surroundings`` gives them; ``stored`` has what Parameter Store gave for
    parameters of its types, where AWS said so. With ``strict`` the first thing that CloudFormation
    would refuse is raised as a Problem with its line; without, it is an Unknown of the kind
    ``malformed`` and one of ``Stack.faults``. Circles of conditions and of resources are
    raised in any case.
    """
    evaluator = Evaluator(template, values or {}, surroundings or {}, stored or {}, strict=strict)
    bodies, unknown_loops, origins = loops.expanded(
        evaluator, template.section("Resources"), ("Resources",)
    )
    # Before any value: references are looked up among the resources, whichever loop made them.
    evaluator.resources = {
        name: body for name, body in bodies.items() if isinstance(body, dict) and "Type" in body
    }
    conditions = {
        name: evaluator.condition(name, ("Conditions", name)) for name in evaluator.definitions
    }
    resources: dict[str, Resource] = {}
    absent = set()
    for name, body in evaluator.resources.items():
        found = _resource(evaluator, name, body, origins.get(name))
        if found is None:
            absent.add(name)
        else:
            resources[name] = found
    for name, body in bodies.items():
        if name not in evaluator.resources:
            unknown_loops[name] = _made_by_macro(evaluator, name, body)
    outputs, more, _ = loops.expanded(evaluator, template.section("Outputs"), ("Outputs",))
    stack = Stack(
        template=template,
        resources=resources,
        outputs={
            name: made
            for name, body in outputs.items()
            if (made := _output(evaluator, name, body)) is not None
        },
        rules=tuple(_rules(evaluator)),
        conditions=conditions,
        parameters=evaluator.given,
        absent=frozenset(absent),
        loops={**unknown_loops, **more},
        faults=tuple(evaluator.faults.values()),
        surroundings=surroundings or {},
        refer=lambda name, attribute: evaluator.resource(name, attribute, ()),
    )
    _refuse_circles(stack)
    return stack


def _resource(
    evaluator: Evaluator, name: str, body: Mapping[str, Any], loop: str | None
) -> Resource | None:
    place: Place = ("Resources", name)
    holds, condition = _held(evaluator, body, place)
    if holds is False:
        return None
    properties = evaluator.value(body.get("Properties") or {}, (*place, "Properties"))
    attributes = {
        each: evaluator.value(body[each], (*place, each)) for each in ATTRIBUTES if each in body
    }
    # Properties that a macro makes as a whole: they keep a shape that everybody can read.
    if isinstance(properties, Unknown):
        properties = {"Fn::Transform": properties}
    return Resource(
        logical_id=name,
        type=str(body.get("Type")),
        properties=properties if isinstance(properties, dict) else {},
        attributes={key: each for key, each in attributes.items() if each is not NOTHING},
        depends_on=_dependencies(evaluator, body.get("DependsOn"), (*place, "DependsOn")),
        condition=condition,
        exists=None if isinstance(holds, Unknown) else True,
        open=holds if isinstance(holds, Unknown) else None,
        loop=loop,
        written=body,
    )


def _held(
    evaluator: Evaluator, body: Mapping[str, Any], place: Place
) -> tuple[bool | Unknown, str | None]:
    if "Condition" not in body:
        return True, None
    found = evaluator.condition(body["Condition"], (*place, "Condition"))
    return found, body["Condition"] if isinstance(body["Condition"], str) else None


def _dependencies(evaluator: Evaluator, value: Any, place: Place) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [] if value is None else [value]
    for each in listed:
        if not (isinstance(each, str) and each in evaluator.resources) and not evaluator.has_macros:
            evaluator.fault(
                f"DependsOn names {str(each)[:60]}", "the template has no resource of that name",
                "Correct the name, or take it out", place,
            )  # fmt: skip
    return tuple(each for each in listed if isinstance(each, str))


def _made_by_macro(evaluator: Evaluator, name: str, body: Any) -> Unknown:
    found = evaluator.present(body, ("Resources", name))
    return Unknown({name: found}, f"a macro makes {name}", "transform", evaluator.given)


def _output(evaluator: Evaluator, name: str, body: Any) -> Output | None:
    place: Place = ("Outputs", name)
    if not isinstance(body, dict):
        return Output(name, _made_by_macro(evaluator, name, body))
    holds, condition = _held(evaluator, body, place)
    if holds is False:
        return None
    export = body.get("Export")
    exported = export.get("Name") if isinstance(export, dict) else export
    return Output(
        name=name,
        value=evaluator.present(body.get("Value"), (*place, "Value")),
        export=None
        if exported is None
        else evaluator.present(exported, (*place, "Export", "Name")),
        description=body.get("Description"),
        condition=condition,
        exists=None if isinstance(holds, Unknown) else True,
        open=holds if isinstance(holds, Unknown) else None,
    )


def _rules(evaluator: Evaluator) -> Iterator[ParameterRule]:
    for name, body in evaluator.template.section("Rules").items():
        place: Place = ("Rules", name)
        applies: bool | Unknown = True
        if "RuleCondition" in body:
            applies = evaluator.condition(body["RuleCondition"], (*place, "RuleCondition"))
        listed = body.get("Assertions")
        assertions = []
        for at, each in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(each, dict) and "Assert" in each:
                held = evaluator.condition(each["Assert"], (*place, "Assertions", at, "Assert"))
                described = scalar(each.get("AssertDescription")) or ""
                assertions.append(Assertion(_decided(held), described))
        yield ParameterRule(str(name), _decided(applies), tuple(assertions))


def _decided(held: bool | Unknown) -> bool | None:
    return None if isinstance(held, Unknown) else held


def _refuse_circles(stack: Stack) -> None:
    """Raises Problem where resources refer to each other in a circle.

    What stands only on one side of an open condition is left out: it may not be there.
    """
    following = {
        name: list(dict.fromkeys((*_certain([each.properties]), *each.depends_on)))
        for name, each in stack.resources.items()
        if each.exists
    }
    done: set[str] = set()
    for start, first in following.items():
        way: list[str] = []
        stacked: list[tuple[str, Iterator[str]]] = []
        if start not in done:
            way.append(start)
            stacked.append((start, iter(first)))
        # Without recursion: a chain of 500 resources, CloudFormation's limit, comes near Python's
        # own.
        while stacked:
            name, rest = stacked[-1]
            for each in rest:
                if each in way:
                    circle = [*way[way.index(each) :], each]
                    raise stack.template.problem(
                        f"{each} depends on itself",
                        " -> ".join(circle),
                        "Take one of the references out, or give a name instead",
                        ("Resources", each),
                    )
                if each in following and each not in done:
                    way.append(each)
                    stacked.append((each, iter(following[each])))
                    break
            else:
                done.add(name)
                way.pop()
                stacked.pop()


def _certain(value: Any) -> Iterator[str]:
    """The logical ids that a value surely refers to."""
    if isinstance(value, str):
        return
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            if not isinstance(each, str):
                yield from _certain(each)
    elif isinstance(value, Reference):
        yield value.logical_id
    elif isinstance(value, Text):
        yield from (each.logical_id for each in references(value))
    elif isinstance(value, Unknown) and value.kind not in ("condition", "mapping"):
        yield from _certain(value.expression)


def transforms_unknown(stack: Stack) -> list[str]:
    """The names of macros that make of the template what does not stand in it."""
    return [each for each in stack.template.transforms if each != LANGUAGE_EXTENSIONS]
