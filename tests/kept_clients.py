"""The commands of all tests share AWS sessions and clients, each command with its own account.

A command is a process of its own to whoever runs it, and makes its clients once. Here thousands
run in one process, and making clients anew was a third of what they cost. What is kept is only
what an environment alone decides, and only between commands: a test's own clients are new.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from workerstack.deployer.aws import Clients

Key = tuple[Any, ...]
KEY_ID = "AWS_ACCESS_KEY_ID"
_OWN_OF_EACH = frozenset({KEY_ID, "PYTEST_CURRENT_TEST"})
_SESSIONS: dict[Key, Any] = {}
_CLIENTS: dict[int, dict[Key, Any]] = {}
_LOCK = threading.RLock()
"""Making a client is not safe between threads, and here they share a session."""


def _key(clients: Clients) -> Key:
    surroundings = sorted(item for item in os.environ.items() if item[0] not in _OWN_OF_EACH)
    return (clients.profile, clients.region, *surroundings)


@contextmanager
def kept() -> Iterator[None]:
    """While it lasts, clients come from those of the commands before, where there are any."""
    new_session, new_client = Clients._session, Clients._client

    def session(self: Clients) -> Any:
        with _LOCK:
            found = _SESSIONS.get(_key(self))
            if found is None:
                found = new_session(self)
                credentials = found.get_credentials()
                if credentials is None or credentials.method != "env":
                    return found
                _SESSIONS[_key(self)] = found
                _CLIENTS[id(found)] = {}
            # Signing reads it at each request.
            found.get_credentials().access_key = os.environ[KEY_ID]
            return found

    def client(self: Clients, service: str) -> Any:
        with _LOCK:
            session = self._made.get("") or self._made.setdefault("", self._session())
            of_session = _CLIENTS.get(id(session))
            if of_session is None:
                return new_client(self, service)
            key = (service, self.region, self.endpoint_url)
            if key not in of_session:
                of_session[key] = new_client(self, service)
            return of_session[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Clients, "_session", session)
        patched.setattr(Clients, "_client", client)
        try:
            yield
        finally:
            for of_session in _CLIENTS.values():
                for each in of_session.values():
                    each.close()
