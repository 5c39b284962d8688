"""Where an operation is shown: one block on a terminal, lines elsewhere, JSON for programs."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from workerstack.deployer import stopped_tasks
from workerstack.deployer.operation import Operation, OperationOutcome, Snapshot, StackEvent
from workerstack.deployer.service import Rollout
from workerstack.problem import harmless, json_text
from workerstack.review.show.words import Style, broken, wrapped

BAR = 24


def clock_time(event: StackEvent) -> str:
    """``14:03:07``, in UTC as CloudFormation gives it."""
    return datetime.fromisoformat(event.time).strftime("%H:%M:%S")


def duration(passed: timedelta) -> str:
    """``2:05`` in minutes and seconds, ``1:02:05`` with hours."""
    minutes, seconds = divmod(max(int(passed.total_seconds()), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def event_line(event: StackEvent) -> str:
    """One event in one line, the reason behind it."""
    reason = f": {event.reason}" if event.reason else ""
    return harmless(f"{clock_time(event)}  {event.status:<28}  {event.logical_id}{reason}")


def heartbeat(snapshot: Snapshot) -> str:
    """What is going on, when nothing new has happened for a while."""
    going = ", ".join(snapshot.in_progress()) or "no resource"
    passed = duration(snapshot.now - snapshot.started)
    counts = f"; {'; '.join(_counts(snapshot.rollout))}" if snapshot.rollout else ""
    trouble = f"; {snapshot.trouble}" if snapshot.trouble else ""
    return harmless(f"... {snapshot.status}, {passed}: in progress {going}{counts}{trouble}")


def _counts(rollout: Rollout) -> Iterator[str]:
    for each in rollout.deployments:
        failed = f", {each.failed} failed" if each.failed else ""
        yield (
            f"{each.revision} {each.status} {each.state}: desired {each.desired},"
            f" running {each.running}, pending {each.pending}{failed}"
        )
    for protected in rollout.waits_for:
        until = f", protected until {protected.until} at the latest" if protected.until else ""
        yield f"waits for task {protected.task}, which is at work{until}"
    if rollout.waiting is not None:
        dead = f", {rollout.dead} dead letters" if rollout.dead is not None else ""
        yield f"queue: {rollout.waiting} waiting, {rollout.in_flight} in flight{dead}"


def rollout_news(rollout: Rollout) -> list[str]:
    """What is worth a line once: a deployment that failed and why, why tasks stopped."""
    failed = [
        f"{each.revision} {each.status} {each.state}: {each.reason}"
        for each in rollout.deployments
        if each.state == "FAILED"
    ]
    blocked = [
        f"the deployment waits for task {each.task}, which protects itself while it works"
        for each in rollout.waits_for
    ]
    back = [f"the service's deployment is {each}" for each in rollout.back]
    stopped = [f"a task stopped: {each}" for each in dict.fromkeys(rollout.stopped)]
    return [*failed, *back, *blocked, *stopped]


def block(snapshot: Snapshot, style: Style, width: int) -> list[str]:
    """The whole state of it, to be painted over and over in one place."""
    operation = snapshot.operation
    lines = [style(f"{operation.stack_name}  {snapshot.status}", "bold"), *_bar(snapshot)]
    for name, event in snapshot.in_progress().items():
        passed = duration(snapshot.now - datetime.fromisoformat(event.time))
        about = operation.descriptions.get(name, event.type)
        lines += wrapped(f"{name}  {about}", width, f"  {passed:>7}  ", " " * 11)
    for event in snapshot.failures():
        lines.append(style(f"  FAILED   {event.logical_id}", "red"))
        lines += wrapped(event.reason or event.status, width, " " * 11)
    if snapshot.rollout:
        lines += rollout_lines(snapshot.rollout, width)
    last = snapshot.events[-1].time if snapshot.events else ""
    silence = f", last event {_ago(snapshot, last)} ago" if last else ", no event yet"
    lines.append(f"{duration(snapshot.now - snapshot.started)} passed{silence}")
    if snapshot.trouble:
        lines += wrapped(f"AWS did not answer: {snapshot.trouble}", width, "  ")
    return [harmless(line) for line in lines]


def _ago(snapshot: Snapshot, time: str) -> str:
    return f"{max(int((snapshot.now - datetime.fromisoformat(time)).total_seconds()), 0)} s"


def _bar(snapshot: Snapshot) -> Iterator[str]:
    done, expected = snapshot.done(), snapshot.operation.expected
    if expected:
        filled = min(BAR * done // expected, BAR)
        yield f"[{'#' * filled}{'.' * (BAR - filled)}] {min(done, expected)} of {expected}"
    else:
        yield f"{done} resources done"


def rollout_lines(rollout: Rollout, width: int) -> list[str]:
    """The service's deployments, why tasks stopped, the queue, the newest log lines."""
    lines = []
    for sentence in (*_counts(rollout), *rollout_news(rollout)):
        lines += wrapped(sentence, width, "    ", " " * 6)
    for message in rollout.log:
        [first, *more] = broken(message, width - 2, "    | ")
        lines.append(f"{first} …" if more else first)
    for sentence in rollout.unknown:
        lines += wrapped(sentence, width, "    ? ", " " * 6)
    return lines


def ending(
    outcome: OperationOutcome, operation: Operation, next_step: str, width: int
) -> list[str]:
    """The summary: root causes first, what was rolled back or left behind, what is next."""
    lines = [f"{operation.stack_name} is {outcome.status}."]
    for event in outcome.causes:
        lines += wrapped(f"{event.logical_id} ({event.type}): {event.status}", width, "  cause: ")
        lines += wrapped(event.reason or "no reason was given", width, "         ")
    for said in outcome.went_back:
        lines += wrapped(f"the service's deployment: {said}", width, "  ", "    ")
    for reason in outcome.stopped if not outcome.is_good else ():
        lines += wrapped(f"a task stopped: {reason}", width, "  ", "    ")
        usual = stopped_tasks.meaning_of(reason)
        lines += wrapped(f"usually: {usual.cause}. {usual.remedy}", width, "    ", "    ")
    if outcome.consequences:
        names = ", ".join(event.logical_id for event in outcome.consequences)
        lines += wrapped(f"stopped because of that: {names}", width, "  ", "    ")
    if outcome.rolled_back:
        lines += wrapped(f"rolled back: {', '.join(outcome.rolled_back)}", width, "  ", "    ")
    for event in outcome.not_rolled_back:
        stuck = f"not rolled back: {event.logical_id} ({event.type}): {event.reason}"
        lines += wrapped(stuck, width, "  ", "    ")
    for event in outcome.left_behind:
        left = f"retained, and billed: {event.logical_id} {event.physical_id} ({event.reason})"
        lines += wrapped(left, width, "  ", "    ")
    return [*lines, *wrapped(next_step, width, "Next: ", "      ")]


SILENCE = timedelta(seconds=30)
"""After this long without a line, one says that it is still going on."""

Write = Callable[[str], None]
Answer = Literal["detach", "cancel"]


class LineScreen:
    """One line an event, and a heartbeat in silence; ``ask`` is asked after Ctrl-C."""

    def __init__(self, write: Write, ask: Callable[[], Answer] = lambda: "detach") -> None:
        self._write, self._ask = write, ask
        self._spoke: datetime | None = None
        self._told: set[str] = set()

    def show(self, snapshot: Snapshot, fresh: list[StackEvent]) -> None:
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
        said = rollout_news(snapshot.rollout) if snapshot.rollout else []
        news = [sentence for sentence in said if sentence not in self._told]
        self._told.update(news)
        return news

    def _event(self, event: StackEvent) -> None:
        self._write(event_line(event))

    def _sentence(self, sentence: str) -> None:
        self._write(f"          {harmless(sentence)}")

    def _heartbeat(self, snapshot: Snapshot) -> None:
        self._write(heartbeat(snapshot))

    def interrupted(self) -> Answer:
        """Asks; where nobody can be asked, what goes on in AWS is left alone."""
        return self._ask()

    def close(self) -> None:
        """Nothing is held open."""


class JsonScreen(LineScreen):
    """One object a line: events, news of the rollout, and heartbeats in silence."""

    def _event(self, event: StackEvent) -> None:
        self._write(json_text({"event": asdict(event)}))

    def _sentence(self, sentence: str) -> None:
        self._write(json_text({"rollout": sentence}))

    def _heartbeat(self, snapshot: Snapshot) -> None:
        state = {"status": snapshot.status, "in_progress": list(snapshot.in_progress())}
        rollout = asdict(snapshot.rollout) if snapshot.rollout else None
        self._write(json_text({"heartbeat": {**state, "rollout": rollout}}))


class LiveScreen:
    """One block that is painted anew each second, so that its stopwatches run.

    ``painted`` makes what a console shows of lines; ``ask`` is asked after Ctrl-C.
    """

    def __init__(
        self,
        console: Any,
        painted: Callable[[str], Any],
        style: Style,
        ask: Callable[[], Answer],
        now: Callable[[], datetime],
    ) -> None:
        from rich.live import Live

        self._console, self._paint, self._now = console, painted, now
        self._style, self._ask = style, ask
        self._snapshot: Snapshot | None = None
        self._live = Live(
            console=console, get_renderable=self._painted, refresh_per_second=1, transient=True
        )
        self._live.start()

    def show(self, snapshot: Snapshot, fresh: list[StackEvent]) -> None:
        """Failures stay above the block; the rest is painted over."""
        for event in fresh:
            if event.is_failure:
                self._live.console.print(self._paint(event_line(event)))
        self._snapshot = snapshot
        self._live.refresh()

    def _painted(self) -> Any:
        if self._snapshot is None:
            return self._paint("")
        snapshot = replace(self._snapshot, now=self._now())
        lines = block(snapshot, self._style, self._console.width)
        return self._paint("\n".join(lines))

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
