"""``python -m workerstack.localaws``: the endpoint in the foreground, until it is interrupted."""

import argparse
import signal
import sys
import threading

from workerstack import localaws


def main() -> None:
    """Prints the endpoint's URL on standard output and serves until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="localaws", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="by default a free one")
    port = parser.parse_args().port
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    try:
        endpoint = localaws.start(port)
    except (OSError, OverflowError) as error:
        sys.exit(f"Port {port} cannot be opened. Leave out --port for a free one. ({error})")
    with endpoint:
        sys.stdout.write(f"{endpoint.url}\n")
        sys.stdout.flush()
        stopping.wait()


if __name__ == "__main__":
    main()
