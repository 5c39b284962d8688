import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

AGENT, QUEUE = os.environ["ECS_AGENT_URI"], os.environ["QUEUE_URL"]
MINUTES, BEAT = int(os.environ["PROTECTION_MINUTES"]), int(os.environ["HEARTBEAT_SECONDS"])
stopping = Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())


def protect(on: bool) -> bool:  # a refusal comes with 200 too, such as DEPLOYMENT_BLOCKED
    body = {"ProtectionEnabled": on} | ({"ExpiresInMinutes": MINUTES} if on else {})
    url = f"{AGENT}/task-protection/v1/state"
    try:
        request = urllib.request.Request(url, json.dumps(body).encode(), method="PUT")
        with urllib.request.urlopen(request, timeout=3) as answer:
            return json.load(answer).get("protection", {}).get("ProtectionEnabled") is on
    except (OSError, ValueError):
        return False


def beat(sqs: Any, message: dict[str, str], done: Event) -> None:
    while not done.wait(BEAT):  # two beats may fail before the message is visible again
        try:
            sqs.change_message_visibility(**message, VisibilityTimeout=3 * BEAT)
        except Exception as error:
            print(f"not extended, again in {BEAT} s: {error}")


def run(sqs: Any, work: Callable[[str], object], pause: float = 5, poll: int = 20) -> None:
    renew = 0.0
    while not stopping.is_set():
        if time.monotonic() >= renew:  # at half: twice the longest job was asked for
            if not protect(True):  # the messages stay in the queue, for a task that may live
                protect(False)  # what was granted before holds until it expires: ECS would wait
                stopping.wait(pause)
                continue
            renew = time.monotonic() + 30 * MINUTES
        hidden = {"QueueUrl": QUEUE, "VisibilityTimeout": 3 * BEAT}
        received = sqs.receive_message(**hidden, WaitTimeSeconds=poll).get("Messages", ())
        for each in received:
            message, done = {"QueueUrl": QUEUE, "ReceiptHandle": each["ReceiptHandle"]}, Event()
            if stopping.is_set():  # not begun: back to the queue at once
                sqs.change_message_visibility(**message, VisibilityTimeout=0)
                break
            beating = Thread(target=beat, args=(sqs, message, done), daemon=True)
            beating.start()
            try:
                work(each["Body"])
                done.set()  # a beat that is under way ends first: SQS refuses it afterwards
                beating.join()
                sqs.delete_message(**message)
            except Exception as error:  # the message is tried anew, at most maxReceiveCount times
                print(f"failed: {error!r}")
            done.set()
        if not received:
            protect(False)
            renew = 0.0
            stopping.wait(pause)  # in which ECS may stop this task
