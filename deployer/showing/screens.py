"""Where an operation is shown: one block on a terminal, lines elsewhere, JSON for programs."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Literal

from deployer.events import Event
from deployer.operation import Snapshot
from deployer.showing import watching
from deployer.showing.lines import Style

SILENCE = timedelta(seconds=30)
"""After this long without a line, one says that it is still going on."""

Write = Callable[[str], None]
Answer = Literal["detach", "cancel"]


class Lines:
    """One line an event, and a heartbeat in silence; nobody is there to answer."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._spoke: datetime | None = None

    def show(self, snapshot: Snapshot, fresh: list[Event]) -> None:
        """The new events, or a heartbeat."""
        self._spoke = self._spoke or snapshot.now
        for event in fresh:
            self._write(watching.event_line(event))
        if not fresh and snapshot.now - self._spoke >= SILENCE:
            self._write(watching.heartbeat(snapshot))
        elif not fresh:
            return
        self._spoke = snapshot.now

    def interrupted(self) -> Answer:
        """Nobody can be asked: what goes on in AWS is left alone."""
        return "detach"

    def close(self) -> None:
        """Nothing is held open."""


class Json(Lines):
    """One object a line: events, and heartbeats in silence."""

    def show(self, snapshot: Snapshot, fresh: list[Event]) -> None:
        """The new events, or a heartbeat, as objects."""
        self._spoke = self._spoke or snapshot.now
        for event in fresh:
            self._write(json.dumps({"event": asdict(event)}))
        if not fresh and snapshot.now - self._spoke >= SILENCE:
            state = {"status": snapshot.status, "in_progress": list(snapshot.in_progress())}
            rollout = asdict(snapshot.rollout) if snapshot.rollout else None
            self._write(json.dumps({"heartbeat": {**state, "rollout": rollout}}))
        elif not fresh:
            return
        self._spoke = snapshot.now


class Block:
    """One block that is painted anew; ``ask`` is asked after Ctrl-C."""

    def __init__(self, console: Any, style: Style, ask: Callable[[], Answer]) -> None:
        from rich.live import Live

        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._console = console
        self._style, self._ask = style, ask
        self._live.start()

    def show(self, snapshot: Snapshot, fresh: list[Event]) -> None:
        """Failures stay above the block; the rest is painted over."""
        from rich.text import Text

        for event in fresh:
            if event.is_failure:
                self._live.console.print(Text(watching.event_line(event)))
        lines = watching.block(snapshot, self._style, self._console.width)
        self._live.update(Text.from_ansi("\n".join(lines)), refresh=True)

    def interrupted(self) -> Answer:
        """Takes the block away, asks, and paints on."""
        self._live.stop()
        answer = self._ask()
        if answer == "cancel":
            self._live.start()
        return answer

    def close(self) -> None:
        """Takes the block away; the summary follows."""
        self._live.stop()
