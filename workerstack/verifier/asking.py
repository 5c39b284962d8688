"""Asking AWS what is there: an answer, nothing there, or no permission to know.

Source: IAM, Service Authorization Reference (action names); each service's "Common errors".
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any

from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import code_of

Ask = Callable[..., Any]
"""``ask(service, operation, **request)``: one call of AWS; see ``asked``."""

GONE = re.compile(r"NotFound|NoSuch|NonExistent|DoesNotExist|NotExist")
DENIED = re.compile(r"AccessDenied|Unauthorized|AuthorizationError|NotAuthorized|Forbidden")
TOLD = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")

PREFIXES = {"monitoring": "cloudwatch"}
"""Where IAM's prefix of a service is not the name that its requests are signed with."""


class NotAllowedError(Exception):
    """The caller may not ask; ``action`` is IAM's name of what is missing."""

    def __init__(self, action: str) -> None:
        super().__init__(f"no permission for {action}")
        self.action = action


class GoneError(Exception):
    """What was asked for does not exist."""


def asked(clients: Clients) -> Ask:
    """A function that calls AWS; raises NotAllowedError, GoneError, or botocore's own errors."""

    def ask(service: str, operation: str, /, **request: Any) -> Any:
        client = clients(service)
        with understood(client.meta.service_model.signing_name):
            if client.can_paginate(operation):
                return client.get_paginator(operation).paginate(**request).build_full_result()
            return getattr(client, operation)(**request)

    return ask


def asked_once(clients: Clients) -> Ask:
    """As ``asked``, and what was answered stays answered: for a report on one moment.

    Whoever asks must not change an answer. Threads may share it: the second that asks the same
    waits for the first. Errors are not kept.
    """
    ask = asked(clients)
    answers: dict[str, Any] = {}
    asking: defaultdict[str, Lock] = defaultdict(Lock)
    choosing = Lock()

    def ask_once(service: str, operation: str, /, **request: Any) -> Any:
        question = repr((service, operation, sorted(request.items())))
        with choosing:
            own = asking[question]
        with own:
            if question not in answers:
                answers[question] = ask(service, operation, **request)
            return answers[question]

    return ask_once


@contextmanager
def understood(service: str) -> Iterator[None]:
    """Raises NotAllowedError and GoneError for AWS's own words of it; ``service`` as it is signed.

    Other errors of botocore go through.
    """
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        code = code_of(error)
        # S3 says "denied" also of what does not exist, where the caller may not list: so it is
        # never taken for gone.
        if DENIED.search(code):
            raise NotAllowedError(_action(service, error)) from error
        if GONE.search(code):
            raise GoneError(code) from error
        raise


def _action(prefix: str, error: Any) -> str:
    """IAM's name of the action, which most services tell in their message."""
    told = TOLD.search(str(error.response.get("Error", {}).get("Message", "")))
    if told:
        return told[1]
    return f"{PREFIXES.get(prefix, prefix)}:{error.operation_name}"


class NotAllowed(Mapping[str, Any]):
    """Properties that could not be read: whoever looks at them raises NotAllowedError."""

    def __init__(self, action: str) -> None:
        self.action = action

    def __getitem__(self, name: str) -> Any:
        raise NotAllowedError(self.action)

    def __iter__(self) -> Iterator[str]:
        raise NotAllowedError(self.action)

    def __len__(self) -> int:
        raise NotAllowedError(self.action)

    def __contains__(self, name: object) -> bool:
        raise NotAllowedError(self.action)
