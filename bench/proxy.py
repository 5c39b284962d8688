"""An unreliable network: HTTP in front of an endpoint, with faults that a seed decides."""

import json
import random
import re
import socket
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, quote, urlsplit
from xml.sax.saxutils import unescape

from bench.unexpected import UNEXPECTED, unexpected

if TYPE_CHECKING:
    from collections.abc import Callable

STALE = frozenset({"DescribeStacks", "DescribeStackEvents", "DescribeChangeSet", "ListChangeSets"})
PAGE = 4
"""Events on a page of DescribeStackEvents; AWS has a hundred, the endpoint all on one."""

ERROR = (
    "<ErrorResponse><Error><Type>{}</Type><Code>{}</Code><Message>made up</Message></Error>"
    "<RequestId>0</RequestId></ErrorResponse>"
)
OPENED, CLOSED, MEMBER = b"<StackEvents>", b"</StackEvents>", b"</member>"
NEXT = re.compile(rb"<NextToken>(.*?)</NextToken>", re.DOTALL)
Answer = tuple[int, list[tuple[str, str]], bytes]


class Faults:
    """Which fault each request meets; ``share`` is the part of the requests that meet one.

    Some come as storms: the same fault for more requests in a row than botocore has attempts.
    """

    KINDS = (
        "delay", "throttle", "error", "drop before", "drop after", "half", "stale",
        "page twice", "page missing", "expired",
        *UNEXPECTED, *(f"{each} after" for each in UNEXPECTED),
    )  # fmt: skip
    WEIGHTS = (6, 6, 6, 4, 4, 4, 6, 6, 6, 1, *[1] * len(UNEXPECTED) * 2)
    STORMS = 0.08
    LENGTHS = (8, 40)
    LASTING = frozenset(
        {"throttle", "error", "drop before", "drop after", "half", "stale", *KINDS[10:]}
    )

    def __init__(self, seed: int, share: float) -> None:
        self._random = random.Random(seed)
        self._share = share
        self._storm: list[str] = []
        self.on = True
        self.met: Counter[str] = Counter()

    def next(self, action: str) -> str:  # noqa: ARG002 - for those who choose by it
        """The fault of the next request, which is an ``action``; nothing for most."""
        if not self.on:
            return ""
        if not self._storm:
            if self._random.random() >= self._share:
                return ""
            self._storm = self._next()
        kind = self._storm.pop()
        self.met[kind] += 1
        return kind

    def _next(self) -> list[str]:
        [kind] = self._random.choices(self.KINDS, self.WEIGHTS)
        if kind in self.LASTING and self._random.random() < self.STORMS:
            self.met["storm"] += 1
            return [kind] * self._random.randint(*self.LENGTHS)
        return [kind]


class Proxy:
    """A running proxy; ``url`` is what ``--endpoint-url`` takes."""

    def __init__(self, upstream: str, faults: Faults, page: int = PAGE) -> None:
        """``page``: how many events a page of DescribeStackEvents has."""
        self._page = page
        self.faults = faults
        self.expired = False
        self._upstream = urlsplit(upstream).netloc
        self._last: dict[str, Answer] = {}
        # Each client's connection has a thread here, and that one a connection of its own.
        self._kept = threading.local()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.on_request: Callable[[str], None] = lambda _: None
        self.on_answer: Callable[[str], None] = lambda _: None
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def quiet(self) -> None:
        """From here on all goes well."""
        self.faults.on = False

    def sign_in(self) -> None:
        """New credentials."""
        self.expired = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body are sent one after the other; with Nagle's algorithm the body
            # waits until the client has acknowledged the head, 40 ms later.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                proxy.handle(self)

            do_GET = do_HEAD = do_PUT = do_DELETE = do_POST  # noqa: N815 - as http.server has it

            def finish(self) -> None:
                super().finish()
                proxy.hang_up()

            def log_message(self, *_: object) -> None:
                """Nothing is logged."""

        return Handler

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        """Answers one request, or fails to."""
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        query = parse_qs(body.decode(errors="replace"))
        action = query.get("Action", [request.headers.get("X-Amz-Target", "")])[0]
        self.on_request(action)
        # What is not asked by an action (EFS, S3) goes through: its errors are of another form.
        fault = self.faults.next(action.rpartition(".")[2]) if action else ""
        self.expired = self.expired or fault == "expired"
        is_json = "X-Amz-Target" in request.headers
        if self.expired:
            return _send(request, _error(403, "Sender", "ExpiredToken", is_json=is_json))
        made_up = {
            "throttle": _error(400, "Sender", "Throttling", is_json=is_json),
            "error": _error(500, "Receiver", "Internal", is_json=is_json),
            **{each: unexpected(each, action, None) for each in UNEXPECTED},
        }
        if fault in made_up:
            return _send(request, made_up[fault])
        if fault == "drop before":
            return _drop(request)
        if fault == "delay":
            time.sleep(0.02)
        start = query.get("NextToken", ["0"])[0]
        key = f"{action} {query.get('StackName')} {query.get('ChangeSetName')} {start}"
        # One more than this page has says whether there is another one.
        most = int(start) + self._page + 1 if action == "DescribeStackEvents" else 0
        answer = self._forward(request, body, most)
        self.on_answer(action)
        if fault == "stale" and action in STALE and key in self._last:
            answer = self._last[key]
        elif answer[0] == 200:
            self._last[key] = answer
        if action == "DescribeStackEvents":
            answer = _paged(answer, start, fault, self._page)
        if fault == "drop after":
            return _drop(request)
        if fault.removesuffix(" after") in UNEXPECTED:
            answer = unexpected(fault.removesuffix(" after"), action, answer)
        return _send(request, answer, half=fault == "half")

    def hang_up(self) -> None:
        """Ends the connection to the endpoint that this thread has, if it has one."""
        if hasattr(self._kept, "connection"):
            self._kept.connection.close()

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes, most: int) -> Answer:
        """What the endpoint answers; of events as many of its pages as have ``most`` of them."""
        if b"Action=DescribeStackEvents" not in body:
            return self._asked(request, body)
        sent = re.sub(rb"&?NextToken=[^&]*", b"", body)
        status, headers, content = self._asked(request, sent)
        page = content
        pages = [_members(content)]
        while sum(map(len, pages)) < most and status == 200 and (more := NEXT.search(page)):
            token = quote(unescape(more[1].decode())).encode()
            _, _, page = self._asked(request, sent + b"&NextToken=" + token)
            pages.append(_members(page))
        found = b"".join(each for listed in pages[1:] for each in listed)
        content = NEXT.sub(b"", content).replace(CLOSED, found + CLOSED)
        return status, headers, content

    def _asked(self, request: BaseHTTPRequestHandler, body: bytes) -> Answer:
        headers = {k: v for k, v in request.headers.items() if k.lower() != "content-length"}
        if not hasattr(self._kept, "connection"):
            self._kept.connection = HTTPConnection(self._upstream, timeout=30)
        connection = self._kept.connection
        is_kept = connection.sock is not None
        try:
            return _exchanged(connection, request, body, headers)
        except (HTTPException, OSError) as error:
            connection.close()
            if not is_kept or not isinstance(error, ConnectionError):
                raise
            return _exchanged(connection, request, body, headers)  # it was idle for too long


def _exchanged(
    connection: HTTPConnection,
    request: BaseHTTPRequestHandler,
    body: bytes,
    headers: dict[str, str],
) -> Answer:
    connection.request(request.command, request.path, body, headers)
    found = connection.getresponse()
    content = found.read()
    kept = [(k, v) for k, v in found.getheaders() if k.lower() in ("content-type",)]
    return found.status, kept, content


def _paged(answer: Answer, start: str, fault: str, size: int) -> Answer:
    """One page of the events; at a fault the page before again, or no next page."""
    status, headers, content = answer
    head, opened, rest = content.partition(OPENED)
    if not opened:
        return answer
    members = _members(content)
    first = max(int(start) - (size if fault == "page twice" else 0), 0)
    page, following = members[first : first + size], first + size
    more = following < len(members) and fault != "page missing"
    token = b"<NextToken>%d</NextToken>" % following if more else b""
    tail = rest.rpartition(CLOSED)[2]
    return status, headers, b"".join((head, opened, *page, CLOSED, token, tail))


def _members(content: bytes) -> list[bytes]:
    """The events of an answer; no event has a member of its own."""
    listed = content.partition(OPENED)[2].rpartition(CLOSED)[0]
    return [each + MEMBER for each in listed.split(MEMBER)[:-1]]


def _error(status: int, kind: str, code: str, *, is_json: bool) -> Answer:
    if is_json:
        content = json.dumps({"__type": code, "message": "made up"})
        return status, [("Content-Type", "application/x-amz-json-1.1")], content.encode()
    return status, [("Content-Type", "text/xml")], ERROR.format(kind, code).encode()


def _send(request: BaseHTTPRequestHandler, answer: Answer, *, half: bool = False) -> None:
    status, headers, content = answer
    try:
        request.send_response(status)
        for name, value in headers:
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: len(content) // 2] if half else content)
        request.wfile.flush()
    except OSError:
        request.close_connection = True
        return
    if half:
        _drop(request)


def _drop(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
    try:
        request.connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
