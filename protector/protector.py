"""Stands in for SQS beside a worker and protects its task; see README.md. Times in seconds."""

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.etree.ElementTree import XML

Words = Mapping[str, str]
Answer = tuple[int, Words, bytes]
LONGEST_POLL = 20  # seconds (SQS: WaitTimeSeconds)
FORWARDED = {"content-type", "user-agent", "x-amz-target", "x-amzn-query-mode"}
EMPTY = b"<ReceiveMessageResponse><ReceiveMessageResult/></ReceiveMessageResponse>"
OK, REFUSED, FAILED = 200, 400, 503


def say(text: str) -> None:
    """One line for the log: never a body, a receipt or a credential."""
    print(f"protector: {text}", file=sys.stderr, flush=True)


def ask_ecs(url: str, wanted: object = None) -> Any:
    """GET, or PUT of JSON, at ECS's own addresses inside the task; raises OSError."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    body, method = (json.dumps(wanted).encode(), "PUT") if wanted else (None, "GET")
    request = urllib.request.Request(url, body, method=method)  # noqa: S310 - ECS gave it
    try:
        with direct.open(request, timeout=3) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        told = f"{error.code} {error.read(500)!r}"
        if error.code in range(400, 500):
            return {"failure": told}
        raise OSError(told) from None
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"no answer that can be read: {error!r}") from error


def put_protection(agent: str, minutes: int, protect: bool) -> str:
    """What the agent has against it, "" if it agreed (ECS: "task scale-in protection endpoint")."""
    wanted = {"ProtectionEnabled": protect} | ({"ExpiresInMinutes": minutes} if protect else {})
    told = ask_ecs(f"{agent}/task-protection/v1/state", wanted)
    agreed = told.get("protection", {}).get("ProtectionEnabled") is protect
    return "" if agreed else json.dumps(told.get("failure", told))  # which comes with 200


@dataclass
class Message:
    """A message that the worker has; `due` is when its visibility is extended next."""

    queue_url: str
    since: float
    due: float


class Protection:
    """Whether the task is protected, and which messages are out."""

    clock = staticmethod(time.monotonic)
    IDLE = 10.0  # without work, after which the task is released
    MOMENT = 5.0  # for which a receive waits, a denial holds, and ECS may stop a released task

    def __init__(self, put: Callable[[bool], str], cover: float, one_at_a_time: bool) -> None:
        self.put, self.cover, self.one_at_a_time = put, cover, one_at_a_time
        self.changed = threading.Condition()
        self.out: dict[str, Message] = {}  # by receipt
        self.polls, self.draining, self.asking = 0, False, False  # polls: receives under way
        self.closing = False  # receives wait, so that an idle task can be released
        self.held = False  # protected, as far as one knows: what was not answered may be so
        self.until = 0.0  # what is received before is protected for `cover` more, at least
        self.next_try = self.last_work = 0.0

    def enter(self) -> bool:
        """Before a receive. False: answer with nothing, the messages stay in the queue."""
        deadline = self.clock() + self.MOMENT
        with self.changed:
            if self.one_at_a_time:
                self.out.clear()  # who asks again has ended what it had: the rest is tried anew
            while not self.draining and (now := self.clock()) < deadline:
                if now < self.until and not self.closing:
                    self.polls += 1
                    return True
                if self.closing or self.asking or now < self.next_try:
                    self.changed.wait(0.1)
                else:
                    self._ask(True)
            self.changed.wait(0.5)  # a worker that asks in a loop shall not spin
            return False

    def leave(self, received: Mapping[str, Message]) -> None:
        """After a receive, before its answer goes to the worker."""
        with self.changed:
            self.polls -= 1
            self.out |= received
            if received:
                self.closing, self.last_work = False, self.clock()

    def settle(self, receipt: str, hidden: str | int = 0) -> None:
        """Deleted, returned or given up; what the worker has hidden itself, is extended anew."""
        with self.changed:
            self.last_work = self.clock()
            message = self.out.pop(receipt, None)
            if message and int(hidden):
                message.due, self.out[receipt] = 0.0, message

    def tick(self) -> None:
        """Once a second: renews while messages are out, releases when nothing was for a while."""
        with self.changed:
            now = self.clock()
            ready = now >= self.next_try and not self.asking
            if self.out and ready and now >= self.until:
                self._ask(True)
            elif self.held and not self.out and now - self.last_work >= self.IDLE:
                self.closing = True  # else the long polls of several receivers overlap for ever
                if ready and not self.polls:
                    self._ask(False)
                    self.closing, self.last_work = False, self.clock()

    def _ask(self, protect: bool) -> None:
        """One call to the agent. The lock is let go meanwhile: deletes must not wait for it."""
        self.asking, asked, what = True, self.clock(), "on" if protect else "off"
        self.until = self.until if protect else 0.0  # from here on, whatever the answer
        self.changed.release()
        try:
            refusal = self.put(protect)
            self.held = self.held if refusal else protect
        except OSError as error:
            refusal, self.held = f"no answer: {error}", True
        finally:
            self.changed.acquire()
            self.asking = False
        if refusal:
            say(f"protection {what} was denied, again in {self.MOMENT:g} s: {refusal}")
        else:
            say(f"protection {what}")
            self.until, self.last_work = asked + self.cover if protect else 0.0, self.clock()
        self.next_try = self.clock() + (0 if protect and not refusal else self.MOMENT)


def signed(url: str, headers: Words, body: bytes, by: Words, region: str, stamp: str) -> Words:
    """The headers of a POST at `stamp`, 20260101T000000Z, with a signature (IAM: "SigV4")."""
    parts, sent = urlsplit(url), {name.lower(): value.strip() for name, value in headers.items()}
    sent |= {"host": parts.netloc, "x-amz-date": stamp, "x-amz-security-token": by["Token"]}
    names = sorted(name for name in sent if name in ("content-type", "host") or "x-amz-" in name)
    lines = [f"{name}:{' '.join(sent[name].split())}" for name in names]
    digest, listed = hashlib.sha256(body).hexdigest(), ";".join(names)
    path = quote(parts.path or "/", safe="/~")
    text = "\n".join(["POST", path, "", *lines, "", listed, digest])
    scope = f"{stamp[:8]}/{region}/sqs/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(text.encode()).hexdigest()}"
    key = f"AWS4{by['SecretAccessKey']}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    who = f"AWS4-HMAC-SHA256 Credential={by['AccessKeyId']}/{scope}"
    return sent | {"authorization": f"{who}, SignedHeaders={listed}, Signature={key.hex()}"}


class Queue:
    """SQS itself, as the task's role; `base` is its scheme and host. One connection a thread."""

    def __init__(self, base: str, region: str, heartbeat: float, fetch: Callable[[], Any]) -> None:
        self.base, self.region, self.fetch, self.heartbeat = base, region, fetch, heartbeat
        self.lease = max(1, int(3 * heartbeat))  # two heartbeats may fail
        self.own, self.lock, self.next_fetch = threading.local(), threading.Lock(), 0.0
        self.held: dict[str, str] = {}

    def credentials(self) -> Words:
        """The role's, fetched anew five minutes before they end; raises OSError without any."""
        with self.lock:
            if time.time() >= self.next_fetch:
                try:
                    fetched = self.fetch()
                    ends = datetime.fromisoformat(fetched["Expiration"]).timestamp()
                    self.held, self.next_fetch = fetched, ends - 300
                except (OSError, ValueError, KeyError) as error:
                    say(f"credentials cannot be had, again in 5 s: {error!r}")
                    self.next_fetch = time.time() + 5
            if not self.held:
                raise OSError("the role's credentials cannot be had")
            return self.held

    def call(self, path: str, headers: Words, body: bytes) -> Answer:
        """Raises OSError; whether SQS has done it is then not known."""
        url, stamp = self.base + path, datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        ready = signed(url, headers, body, self.credentials(), self.region, stamp)
        connection = self.own.__dict__.pop("connection", None)
        try:
            try:
                connection.request("POST", path, body, ready)
                answer = connection.getresponse()
            except (AttributeError, ConnectionError):  # none yet, or ended by SQS while idle
                secure, host = url.startswith("https:"), urlsplit(url).netloc
                kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
                connection = kind(host, timeout=2 * LONGEST_POLL)
                connection.request("POST", path, body, ready)
                answer = connection.getresponse()
            told = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise OSError(f"SQS cannot be reached: {error!r}") from error
        self.own.connection = connection
        return answer.status, answer.headers, told

    def hide(self, messages: Mapping[str, Message], seconds: int) -> None:
        """Hides messages for so long from now; raises OSError."""
        target = "AmazonSQS.ChangeMessageVisibility"
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": target}
        for receipt, message in messages.items():
            wanted = {"QueueUrl": message.queue_url, "ReceiptHandle": receipt}
            body = json.dumps(wanted | {"VisibilityTimeout": seconds}).encode()
            status, _, answer = self.call("/", headers, body)
            if status not in (OK, REFUSED):  # refused: the worker has just deleted it
                raise OSError(f"SQS answered {status}: {answer[:500]!r}")
            message.due = time.monotonic() + self.heartbeat


class Handler(BaseHTTPRequestHandler):
    """One connection of the worker's, in a thread of its own; JSON and query protocol."""

    protocol_version, disable_nagle_algorithm, wbufsize = "HTTP/1.1", True, -1

    def __init__(self, protection: Protection, queue: Queue, base: str, *more: Any) -> None:
        self.protection, self.queue, self.base = protection, queue, base
        with contextlib.suppress(ConnectionError):  # a worker that hangs up is no fault
            super().__init__(*more)

    def do_POST(self) -> None:
        """Every call."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target", "")
        action = target.rpartition(".")[2]
        try:
            fields = json.loads(body) if target else dict(parse_qsl(body.decode(), True))
            action, url = action or fields["Action"], fields.get("QueueUrl", "")
            if url.startswith(self.base):
                fields["QueueUrl"] = self.queue.base + url.removeprefix(self.base)
            if action == "ReceiveMessage":
                return self.receive(fields, bool(target))
            status, headers, answer = self.forward(fields)
            if status == OK and action.startswith(("DeleteMessage", "ChangeMessageVisibility")):
                for each in done(fields, answer, action):
                    self.protection.settle(each["ReceiptHandle"], each.get("VisibilityTimeout", 0))
            if status == OK and "Queue" in action:  # names queues, which some SDKs then ask
                own = self.base.encode()
                answer = re.sub(rb'(?<=[">])https?://[^/"<]+(?=/\d{12}/)', own, answer)
        except (AttributeError, KeyError, OSError, SyntaxError, ValueError) as error:
            say(f"{action}: {error!r}")  # FAILED: the SDKs try again
            status, headers, answer = FAILED if isinstance(error, OSError) else REFUSED, {}, b""
        return self.reply(status, headers, answer)

    def forward(self, fields: Mapping[str, Any]) -> Answer:
        """Hands a call on, signed by the task's role."""
        headers = {name: self.headers[name] for name in FORWARDED if name in self.headers}
        text = json.dumps(fields) if "x-amz-target" in headers else urlencode(fields)
        return self.queue.call(self.path, headers, text.encode())

    def receive(self, fields: dict[str, Any], is_json: bool) -> None:
        """Protects, receives, notes what came, and only then hands it out."""
        kind = {"Content-Type": "application/x-amz-json-1.0" if is_json else "text/xml"}
        answer: Answer = (OK, kind, b"{}" if is_json else EMPTY)
        received: dict[str, Message] = {}
        hidden = int(fields.setdefault("VisibilityTimeout", self.queue.lease))
        if not self.protection.enter():
            return self.reply(*answer)
        try:
            forwarded = self.forward(fields)
            if forwarded[0] == OK and hidden:
                url, now = fields.get("QueueUrl", self.queue.base + self.path), time.monotonic()
                due = now + min(self.queue.heartbeat, hidden / 3)
                told, tag = forwarded[2], ".//{*}ReceiptHandle"
                if is_json:
                    found = [it["ReceiptHandle"] for it in json.loads(told).get("Messages") or ()]
                else:
                    found = [str(it.text) for it in XML(told).iterfind(tag)]
                received = {receipt: Message(url, now, due) for receipt in found}
            if received and (self.protection.draining or self.is_gone()):
                self.hand_back(received)
                received = {}
            else:
                answer = forwarded
        finally:
            self.protection.leave(received)
        try:
            return self.reply(*answer)
        except ConnectionError:
            return self.hand_back(received)

    def hand_back(self, received: Mapping[str, Message]) -> None:
        """To other workers, at once; raises OSError: they come back by themselves, later."""
        say(f"{len(received)} messages handed back, not begun")
        for receipt in received:
            self.protection.settle(receipt)
        self.queue.hide(received, 0)

    def is_gone(self) -> bool:
        """Whether the worker has given up waiting for this answer."""
        try:
            return not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def reply(self, status: int, headers: Words, answer: bytes) -> None:
        """Answers the worker."""
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.wfile.flush()


def done(fields: Mapping[str, Any], answer: bytes, action: str) -> list[Mapping[str, Any]]:
    """The entries of a delete or a change of visibility that SQS says are done."""
    if not action.endswith("Batch"):
        return [fields]
    if "Entries" in fields:
        ids = {each["Id"] for each in json.loads(answer).get("Successful", ())}
        return [each for each in fields["Entries"] if each["Id"] in ids]
    results = XML(answer).iterfind(f".//{{*}}{action}ResultEntry")
    ids = {each.findtext("{*}Id") for each in results}
    stems = [name[:-2] for name, value in fields.items() if name.endswith(".Id") and value in ids]
    return [{name.removeprefix(stem): fields[name] for name in fields} for stem in stems]


def extend(protection: Protection, queue: Queue, longest_job: float, alone: bool) -> None:
    """Once a second: hides anew what is due; lets go what is out for longer than any job."""
    with protection.changed:
        out, now = dict(protection.out), protection.clock()
    late = {key: each for key, each in out.items() if alone or now - each.since > longest_job}
    for receipt in late:
        say("let go: a message is out for longer than any job, or than the worker")
        protection.settle(receipt)
    due = {key: each for key, each in out.items() if each.due <= now and key not in late}
    queue.hide(due, queue.lease)
    queue.hide(late if alone else {}, 0)  # alone: nobody works on them any more


def main(given: Words) -> None:
    """Runs until SIGTERM, and then until the worker has ended or has nothing more to do."""
    real, own = urlsplit(given["QUEUE_URL"]), f"http://127.0.0.1:{given['PORT']}"
    full = f"http://169.254.170.2{given.get('AWS_CONTAINER_CREDENTIALS_RELATIVE_URI')}"
    role = given.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", full)
    minutes, heartbeat = int(given["PROTECTION_MINUTES"]), float(given["HEARTBEAT_SECONDS"])
    fetch, put = partial(ask_ecs, role), partial(put_protection, given["ECS_AGENT_URI"], minutes)
    queue = Queue(f"{real.scheme}://{real.netloc}", given["AWS_REGION"], heartbeat, fetch)
    protection = Protection(put, 30 * minutes, given["ONE_AT_A_TIME"] == "true")
    address, handler = ("127.0.0.1", int(given["PORT"])), partial(Handler, protection, queue, own)
    server = ThreadingHTTPServer(address, handler)  # the loopback interface is the whole task's
    server.socket.listen(128)
    told, last, task = threading.Event(), float("inf"), dict[str, Any]()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say(f"stands in for {queue.base} on {own}")
    while time.monotonic() < last:
        # ECS ends a container after those that depend on it: the worker hears of it before us.
        with contextlib.suppress(OSError):  # SIGTERM tells it all the same
            task = ask_ecs(f"{given['ECS_CONTAINER_METADATA_URI_V4']}/task")
        known = {each["Name"]: each.get("KnownStatus") for each in task.get("Containers", ())}
        worker, stops = known.get(given["WORKER"]), task.get("DesiredStatus") == "STOPPED"
        if (stops or told.is_set()) and not protection.draining:
            say("the task stops: receives are answered with nothing")
            protection.draining = True
        if told.is_set():
            last = min(last, time.monotonic() + float(given["STOP_TIMEOUT_SECONDS"]) - 5)
        try:
            protection.tick()
            extend(protection, queue, float(given["LONGEST_JOB_SECONDS"]), worker == "STOPPED")
        except (OSError, ValueError) as error:
            say(f"messages not extended, again in 1 s: {error}")
        if (
            told.is_set()
            and worker in (None, "STOPPED")
            and not (protection.out or protection.polls)
        ):
            break
        time.sleep(0.2 if told.wait(1) else 0)
    say(f"ends, with {len(protection.out)} messages out")


if __name__ == "__main__":
    main(os.environ)
