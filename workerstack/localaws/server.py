"""The endpoint itself: MiniStack in a thread, on the loopback interface, on a free port."""

import asyncio
import os
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

READY_WITHIN = 20
"""Seconds in which the endpoint answers; it takes less than one."""


class Endpoint:
    """A running endpoint; ``url`` is what ``--endpoint-url`` takes."""

    def __init__(self, listener: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._descriptor = listener.detach()  # hypercorn closes it
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._application = _application()
        self._thread = threading.Thread(target=self._serve, name="localaws", daemon=True)
        self._thread.start()
        self._wait_until_ready()

    def _serve(self) -> None:
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        config = Config()
        config.bind = [f"fd://{self._descriptor}"]
        config.loglevel = "ERROR"
        config.errorlog = None
        config.graceful_timeout = 0.1
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(
            serve(self._application, config, shutdown_trigger=self._stopping.wait)
        )
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _wait_until_ready(self) -> None:
        import urllib.request

        # A proxy of the environment would be asked for 127.0.0.1 as well.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(f"{self.url}/_ministack/health", timeout=READY_WITHIN) as answer:
            answer.read()

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer to a request that comes over no connection."""
        asked = urlsplit(url)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": asked.scheme,
            "path": unquote(asked.path) or "/",
            "raw_path": (asked.path or "/").encode(),
            "query_string": asked.query.encode(),
            "headers": [
                (name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()
            ],
            "client": ("127.0.0.1", 0),
            "server": (asked.hostname, asked.port),
        }
        answer = asyncio.run_coroutine_threadsafe(self._answer(scope, body), self._loop)
        return answer.result()

    async def _answer(
        self, scope: dict[str, Any], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        from workerstack.localaws.authorization import again

        told: list[Any] = []

        async def nothing_more() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            told.append(message)

        await self._application(scope, again(body, nothing_more), send)
        start = next(each for each in told if each["type"] == "http.response.start")
        fields = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]
        }
        content = b"".join(each.get("body", b"") for each in told if each is not start)
        return start["status"], fields, b"" if scope["method"] == "HEAD" else content

    def stop(self) -> None:
        """Ends the endpoint; everything in it is forgotten. Doing it twice changes nothing."""
        if not self._thread.is_alive():
            return
        from workerstack.localaws import completion

        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(READY_WITHIN)
        if self._thread.is_alive():
            raise TimeoutError(f"{self.url} did not end within {READY_WITHIN} s")
        completion.forget()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _application() -> Any:
    """What answers; MiniStack reads its settings when it is imported."""
    from ministack.app import app

    from workerstack.localaws.authorization import Edge

    return Edge(app)


def start(port: int = 0) -> Endpoint:
    """An endpoint on ``port`` of 127.0.0.1, by default on a free one.

    The account is the access key id when that is twelve digits, so that every test can
    have an account of its own. Capabilities are enforced. Raises OSError if the port is
    taken or forbidden. One at a time in a process: MiniStack keeps its state in modules.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except BaseException:
        listener.close()
        raise
    os.environ.update(
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(listener.getsockname()[1]),
        AUTH="true",
        LOG_LEVEL="ERROR",
        IOT_MTLS_ENABLED="0",  # else a second port, where cryptography is installed
        SFTP_ENABLED="0",
    )
    from workerstack.localaws import completion

    completion.install()
    return Endpoint(listener)
