"""What stands for ``python`` in a shell of the tests: a program that is forked, not started.

``python forked.py SOCKET WORD...`` hands its words, folder, environment and streams to the
process that listens there (tests/preloaded.py), and ends as the program did. It imports next to
nothing, and takes a fiftieth of what a command's imports do.
"""

import json
import os
import socket
import sys


def main() -> int:
    """Asks for the program, and waits until it ends."""
    asked = {
        "words": sys.argv[2:], "folder": os.getcwd(), "environment": dict(os.environ),  # noqa: PTH109 - no pathlib
        "quick": True, "tool": True,
    }  # fmt: skip
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(sys.argv[1])
        socket.send_fds(asking, [json.dumps(asked).encode()[:1]], [0, 1, 2])
        asking.sendall(json.dumps(asked).encode()[1:])
        asking.shutdown(socket.SHUT_WR)
        answer = asking.recv(1)
    return answer[0] if answer else 1


if __name__ == "__main__":
    sys.exit(main())
