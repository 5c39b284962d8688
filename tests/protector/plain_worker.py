"""A worker that is killed: receives, notes the message as processed, then deletes it.

Without an SDK, so that it starts at once. Arguments: the queue's URL, the file of what is done.
"""

import http.client
import json
import os
import sys
import time
from typing import Any
from urllib.parse import urlsplit


def call(url: str, action: str, **fields: Any) -> dict[str, Any]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    headers = {"X-Amz-Target": f"AmazonSQS.{action}", "Content-Type": "application/x-amz-json-1.0"}
    connection.request("POST", "/", json.dumps({"QueueUrl": url} | fields), headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return dict(json.loads(body)) if answer.status == http.HTTPStatus.OK else {}


def main(url: str, processed: str) -> None:
    with open(processed, "a") as log:  # noqa: PTH123 - a worker's own
        while True:
            try:
                answer = call(url, "ReceiveMessage", WaitTimeSeconds=1, MaxNumberOfMessages=3)
                for message in answer.get("Messages", ()):
                    time.sleep(0.02)
                    log.write(message["Body"] + "\n")
                    log.flush()
                    os.fsync(log.fileno())
                    call(url, "DeleteMessage", ReceiptHandle=message["ReceiptHandle"])
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)


main(*sys.argv[1:])
