"""What ECS offers inside a task: agent, credentials, metadata; and a protector that runs there."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.interpreter import Interpreter, Program
from workerstack.localaws.walkthrough import REGION

BLOCKED = "DEPLOYMENT_BLOCKED"
"""ECS refuses to protect while protected tasks hold up a deployment, and never to release."""

PROTECTOR = Path(__file__).parents[2] / "protector" / "protector.py"
IN_A_FORK = """
import os, runpy, sys
log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND)
os.dup2(log, 2)
runpy.run_path(sys.argv[1], run_name="__main__")
"""
Process = subprocess.Popen[str] | Program
_MAKING = threading.Lock()
"""Making a client is not safe between threads."""


@dataclass
class FakeEcs:
    """Answers as the agent does; what it is to do wrong is set while it runs."""

    account: str
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    failure: str = ""
    error: int = 0
    slow: float = 0
    protected: bool = False
    desired: str = "RUNNING"
    worker: str = "RUNNING"
    lives: timedelta = timedelta(hours=6)
    fetched: int = 0

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if path == "/role":
            self.fetched += 1
            ends = datetime.now(UTC) + self.lives
            return 200, {
                "AccessKeyId": self.account, "SecretAccessKey": "secret", "Token": "token",
                "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }  # fmt: skip
        if path == "/meta/task":
            known = [{"Name": "protector", "KnownStatus": "RUNNING"}]
            known += [{"Name": "worker", "KnownStatus": self.worker}]
            return 200, {"DesiredStatus": self.desired, "Containers": known}
        assert (method, path) == ("PUT", "/agent/task-protection/v1/state")
        asked = json.loads(body)
        self.asked.append(asked)
        if self.error:
            return self.error, {"error": {"Code": "AccessDeniedException", "Message": "no"}}
        if self.failure and not (self.failure == BLOCKED and not asked["ProtectionEnabled"]):
            return 200, {"failure": {"Arn": "arn:task", "Reason": self.failure, "Detail": ""}}
        self.protected = asked["ProtectionEnabled"]
        return 200, {"protection": {"ProtectionEnabled": self.protected, "TaskArn": "arn:task"}}

    @property
    def on(self) -> int:
        return sum(each["ProtectionEnabled"] for each in self.asked)


@contextmanager
def fake_ecs(account: str) -> Iterator[FakeEcs]:
    ecs = FakeEcs(account)

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.command == "PUT":
                time.sleep(ecs.slow)
            status, told = ecs.answer(self.command, self.path, body)
            self.send_response(status)
            self.end_headers()
            try:
                self.wfile.write(json.dumps(told).encode())
            except ConnectionError:
                self.close_connection = True  # whoever asked has not waited

        do_PUT = do_GET  # noqa: N815 - the library's name

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None: ...

    with Server(("127.0.0.1", 0), Handler) as server:
        ecs.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield ecs
        server.shutdown()
        thread.join()


@dataclass
class Protector:
    """A protector in a process of its own, as the worker's container sees it."""

    url: str
    queue_url: str
    process: Process
    log: Path

    def client(self, **config: Any) -> Any:
        with _MAKING:
            return boto3.client(
                "sqs", endpoint_url=self.url, region_name=REGION, aws_access_key_id="worker",
                aws_secret_access_key="nothing",  # noqa: S106 - the protector signs anew
                config=Config(**config),
            )  # fmt: skip


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def start(
    ecs: FakeEcs, queue_url: str, folder: Path, python: Interpreter | None = None, port: int = 0,
    **more: str,
) -> Protector:  # fmt: skip
    """By Python itself, or forked from an interpreter that has imported what it imports."""
    port = port or free_port()
    given = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{ecs.url}/role", "AWS_REGION": REGION,
        "ECS_AGENT_URI": f"{ecs.url}/agent", "ECS_CONTAINER_METADATA_URI_V4": f"{ecs.url}/meta",
        "HEARTBEAT_SECONDS": "1", "LONGEST_JOB_SECONDS": "60", "ONE_AT_A_TIME": "false",
        "PORT": str(port), "PROTECTION_MINUTES": "120", "QUEUE_URL": queue_url,
        "STOP_TIMEOUT_SECONDS": "30", "WORKER": "worker", "PATH": os.environ["PATH"],
    }  # fmt: skip
    log = folder / f"protector-{port}.log"
    process: Process
    with log.open("a") as output:
        if python:
            words = ("-c", IN_A_FORK, str(PROTECTOR), str(log))
            process = python.begin(*words, folder=folder, **given | more)
        else:
            process = subprocess.Popen(
                [sys.executable, "-I", str(PROTECTOR)], env=given | more, stderr=output, text=True
            )
    until(lambda: _listens(port) or process.poll() is not None)
    assert process.poll() is None, log.read_text()
    name = "/".join(queue_url.split("/")[3:])
    return Protector(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}/{name}", process, log)


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def until(true: Callable[[], object], within: float = 20) -> None:
    """Waits for something that happens in another process."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
