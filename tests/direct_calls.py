"""Calls of the tests' clients reach the embedded endpoint without a socket between them.

The endpoint's server and botocore's connections take two thirds of what a call costs, and the
suite makes tens of thousands. Everything else stays as it is: the client signs and serialises,
what it would send is what the endpoint's application gets, and what that answers is what the
client parses. A client of any other address goes there, and so does every program that a test
starts.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from workerstack.deployer.aws import Clients
from workerstack.localaws import Endpoint, walkthrough


class _Body(io.BytesIO):
    """An answer's body, as botocore reads one."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


@contextmanager
def direct(endpoint: Endpoint) -> Iterator[None]:
    """While it lasts, the clients of our tool and of our tests ask this endpoint itself."""
    from botocore.awsrequest import AWSResponse
    from botocore.config import Config

    def answer(request: Any, **_: Any) -> Any:
        if not request.url.startswith(f"{endpoint.url}/"):
            return None
        body = request.body or b""
        if hasattr(body, "read"):
            body = body.read()
        headers = {
            "Host": urlsplit(request.url).netloc,
            "Accept-Encoding": "identity",
            **{name: _text(value) for name, value in request.headers.items()},
        }
        status, told, content = endpoint.ask(
            request.method, request.url, headers, body if isinstance(body, bytes) else body.encode()
        )
        heard: Any = told
        return AWSResponse(request.url, status, heard, _Body(content))

    def answered(session: Any) -> Any:
        # Last: a test that answers an operation itself is asked before.
        session.events.register_last("before-send", answer, unique_id="direct")
        # Else botocore makes it up twice a call, of fifteen parts: a fifth of what a call costs.
        session._session.set_default_client_config(Config(user_agent="tests"))
        return session

    ours, of_tests = Clients._session, walkthrough._session
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Clients, "_session", lambda self: answered(ours(self)))
        patched.setattr(walkthrough, "_session", lambda: answered(of_tests()))
        yield
    of_tests.cache_clear()


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
