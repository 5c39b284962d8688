"""How a container says that it cannot reach something, in the words of its libraries. Pure."""

import re
from collections.abc import Iterable

WORDS = (
    # Node.js and libuv, POSIX
    r"\b(?:ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)\b",
    r"socket hang up|getaddrinfo|UND_ERR_CONNECT_TIMEOUT|fetch failed",
    # the resolver, and the system's own words
    r"could not resolve host|name resolution|name or service not known|no such host",
    r"connection (?:refused|reset|timed out)|network is unreachable|no route to host",
    r"operation timed out|i/o timeout|TLS handshake timeout",
    # AWS's libraries
    r"could not connect to the endpoint|connect timeout on endpoint|read timeout on endpoint",
    r"UnknownEndpoint|NetworkingError|TimeoutError: .*(?:connect|socket)",
    # git and ssh
    r"unable to access 'https?://|could not read from remote repository|ssh: connect to host",
    r"failed to connect to \S+ port",
)
_ANY = re.compile("|".join(WORDS), re.IGNORECASE)


def found(lines: Iterable[str]) -> list[str]:
    """The lines that tell of a network error, in their order."""
    return [line for line in lines if _ANY.search(line)]
