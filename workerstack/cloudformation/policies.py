"""What IAM policies allow: read from documents as they stand in templates or come from AWS.

`read` takes a document, `decide` answers for an action on a resource. An answer is never
guessed: where a value is not known, the answer is UNKNOWN with the reason.
Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy element reference".
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from workerstack.cloudformation import policy_conditions
from workerstack.cloudformation.compare import is_function
from workerstack.cloudformation.policy_conditions import Test
from workerstack.cloudformation.policy_patterns import (
    Context,
    Opaque,
    Pattern,
    TooComplexError,
    Written,
    matches,
    pattern,
    pieces,
    shown,
    text,
    written,
)
from workerstack.cloudformation.truth import Maybe, Truth, all_of, any_of, negated

ALLOW, DENY = "Allow", "Deny"
EXTENDED = "2012-10-17"
"""The version that has policy variables; a document without a version is of the older one."""


@dataclass(frozen=True)
class Principal:
    """One principal that a statement names, or one that asks.

    `kind` is AWS, Service, Federated or CanonicalUser, and `*` for everybody, also anonymous.
    `name` is an ARN, an account, a service's or a provider's name, or what is not known.
    """

    kind: str
    name: str | Written

    @property
    def account(self) -> str | None:
        """The twelve digits of its account, where it has one that is known."""
        name = text(self.name) or ""
        found = re.fullmatch(r"(?:arn:[^:]*:(?:iam|sts)::)?(\d{12})(?::.*)?", name)
        return found[1] if found and self.kind == "AWS" else None

    def __str__(self) -> str:
        """For people."""
        return "everybody" if self.kind == "*" else f"{self.kind} {shown(self.name)}"


@dataclass(frozen=True)
class Statement:
    """One statement; `not_...` turns the list round, None is an element that does not stand there.

    `effect` is Opaque when it is not known, and None when it is none that IAM accepts.
    """

    effect: str | Opaque | None
    actions: tuple[str | Written, ...] = ()
    not_actions: bool = False
    resources: tuple[str | Written, ...] | None = None
    not_resources: bool = False
    principals: tuple[Principal, ...] | None = None
    not_principals: bool = False
    conditions: tuple[Test | Opaque, ...] = ()
    sid: str = ""
    variables: bool = True

    @cached_property
    def action_patterns(self) -> tuple[Pattern, ...]:
        """Its actions, in lower case."""
        found = (pattern(each, fold=True) for each in self.actions)
        return tuple(each for each in found if each is not None)

    def resource_patterns(self, context: Context) -> tuple[Pattern, ...]:
        """Its resources; one with a policy variable that has no value names nothing."""
        variables = context if self.variables else None
        found = (pattern(each, variables=variables) for each in self.resources or ())
        return tuple(each for each in found if each is not None)


@dataclass(frozen=True)
class Policy:
    """A document: its statements, and what in it is not known or no policy at all."""

    statements: tuple[Statement, ...] = ()
    unknown: tuple[Opaque, ...] = ()
    """Statements, or all of it, that may allow or deny anything."""
    problems: tuple[str, ...] = ()
    """Why IAM refuses it."""


def read(document: Any) -> Policy:
    """A policy from a mapping, a list of statements, JSON text (also URL-encoded), or an unknown.

    Never raises: what is no policy allows nothing and is named in `problems`. URL-encoded is what
    the API of IAM answers (GetRolePolicy); boto3 has decoded it already.
    """
    if isinstance(document, str):
        try:
            document = _loaded(document)
        except (ValueError, RecursionError) as error:
            return Policy(problems=(f"a policy that is not JSON: {error}",))
    if isinstance(document, (list, tuple)):
        document = {"Statement": document}
    if not isinstance(document, Mapping) or is_function(document):
        if document is None or isinstance(document, (bool, int, float, str)):
            return Policy(problems=(f"a policy that is {document!r}",))
        return Policy(unknown=tuple(_opaque(document)))
    elements = _elements(document)
    if "statement" not in elements:
        return Policy(problems=("a policy without a Statement",))
    members = elements["statement"]
    statements: list[Statement] = []
    unknown: list[Opaque] = []
    problems: list[str] = []
    for each in _listed(members):
        if isinstance(each, Mapping) and not is_function(each):
            found = _statement(_elements(each), variables=elements.get("version") == EXTENDED)
            statements.append(found)
            problems += _problems(found, _elements(each))
        elif each is None or isinstance(each, (bool, int, float, str, list, tuple)):
            problems.append(f"a statement that is {each!r}")
        else:
            unknown += _opaque(each)
    return Policy(tuple(statements), tuple(unknown), tuple(problems))


def _loaded(document: str) -> Any:
    return json.loads(unquote(document) if document.lstrip().startswith("%") else document)


def _opaque(value: Any) -> Iterator[Opaque]:
    for each in pieces(value):
        yield each if isinstance(each, Opaque) else Opaque(each)


def _elements(document: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in document.items()}


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _statement(elements: dict[str, Any], *, variables: bool) -> Statement:
    effect = elements.get("effect")
    if not isinstance(effect, str) and effect is not None:
        effect = text(effect) or next(_opaque(effect))
    sid = elements.get("sid")
    return Statement(
        effect=effect if effect in (ALLOW, DENY) or isinstance(effect, Opaque) else None,
        actions=_members(elements, "action") or (),
        not_actions="notaction" in elements,
        resources=_members(elements, "resource"),
        not_resources="notresource" in elements,
        principals=_principals(elements),
        not_principals="notprincipal" in elements,
        conditions=policy_conditions.read(elements.get("condition")),
        sid=sid if isinstance(sid, str) else "",
        variables=variables,
    )


def _members(elements: dict[str, Any], name: str) -> tuple[str | Written, ...] | None:
    for each in (name, f"not{name}"):
        if each in elements:
            return tuple(written(value) for value in _listed(elements[each]))
    return None


def _principals(elements: dict[str, Any]) -> tuple[Principal, ...] | None:
    for each in ("principal", "notprincipal"):
        if each in elements:
            return tuple(_named(_listed(elements[each])))
    return None


KINDS = {each.lower(): each for each in ("AWS", "Service", "Federated", "CanonicalUser")}


def _named(members: Iterable[Any]) -> Iterator[Principal]:
    for member in members:
        if isinstance(member, Mapping) and not is_function(member):
            for kind, names in member.items():
                for name in _listed(names):
                    # "*" and {"AWS": "*"} are the same (IAM User Guide, Principal).
                    is_all = name == "*" and str(kind).lower() == "aws"
                    yield Principal(
                        "*" if is_all else KINDS.get(str(kind).lower(), ""), written(name)
                    )
        else:
            yield Principal("*" if member == "*" else "AWS", written(member))


def _problems(statement: Statement, elements: dict[str, Any]) -> Iterator[str]:
    name = f"statement {statement.sid}" if statement.sid else "a statement"
    if statement.effect is None:
        yield f"{name} whose Effect is {elements.get('effect')!r}, not Allow or Deny"
    for each in ("action", "resource", "principal"):
        if each in elements and f"not{each}" in elements:
            yield f"{name} with both {each.capitalize()} and Not{each.capitalize()}"
    if not statement.actions:
        yield f"{name} without an Action"
    if statement.resources is None and statement.principals is None:
        yield f"{name} without a Resource"


class Answer(Enum):
    """What policies say to a request."""

    ALLOWED = "allowed"
    DENIED = "denied"
    """By a Deny, whatever else allows it."""
    NOT_ALLOWED = "not allowed"
    """By nothing that would allow it."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Decision:
    """An answer, why, and the statement that decided where one did."""

    answer: Answer
    reason: str
    statement: Statement | None = None


@dataclass(frozen=True)
class AccessRequest:
    """What is asked: an action on a resource (or on all that a pattern matches).

    `resource` None is the resource that the policy itself is attached to. `context` has the
    values of condition keys; a key that is not in it is not known, None is known to be absent.
    `principal` is who asks; None skips what policies say on principals (identity policies).
    """

    action: Any
    resource: Any = "*"
    context: Mapping[str, Any] | None = None
    principal: Principal | None = None

    @cached_property
    def keys(self) -> Context:
        """The context by lower-case key."""
        return {name.lower(): value for name, value in (self.context or {}).items()}

    @cached_property
    def action_pattern(self) -> Pattern:
        """The action in lower case."""
        return pattern(self.action, fold=True) or ()

    @cached_property
    def resource_pattern(self) -> Pattern:
        """The resource; what it contains in `${...}` is text."""
        return pattern(self.resource) or ()


def applies(statement: Statement, request: AccessRequest) -> Truth:
    """Whether a statement, whatever its effect, is about the request."""
    try:
        return all_of(_applies(statement, request))
    except TooComplexError as error:
        return Maybe(str(error))


def _applies(statement: Statement, request: AccessRequest) -> Iterator[Truth]:
    found = matches(request.action_pattern, statement.action_patterns)
    yield negated(found) if statement.not_actions else found
    if statement.resources is not None:
        if request.resource is not None:
            named = statement.resource_patterns(request.keys)
            found = matches(request.resource_pattern, named)
            yield negated(found) if statement.not_resources else found
    elif statement.principals is None:
        yield False
    if statement.principals is not None and request.principal is not None:
        found = any_of(names(each, request.principal) for each in statement.principals)
        yield negated(found) if statement.not_principals else found
    for each in statement.conditions:
        yield policy_conditions.holds(each, request.keys, variables=statement.variables)


def names(named: Principal, asking: Principal) -> Truth:
    """Whether what a statement names as principal is who asks, or his account, role or session.

    Source: IAM User Guide, "IAM JSON policy elements: Principal". An account (its number, or the
    ARN of its root) stands for all that belongs to it; a role for its sessions.
    """
    if named.kind != asking.kind or named.kind == "*":
        return named.kind == "*"
    wanted, asked = text(named.name), text(asking.name)
    if wanted is None or asked is None:
        unknown = named if wanted is None else asking
        return named.name == asking.name or Maybe(f"{unknown} is not known")
    if named.kind == "Service":
        return wanted.lower() == asked.lower() or wanted == "*"
    if named.kind != "AWS" or wanted == asked:
        return wanted in (asked, "*")
    if wanted == named.account or wanted.endswith(":root"):
        return named.account == asking.account
    session = re.fullmatch(r"arn:[^:]*:sts::(\d{12}):assumed-role/([^/]*)/.*", asked)
    role = re.fullmatch(r"arn:[^:]*:iam::(\d{12}):role/(?:.*/)?([^/]*)", wanted)
    return bool(session and role and session.groups() == role.groups())


def decide(
    policies: Iterable[Policy], request: AccessRequest, boundary: Sequence[Policy] | None = None
) -> Decision:
    """What the policies say together; with a boundary (or session policies), what both allow.

    A Deny in any of them wins. Asked about a pattern, an action is allowed when one statement
    allows it on all that the pattern matches; on a part only, the answer is UNKNOWN.
    """
    granting = list(policies)
    limits = [granting, *([list(boundary)] if boundary is not None else [])]
    everything = [policy for layer in limits for policy in layer]
    # Deny first: an explicit one wins over every Allow (IAM User Guide, "Policy evaluation logic").
    denied, by = _found(everything, request, DENY)
    if denied is True:
        return Decision(Answer.DENIED, f"{_said(by)} denies it", by)
    allowing = [_found(layer, request, ALLOW) for layer in limits]
    allowed = all_of(found for found, _ in allowing)
    if allowed is False:
        within = allowing[0][0] is not False
        why = "the permissions boundary does not allow it" if within else "no statement allows it"
        return Decision(Answer.NOT_ALLOWED, why)
    for each in (allowed, denied):
        if isinstance(each, Maybe):
            return Decision(Answer.UNKNOWN, each.reason)
    by = allowing[0][1]
    return Decision(Answer.ALLOWED, f"{_said(by)} allows it", by)


def _found(
    policies: Iterable[Policy], request: AccessRequest, effect: str
) -> tuple[Truth, Statement | None]:
    """Whether a statement of this effect is about the request, and which."""
    result: Truth = False
    for policy in policies:
        for statement in policy.statements:
            if statement.effect is None or statement.effect == _other(effect):
                continue
            found = applies(statement, request)
            if isinstance(statement.effect, Opaque) and found is True:
                found = Maybe(f"the effect {statement.effect.expression} is not known")
            if found is True:
                return True, statement
            result = any_of((result, found))
        for each in policy.unknown:
            result = any_of((result, Maybe(f"{each.expression} is not known: {each.reason}")))
    return result, None


def _other(effect: str) -> str:
    return DENY if effect == ALLOW else ALLOW


def _said(statement: Statement | None) -> str:
    if statement is not None and statement.sid:
        return f"the statement {statement.sid}"
    return "a statement"
