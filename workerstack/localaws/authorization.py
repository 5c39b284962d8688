"""IAM, for callers with policies: what these do not allow is refused, as AWS refuses it.

A test admits a caller under an access key of his own; everybody else may do anything. What
CloudFormation does for a stack is asked of its service role, or of whoever began it.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from workerstack.cloudformation.policies import AccessRequest, Answer, Policy, decide, read
from workerstack.localaws import provisioning, requested_actions
from workerstack.localaws.requested_actions import AskedAction

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass
class Caller:
    """Who has policies: what he asked, and what was refused, with the reason."""

    name: str
    account: str
    policies: tuple[Policy, ...]
    asked: set[tuple[str, str]] = field(default_factory=set)
    questions: list[AskedAction] = field(default_factory=list)
    refused: list[tuple[AskedAction, str]] = field(default_factory=list)

    def may(self, question: AskedAction) -> bool:
        """Whether his policies allow it; kept, as is what they do not."""
        place = (question.action, question.resource)
        if place not in self.asked:
            self.asked.add(place)
            self.questions.append(question)
        decision = decide(
            self.policies, AccessRequest(question.action, question.resource, question.context)
        )
        if decision.answer is not Answer.ALLOWED:
            self.refused.append((question, decision.reason))
        return decision.answer is Answer.ALLOWED


_CALLERS: dict[str, Caller] = {}
_ROLES: dict[str, Caller] = {}
_ROLE_OF: dict[tuple[str, str], str] = {}
_ACTING: ContextVar[Caller | None] = ContextVar("acting", default=None)


def admit(key: str, account: str, documents: Iterable[Mapping[str, Any]]) -> Caller:
    """From now on the access key is somebody of that account with these policies."""
    return _CALLERS.setdefault(key, Caller(key, account, tuple(map(read, documents))))


def admit_role(arn: str, documents: Iterable[Mapping[str, Any]]) -> Caller:
    """From now on CloudFormation, where it acts with this role, has these policies."""
    return _ROLES.setdefault(arn, Caller(arn, arn.split(":")[4], tuple(map(read, documents))))


def forget() -> None:
    """Nobody has policies any more."""
    for each in (_CALLERS, _ROLES, _ROLE_OF):
        each.clear()


class Edge:
    """In front of the endpoint's application: asks, refuses, or lets through."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or not _CALLERS:
            await self.app(scope, receive, send)
            return
        body = await _whole(receive)
        request = _request(scope, body)
        caller = _CALLERS.get(request.key) if request else None
        if request is None or caller is None:
            await self.app(scope, again(body, receive), send)
            return
        request = replace(request, account=caller.account)
        for question in self._questions(request):
            if not caller.may(question):
                await _refuse(request, question, caller, send)
                return
        self._note_role(request)
        # Kept in a context variable: requests are answered concurrently, and CloudFormation acts
        # within them.
        token = _ACTING.set(caller)
        try:
            await self.app(_as_account(scope, caller), again(body, receive), send)
        finally:
            _ACTING.reset(token)

    def _questions(self, request: requested_actions.SignedRequest) -> Iterator[AskedAction]:
        yield from requested_actions.questions(request)
        if requested_actions.operation(request) == "DetectStackDrift":
            yield from provisioning.read_for_drift(request)

    def _note_role(self, request: requested_actions.SignedRequest) -> None:
        role = request.text("RoleARN")
        if role and request.service == "cloudformation":
            _ROLE_OF[request.account, requested_actions.stack_name(request)] = role


async def _whole(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return body


def again(body: bytes, receive: Receive) -> Receive:
    """The body once more, for the application; then whatever still comes."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def once_more() -> Message:
        return waiting.pop() if waiting else await receive()

    return once_more


def _request(scope: Scope, body: bytes) -> requested_actions.SignedRequest | None:
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope.get("query_string", b"").decode()
    return requested_actions.read(scope["method"], scope["path"], query, headers, body)


def _as_account(scope: Scope, caller: Caller) -> Scope:
    """The same request of the account itself, which MiniStack lets do anything."""
    credential = f"Credential={caller.name}/".encode()
    headers = [
        (name, value.replace(credential, f"Credential={caller.account}/".encode()))
        for name, value in scope["headers"]
    ]
    return {**scope, "headers": headers}


async def _refuse(
    request: requested_actions.SignedRequest, question: AskedAction, caller: Caller, send: Send
) -> None:
    from ministack.core.iam_actions import access_denied_response

    status, headers, body = access_denied_response(
        request.signed_for,
        question.action,
        f"arn:aws:iam::{caller.account}:user/{caller.name}",
        "00000000-0000-0000-0000-000000000000",
        headers=dict(request.headers),
        resource_arn=question.resource,
    )
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    pairs.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})


def acting_for(stack: str) -> Caller | None:
    """Whose rights CloudFormation uses for a stack; None where nobody has policies."""
    caller = _ACTING.get()
    if caller is None:
        return None
    role = _ROLE_OF.get((caller.account, stack))
    return _ROLES.get(role, caller) if role else caller


def install(stacks: Any, provisioners: Any) -> None:
    """Wraps what makes, changes and deletes resources; doing it twice changes nothing."""
    if hasattr(stacks._provision_resource, "asks"):
        return
    create, update = stacks._provision_resource, stacks._update_resource
    delete = stacks._delete_resource

    def provision(kind: str, logical_id: str, properties: Any, stack: str) -> Any:
        """An id is known once there is one: what may not be is taken back at once."""
        made = create(kind, logical_id, properties, stack)
        try:
            _ask(kind, "create", made[0], properties, stack)
        except PermissionError:
            delete(kind, made[0], properties, stack, logical_id)
            raise
        return made

    def change(
        kind: str, physical_id: str, old: Any, new: Any, stack: str, logical_id: str, *more: Any
    ) -> Any:
        if old != new:
            replaces = provisioners._replacing_change(kind, old, new)
            handler = "create" if replaces else "update"
            _ask(kind, handler, physical_id, {**old, **new}, stack)
        return update(kind, physical_id, old, new, stack, logical_id, *more)

    def remove(
        kind: str, physical_id: str, properties: Any, stack: Any = None, logical_id: Any = None
    ) -> Any:
        _ask(kind, "delete", physical_id, properties, stack or "")
        return delete(kind, physical_id, properties, stack, logical_id)

    provision.asks = True  # type: ignore[attr-defined]
    stacks._provision_resource = provision
    stacks._update_resource = change
    stacks._delete_resource = remove


def _ask(kind: str, handler: str, physical_id: str, properties: Any, stack: str) -> None:
    """Raises PermissionError, as an event of the stack tells it, for what is not allowed."""
    acting = acting_for(stack)
    if acting is None:
        return
    for question in provisioning.questions(kind, handler, physical_id, properties, stack):
        if not acting.may(question):
            raise PermissionError(
                f"{acting.name} is not authorized to perform: {question.action} on resource:"
                f" {question.resource} (Status Code: 403, AccessDenied)"
            )
