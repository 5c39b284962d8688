"""A whole Review from two templates, without AWS: predicted, and saying what it cannot know."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from workerstack.cloudformation import (
    Parameter,
    Reference,
    Resource,
    Stack,
    Template,
    Text,
    Unknown,
    canonical,
    could_be_equal,
    differences,
    equal,
    from_data,
    plain,
    references,
    resolve,
    surroundings,
    unknowns,
)
from workerstack.cloudformation.identity import own_name
from workerstack.cloudformation.logical_ids import written_references
from workerstack.cloudformation.resolve import ATTRIBUTES, transforms_unknown
from workerstack.cloudformation.schemas import (
    Names,
    is_tagged,
    recreation,
)
from workerstack.review import case as cases
from workerstack.review import certain, compare, findings, simulate_change
from workerstack.review.case import Facts
from workerstack.review.compare import HIDDEN, StackSide
from workerstack.review.model import (
    UNKNOWN,
    Binding,
    ChangeSet,
    Notice,
    OtherChange,
    Part,
    PropertyChange,
    ResourceChange,
    Review,
    Where,
)
from workerstack.review.simulate_change import ScalingSide


def predict(
    before: Stack, after: Stack, *, tags_differ: bool = False
) -> tuple[ResourceChange, ...]:
    """Each change, by logical id in the order of the templates.

    A replacement is followed through the references to what is replaced, until nothing more
    follows; so is a change of what an attribute gives. Where a condition is open, and with it
    whether a resource is there, the action is ``Dynamic``, as AWS has it for what it decides
    later.
    """
    added = [_added(each) for name, each in after.resources.items()
             if name not in before.resources]  # fmt: skip
    removed = [_removed(each) for name, each in before.resources.items()
               if name not in after.resources]  # fmt: skip
    kept = {
        name: (before.resources[name], each)
        for name, each in after.resources.items()
        if name in before.resources
    }
    changed = frozenset(
        name for name, value in after.parameters.items()
        if name in before.parameters and not equal(before.parameters[name], value)
    )  # fmt: skip
    direct = {name: tuple(_direct(*pair, changed)) for name, pair in kept.items()}
    causes = _Causes()
    # To a fixed point: what is replaced changes what refers to it, which may be replaced by that.
    while True:
        found = {name: (*direct[name], *_following(pair[1], causes)) for name, pair in kept.items()}
        now = _Causes(
            {name: how for name, each in found.items() if (how := _replacement(each)) != "False"},
            {
                name: frozenset(c.name or "" for c in each if c.attribute == "Properties")
                for name, each in found.items()
            },
        )
        if now == causes:
            break
        causes = now
    modified = [
        _dynamic(*kept[name])
        if not _same_existence(*kept[name])
        else _modified(
            *kept[name], each, causes.replaced.get(name, "False"), tags_differ=tags_differ
        )
        for name, each in found.items()
    ]
    return (*removed, *(change for change in modified if change.scope), *added)


@dataclass(frozen=True)
class _Causes:
    """What is replaced and how surely, and which properties of each resource change."""

    replaced: Mapping[str, str] = field(default_factory=dict)
    changed: Mapping[str, frozenset[str]] = field(default_factory=dict)


def parts(*stacks: Stack) -> tuple[Part, ...]:
    """Every resource of the stacks with what it refers to, or depends on, within them."""
    found = {name: each for stack in stacks for name, each in stack.resources.items()}
    return tuple(
        Part(
            logical_id=name,
            type=each.type,
            refers_to=tuple(
                dict.fromkeys(
                    target
                    for target in (
                        *(one.logical_id for one in references(each.properties)),
                        *each.depends_on,
                    )
                    if target in found and target != name
                )
            ),
        )
        for name, each in found.items()
    )


def _same_existence(before: Resource, after: Resource) -> bool:
    return before.exists == after.exists and equal(before.open, after.open)


def _dynamic(before: Resource | None, after: Resource | None) -> ResourceChange:
    """Whether it comes, stays or goes is open."""
    one = after or before
    assert one is not None  # noqa: S101 - one of the two is given
    return ResourceChange(
        action="Dynamic", logical_id=one.logical_id, type=one.type, scope=("Condition",),
        before=None if before is None else before.body,
        after=None if after is None else after.body,
        description=_description(one), from_templates=True,
    )  # fmt: skip


def _added(one: Resource) -> ResourceChange:
    if one.exists is None:
        return _dynamic(None, one)
    return ResourceChange(
        action="Add", logical_id=one.logical_id, type=one.type, after=one.body,
        description=_description(one), from_templates=True,
    )  # fmt: skip


def _removed(one: Resource) -> ResourceChange:
    if one.exists is None:
        return _dynamic(one, None)
    return ResourceChange(
        action="Remove", logical_id=one.logical_id, type=one.type, before=one.body,
        policy_action=_policy(one, "DeletionPolicy"), description=_description(one),
        from_templates=True,
    )  # fmt: skip


def _modified(
    before: Resource,
    after: Resource,
    changes: tuple[PropertyChange, ...],
    replacement: str,
    *,
    tags_differ: bool,
) -> ResourceChange:
    if tags_differ and is_tagged(after.type):
        tags = PropertyChange(
            attribute="Tags", requires_recreation="Never", evaluation="Static",
            change_source="DirectModification",
        )  # fmt: skip
        changes = (*changes, tags)
    policy = _policy(after, "UpdateReplacePolicy")
    return ResourceChange(
        action="Modify",
        logical_id=after.logical_id,
        type=after.type,
        replacement=replacement,
        policy_action=f"ReplaceAnd{policy}" if replacement != "False" else None,
        scope=tuple(dict.fromkeys(str(change.attribute) for change in changes)),
        properties=changes,
        before=before.body,
        after=after.body,
        description=_description(after),
        from_templates=True,
    )


def _policy(one: Resource, attribute: str) -> str:
    given = one.attributes.get(attribute, one.default_policy(attribute))
    # A change set's PolicyAction knows Retain alone: of a resource that exists both keep it.
    return str(plain(given)).replace("RetainExceptOnCreate", "Retain")


def _description(one: Resource) -> str | None:
    found = one.metadata.get("Description")
    return None if found is None else str(plain(found))


def _direct(
    before: Resource, after: Resource, parameters: frozenset[str] = frozenset()
) -> Iterator[PropertyChange]:
    """What is written differently; ``parameters`` are those that have another value."""
    kind = after.type
    if before.type != kind:
        yield PropertyChange(
            attribute="Type", name=None, path="/Type", before=before.type, after=kind,
            values_given=True, requires_recreation="Always", evaluation="Static",
            change_source="DirectModification",
        )  # fmt: skip
    for found in differences(before.properties, after.properties):
        names = found.names if found.names else found.path
        yield PropertyChange(
            attribute="Properties",
            name=found.path[0] if found.path else None,
            path=f"/Properties{found.pointer}",
            before=plain(found.before),
            after=plain(found.after),
            values_given=True,
            requires_recreation=recreation(kind, names),
            evaluation="Dynamic" if _is_open(found.before, found.after) else "Static",
            **_source(before, after, found.path[0] if found.path else "", parameters),
            change_type=_change_type(found.before, found.after),
        )
    for attribute in ATTRIBUTES:
        old, new = before.attributes.get(attribute), after.attributes.get(attribute)
        for found in differences(old, new):
            yield PropertyChange(
                attribute=attribute, path=f"/{attribute}{found.pointer}",
                before=plain(found.before), after=plain(found.after), values_given=True,
                requires_recreation="Never", evaluation="Static",
                change_source="DirectModification",
            )  # fmt: skip


def _source(
    before: Resource, after: Resource, name: str, parameters: frozenset[str]
) -> dict[str, Any]:
    """The parameter that changes a property, where its text is the same and names one."""
    written = [each.written.get("Properties") for each in (before, after)]
    one, other = (each.get(name) if isinstance(each, Mapping) else None for each in written)
    if one == other and parameters:
        named = [each for each in _names(other) if each in parameters]
        if named:
            return {"change_source": "ParameterReference", "causing_entity": named[0]}
    return {"change_source": "DirectModification"}


def _names(value: Any) -> Iterator[str]:
    """What ``Ref`` and ``Fn::Sub`` name, however deep."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key == "Ref":
                yield str(each)
            elif key == "Fn::Sub":
                text = each[0] if isinstance(each, list) and each else each
                yield from re.findall(r"\$\{([^!}.]+)\}", str(text))
                yield from _names(each[1:] if isinstance(each, list) else None)
            else:
                yield from _names(each)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each)


def _is_open(before: Any, after: Any) -> bool:
    """Whether two values that are written differently may yet come to the same."""
    if UNKNOWN in str(plain(after)):
        return True
    unknown = any(True for _ in unknowns([before, after]))
    return unknown and could_be_equal(before, after) is None


def _change_type(before: Any, after: Any) -> str:
    return "Add" if before is None else "Remove" if after is None else "Modify"


def _following(
    after: Resource,
    causes: _Causes,
) -> Iterator[PropertyChange]:
    """The properties whose value comes from what is replaced, or from what changes there.

    AWS evaluates as Static what follows from a certain replacement (15 of 15 recorded). A Ref
    from which a name is made, as the last part of a queue's URL, is a Ref there and no attribute.
    """
    written: frozenset[Any] | None = None
    for path, names, value in _leaves(after.properties, (), ()):
        for each in references(value):
            how = causes.replaced.get(each.logical_id)
            if how is None and not causes.changed.get(each.logical_id):
                continue
            if written is None:
                written = frozenset(written_references(after.written.get("Properties")))
            attribute = each.attribute if (each.logical_id, "") not in written or (
                each.logical_id, each.attribute
            ) in written else ""  # fmt: skip
            if how is None and not attribute:
                # It compares templates and not values: each Fn::GetAtt of what changes is listed,
                # an ARN too, which cannot change (coverage roadmap 2113, 759). `certain` says so.
                continue
            yield PropertyChange(
                attribute="Properties",
                name=names[0],
                path="/Properties" + "".join(f"/{part}" for part in path),
                before=plain(value),
                after=UNKNOWN,
                values_given=True,
                requires_recreation=recreation(after.type, names),
                evaluation="Static" if how == "True" else "Dynamic",
                change_source="ResourceAttribute" if attribute else "ResourceReference",
                causing_entity=f"{each.logical_id}.{attribute}" if attribute else each.logical_id,
            )


def _leaves(value: Any, path: Names, names: Names) -> Iterator[tuple[Names, Names, Any]]:
    """Each deepest place of a body that is not plain data."""
    if isinstance(value, Reference | Text | Unknown):
        if path:
            yield path, names, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, (*path, str(name)), (*names, str(name)))
    elif isinstance(value, list):
        for position, each in enumerate(value):
            yield from _leaves(each, (*path, str(position)), names)


def _replacement(changes: tuple[PropertyChange, ...]) -> str:
    """``True`` for a change that is sure and forces it, ``Conditional`` for one that may."""
    answers = {(change.requires_recreation, change.evaluation) for change in changes}
    if ("Always", "Static") in answers:
        return "True"
    may = ("Always", "Dynamic") in answers or any(how == "Conditionally" for how, _ in answers)
    return "Conditional" if may else "False"


def fill(
    changes: tuple[ResourceChange, ...],
    before: Stack,
    after: Stack,
    predicted: Iterable[ResourceChange] | None = None,
) -> tuple[ResourceChange, ...]:
    """The changes; those without bodies get them, and their properties' values.

    Which resources change, how and why remains what AWS said.
    """
    silent = [change for change in changes if change.before is None and change.after is None]
    if not silent:
        return changes
    found = predict(before, after) if predicted is None else predicted
    by_name = {change.logical_id: change for change in found}
    return tuple(
        _filled(change, by_name.get(change.logical_id), before, after)
        if change.before is None and change.after is None
        else change
        for change in changes
    )


def _filled(
    change: ResourceChange, predicted: ResourceChange | None, before: Stack, after: Stack
) -> ResourceChange:
    old = None if change.action == "Add" else before.resources.get(change.logical_id)
    new = None if change.action == "Remove" else after.resources.get(change.logical_id)
    if old is None and new is None:
        return change
    bodies = _body(old), _body(new)
    told = tuple(_valued(each, *(body or {} for body in bodies)) for each in change.properties)
    return change.model_copy(
        update={
            "before": bodies[0],
            "after": bodies[1],
            "properties": told or (predicted.properties if predicted else ()),
            "from_templates": True,
        }
    )


def _body(one: Resource | None) -> dict[str, Any] | None:
    return None if one is None else one.body


def _valued(
    change: PropertyChange, before: Mapping[str, Any], after: Mapping[str, Any]
) -> PropertyChange:
    if change.values_given or not change.attribute:
        return change
    old, new = before.get(change.attribute), after.get(change.attribute)
    if change.name:
        old = old.get(change.name) if isinstance(old, Mapping) else None
        new = new.get(change.name) if isinstance(new, Mapping) else None
    if old is None and new is None:
        return change
    return change.model_copy(update={"before": old, "after": new, "values_given": True})


NOT_ASKED = "running tasks, messages in flight and importing stacks, since AWS was not called"


@dataclass(frozen=True)
class TemplateSide:
    """One of the two templates with its values; empty where there is no stack.

    ``document`` is the template as it was read, where errors shall name its lines.
    """

    template: Mapping[str, Any] = field(default_factory=lambda: {"Resources": {}})
    values: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    document: Template | None = None

    @cached_property
    def source(self) -> Template:
        """The template, checked; raises Problem where it is none."""
        return self.document or from_data(self.template)

    @property
    def declared(self) -> Mapping[str, Parameter]:
        """What it says of its parameters."""
        return self.source.parameters

    @property
    def parameters(self) -> dict[str, str]:
        """Each declared parameter's value; of a hidden one nothing, of one in SSM its name."""
        found = {}
        for name, declared in self.declared.items():
            value = self.values.get(name, declared.default)
            if value is not None and not declared.no_echo:
                found[name] = f"{{{{resolve:ssm:{value}}}}}" if declared.is_stored else value
        return found

    @property
    def hidden(self) -> dict[str, str | None]:
        """Its hidden parameters with their values, to compare them and for nothing else."""
        return {
            name: self.values.get(name, declared.default)
            for name, declared in self.declared.items()
            if declared.no_echo
        }

    def resolved(self, known: Mapping[str, str]) -> Stack:
        """The template with its values."""
        return resolve(self.source, self.values, known)


class Prediction(NamedTuple):
    """A review, and what may change besides though it cannot be decided; sentences."""

    review: Review
    open: tuple[str, ...]

    @property
    def may_change(self) -> bool:
        """Whether anything changes, or is open: then nobody may say that nothing does."""
        return bool(self.review.resources or self.review.others or self.open)


def predict_review(
    before: TemplateSide,
    after: TemplateSide,
    *,
    name: str,
    account: str = "",
    region: str = "",
    stack: str = "",
) -> Review:
    """The review alone, of ``foresee``."""
    return foresee(before, after, name=name, account=account, region=region, stack=stack).review


def foresee(
    before: TemplateSide,
    after: TemplateSide,
    *,
    name: str,
    account: str = "",
    region: str = "",
    stack: str = "",
) -> Prediction:
    """What a change set from ``before`` to ``after`` would say; nothing in it can be executed.

    ``account``, ``region`` and ``stack`` are empty where they are not known. Raises Problem
    where a template is none.
    """
    known = surroundings(account, region, stack)
    old, new = before.resolved(known), after.resolved(known)
    is_new = not before.template["Resources"]
    open_ = () if is_new else tuple(_open(old, new))
    resources = certain.proved(
        predict(old, new, tags_differ=before.tags != after.tags and not is_new), old, new
    )
    case = cases.Case(
        is_new=is_new,
        resources=certain.in_sight(resources),
        others=tuple(_others(before, after, old, new, is_new=is_new)),
        before=old.bodies,
        after=new.bodies,
        facts=Facts(account=account),
        resolved=(old, new),
    )
    case = replace(case, access=findings.access(case))
    review = Review(
        where=Where(
            deployment=name, account=account, region=region, caller="", stack_name=stack,
            stack_id="",
        ),
        change_set=ChangeSet(
            arn="", name="", type="CREATE" if is_new else "UPDATE", created="",
            status="PREDICTED", execution_status="UNAVAILABLE",
        ),
        resources=resources,
        others=case.others,
        findings=findings.judge(case),
        access=case.access,
        notices=tuple(_refused(old, new)),
        parts=parts(old, new),
        unknown=_once(
            (*open_, *not_known(old), *not_known(new), *_names_not_seen(case), NOT_ASKED)
        ),
        predicted=True,
        scaling=simulate_change.effect(
            case.resources,
            ScalingSide(before.template, before.parameters),
            ScalingSide(after.template, after.parameters),
        ),
        binding=Binding(),
    )  # fmt: skip
    return Prediction(review, open_)


def _names_not_seen(case: cases.Case) -> Iterator[str]:
    """Names written down where CloudFormation made one: only the account tells whether it is that.

    Then the update fails, since the old resource still has the name; what a review with AWS
    says as `custom-name-replaced`.
    """
    for change in case.changes(action="Modify"):
        name = own_name(change.type)
        if not name or change.replacement != "True":
            continue
        old, new = cases.properties(change.before), cases.properties(change.after)
        given = new.get(name)
        if old.get(name) is None and given is not None:
            value = f" {given}" if cases.known(given) else ", which is given now,"
            yield (
                f"whether {change.logical_id} has the {name}{value} already, from"
                " CloudFormation: then it cannot be replaced, and the update fails"
            )


def _others(
    before: TemplateSide, after: TemplateSide, old: Stack, new: Stack, *, is_new: bool
) -> Iterator[OtherChange]:
    """What changes besides the resources; a hidden value that is the same is no change."""
    same = {
        name for name, value in after.hidden.items()
        if name in before.hidden and before.hidden[name] == value
    }  # fmt: skip
    hidden = (before.hidden.keys() | after.hidden.keys()) - same
    sides = []
    for side, stack in ((before, old), (after, new)):
        shown = {**side.parameters, **dict.fromkeys(side.hidden.keys() - same, HIDDEN)}
        outputs = {
            name: {"Value": plain(each.value)}
            | ({} if each.export is None else {"Export": {"Name": plain(each.export)}})
            for name, each in stack.outputs.items()
        }
        sides.append(StackSide({**side.template, "Outputs": outputs}, shown, side.tags))
    yield from compare.compare(StackSide() if is_new else sides[0], sides[1], hidden)


def not_known(stack: Stack) -> tuple[str, ...]:
    """Sentences on what could not be known of a stack."""
    conditions = [
        f"whether {each.logical_id} exists: the condition {each.condition} is open,"
        f" {each.open.reason}"
        for each in stack.resources.values()
        if each.open is not None
    ]
    loops = [f"{_short(name)}: {each.reason}" for name, each in stack.loops.items()]
    macros = [f"what the transform {name} makes of the template" for name in
              transforms_unknown(stack)]  # fmt: skip
    asked = [
        each.reason
        for each in stack.unknown
        if each.kind not in ("pseudo", "function", "condition", "mapping", "resource")
    ]
    return tuple(dict.fromkeys((*conditions, *loops, *macros, *asked)))


def _once(sentences: Sequence[str]) -> tuple[str, ...]:
    """Each sentence that no other one has as its reason."""
    each = tuple(dict.fromkeys(sentences))
    return tuple(one for one in each if not any(one in other and one != other for other in each))


def _open(old: Stack, new: Stack) -> Iterator[str]:
    """What may change besides the resources that are listed, though it cannot be decided."""
    yield from _open_macros(old, new)
    yield from _open_faults(old, new)
    for name in {**old.loops, **new.loops}:
        one, other = old.loops.get(name), new.loops.get(name)
        if not equal(one, other):
            reason = (other or one).reason  # type: ignore[union-attr]
            yield f"what {_short(name)} makes may change: {reason}"
    loops = {name: each.loop for stack in (old, new) for name, each in stack.resources.items()}
    expanded = {loop for name, loop in loops.items() if loop and not _same(old, new, name)}
    for loop in sorted(expanded):
        yield (
            f"the loop {loop} is expanded here; CloudFormation's transform"
            " AWS::LanguageExtensions has the last word"
        )
    for name, each in new.resources.items():
        for found in unknowns([each.properties, each.attributes, each.open]):
            if found.kind == "stored":
                yield f"{name} may change: {found.reason}, which may be another one by now"
    for name, output in {**old.outputs, **new.outputs}.items():
        one_output, other_output = old.outputs.get(name), new.outputs.get(name)
        if not equal(one_output and one_output.open, other_output and other_output.open):
            yield f"whether the output {name} exists: the condition {output.condition} is open"


def _open_faults(old: Stack, new: Stack) -> Iterator[str]:
    """What CloudFormation refuses now and did not before: the update will not begin."""
    known = {(each.what, each.why) for each in old.faults}
    for fault in new.faults:
        if (fault.what, fault.why) not in known:
            yield f"CloudFormation refuses the new template: {fault.what}, {fault.why}"


def _same(old: Stack, new: Stack, name: str) -> bool:
    one, other = old.resources.get(name), new.resources.get(name)
    if one is None or other is None:
        return False
    return equal(one.properties, other.properties) and equal(one.attributes, other.attributes)


def _open_macros(old: Stack, new: Stack) -> Iterator[str]:
    """What a macro makes of templates or values that differ."""
    macros = [*transforms_unknown(old), *transforms_unknown(new)]
    if not macros:
        return
    sides = [canonical(stack.template.data) for stack in (old, new)]
    values = [canonical(stack.parameters) for stack in (old, new)]
    if sides[0] != sides[1] or values[0] != values[1]:
        for name in dict.fromkeys(macros):
            yield f"what the transform {name} makes of the template may change"


def _short(name: str) -> str:
    """``the loop Lanes`` for the key of a loop."""
    loop = name.removeprefix("Fn::ForEach::")
    return f"the loop {loop}" if loop != name else name


def _refused(old: Stack, new: Stack) -> list[Notice]:
    """What CloudFormation refuses before it begins."""
    faults = [
        Notice(source="prediction", mode="FAIL", logical_id="", text=f"{each.what}: {each.why}",
               next_step=each.next_step)
        for each in new.faults
    ]  # fmt: skip
    return faults + [
        Notice(
            source="prediction",
            mode="FAIL",
            logical_id=name,
            text="CloudFormation refuses to change the type of a resource, here from"
            f" {old.resources[name].type} to {each.type}",
            next_step="Give the new resource another logical id",
        )
        for name, each in new.resources.items()
        if name in old.resources and old.resources[name].type != each.type
    ]
