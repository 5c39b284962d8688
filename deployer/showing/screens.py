"""Where an operation is shown: one block on a terminal, lines elsewhere, JSON for programs."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from deployer.events import Event
from deployer.operation import Snapshot
from deployer.showing import watching
from deployer.showing.lines import Style
from deployer.showing.words import visible

SILENCE = timedelta(seconds=30)
"""After this long without a line, one says that it is still going on."""

Write = Callable[[str], None]
Answer = Literal["detach", "cancel"]


class Lines:
    """One line an event, and a heartbeat in silence; nobody is there to answer."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._spoke: datetime | None = None
        self._told: set[str] = set()

    def show(self, snapshot: Snapshot, fresh: list[Event]) -> None:
        """The new events and what the rollout says for the first time, or a heartbeat."""
        self._spoke = self._spoke or snapshot.now
        news = self._news(snapshot)
        for event in fresh:
            self._event(event)
        for sentence in news:
            self._sentence(sentence)
        if fresh or news:
            self._spoke = snapshot.now
        elif snapshot.now - self._spoke >= SILENCE:
            self._heartbeat(snapshot)
            self._spoke = snapshot.now

    def _news(self, snapshot: Snapshot) -> list[str]:
        """What the service's rollout says that was not said yet."""
        said = watching.rollout_news(snapshot.rollout) if snapshot.rollout else []
        news = [sentence for sentence in said if sentence not in self._told]
        self._told.update(news)
        return news

    def _event(self, event: Event) -> None:
        self._write(watching.event_line(event))

    def _sentence(self, sentence: str) -> None:
        self._write(f"          {visible(sentence, '')}")

    def _heartbeat(self, snapshot: Snapshot) -> None:
        self._write(watching.heartbeat(snapshot))

    def interrupted(self) -> Answer:
        """Nobody can be asked: what goes on in AWS is left alone."""
        return "detach"

    def close(self) -> None:
        """Nothing is held open."""


class Json(Lines):
    """One object a line: events, news of the rollout, and heartbeats in silence."""

    def _event(self, event: Event) -> None:
        self._write(json.dumps({"event": asdict(event)}))

    def _sentence(self, sentence: str) -> None:
        self._write(json.dumps({"rollout": sentence}))

    def _heartbeat(self, snapshot: Snapshot) -> None:
        state = {"status": snapshot.status, "in_progress": list(snapshot.in_progress())}
        rollout = asdict(snapshot.rollout) if snapshot.rollout else None
        self._write(json.dumps({"heartbeat": {**state, "rollout": rollout}}))


class Block:
    """One block that is painted anew each second, so that its stopwatches run.

    ``ask`` is asked after Ctrl-C.
    """

    def __init__(
        self, console: Any, style: Style, ask: Callable[[], Answer], now: Callable[[], datetime]
    ) -> None:
        from rich.live import Live

        self._console, self._now = console, now
        self._style, self._ask = style, ask
        self._snapshot: Snapshot | None = None
        self._live = Live(
            console=console, get_renderable=self._painted, refresh_per_second=1, transient=True
        )
        self._live.start()

    def show(self, snapshot: Snapshot, fresh: list[Event]) -> None:
        """Failures stay above the block; the rest is painted over."""
        from rich.text import Text

        for event in fresh:
            if event.is_failure:
                self._live.console.print(Text(watching.event_line(event)))
        self._snapshot = snapshot
        self._live.refresh()

    def _painted(self) -> Any:
        from rich.text import Text

        if self._snapshot is None:
            return Text()
        snapshot = replace(self._snapshot, now=self._now())
        return Text.from_ansi("\n".join(watching.block(snapshot, self._style, self._console.width)))

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
