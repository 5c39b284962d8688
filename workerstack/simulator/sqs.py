"""An SQS standard queue: messages delayed, visible, in flight; dead letters, retention, ages.

Sources: SQS Developer Guide, "Visibility timeout", "Delay queues", "Dead-letter queues",
"Available CloudWatch metrics" (the age passes over messages received three times or more, which
go to the back).
"""

from array import array
from collections.abc import Sequence
from heapq import heappop, heappush
from math import inf

from workerstack.simulator.traces import Message

FUTURE, DELAYED, VISIBLE, IN_FLIGHT, DONE, DEAD, EXPIRED = range(7)
TO_THE_BACK = 3
"""Receives after which a message goes to the back of the queue."""

A_SECOND = 1 << 32
"""More than there are messages: places in the queue are whole numbers, which sort faster than
pairs. The place of a message is its index; at the back, that second of its return before it."""


class MessageQueue:
    """The messages of a trace, each by its index there, and what has become of it.

    ``first_received`` and ``finished`` are seconds, -1 for never. ``bound`` is a second before
    which no message can expire.
    """

    __slots__ = (
        "_oldest", "_oldest_reported", "_order", "bound", "dead", "delay", "delayed", "deleted",
        "expired", "finished", "first_received", "in_flight", "lost", "max_receives", "messages",
        "old_deletes",
        "received", "receives", "retention", "sent", "shown", "state", "visible",
    )  # fmt: skip

    def __init__(
        self,
        messages: Sequence[Message],
        *,
        retention: int,
        max_receives: int | None,
        old_receipt_deletes: bool,
        delay: int = 0,
    ) -> None:
        self.messages = messages
        self.retention = retention
        self.delay = delay
        self.max_receives = max_receives or inf
        self.old_deletes = old_receipt_deletes
        self.state = bytearray(len(messages))
        self.receives = array("i", bytes(4 * len(messages)))
        self.first_received = array("i", b"\xff\xff\xff\xff" * len(messages))
        self.finished = array("i", self.first_received)
        self.bound: float = messages[0].arrival + retention if messages else inf
        self.dead: list[tuple[int, int]] = []
        self.expired: list[tuple[int, int]] = []
        self._order: list[int] = []
        self._oldest = 0
        self._oldest_reported = 0
        self.sent = self.received = self.deleted = self.lost = 0
        self.shown = 0
        self.delayed = self.visible = self.in_flight = 0

    def send(self) -> None:
        """The next message of the trace arrives."""
        self.sent += 1
        if self.delay:
            self.state[self.sent - 1] = DELAYED
            self.delayed += 1
        else:
            message = self.shown
            heappush(self._order, message)
            self.state[message] = VISIBLE
            self.visible += 1
            self.shown = message + 1

    def end_delay(self) -> None:
        """The delay of the next message ends; nothing, if it has expired since."""
        if self.state[self.shown] == DELAYED:
            self.delayed -= 1
            heappush(self._order, self.shown)
            self.state[self.shown] = VISIBLE
            self.visible += 1
        self.shown += 1

    def receive(self, now: int) -> int | None:
        """The first visible message, now in flight; None if there is none.

        One that was received too often is a dead letter instead: SQS moves it when it would
        be received once more.
        """
        while self._order:
            # Entries of messages that are gone stay in the heap and are passed over: taking them
            # out of the middle costs more.
            message = heappop(self._order) % A_SECOND
            if self.state[message] != VISIBLE:
                continue
            self.visible -= 1
            if self.receives[message] >= self.max_receives:
                self.state[message] = DEAD
                self.dead.append((now, message))
                self.lost += 1
                continue
            self.state[message] = IN_FLIGHT
            self.in_flight += 1
            self.received += 1
            if not self.receives[message]:
                self.first_received[message] = now
            self.receives[message] += 1
            return message
        return None

    def reappear(self, message: int, receipt: int, now: int) -> None:
        """The visibility timeout of a receive ends; nothing, if the message has gone since."""
        # The number of the receive stands for the receipt handle: an older timeout must not free a
        # newer receive.
        if self.state[message] == IN_FLIGHT and self.receives[message] == receipt:
            self.state[message] = VISIBLE
            self.in_flight -= 1
            self.visible += 1
            back = receipt >= TO_THE_BACK
            heappush(self._order, (now + 1) * A_SECOND + message if back else message)

    def delete(self, message: int, receipt: int, now: int) -> None:
        """A worker deletes what it received with that receipt.

        An old receipt does not delete a message that was received again since.
        """
        state = self.state[message]
        if state not in (VISIBLE, IN_FLIGHT):
            return
        if self.receives[message] != receipt and not self.old_deletes:
            return
        if state == IN_FLIGHT:
            self.in_flight -= 1
        else:
            self.visible -= 1
        self.state[message] = DONE
        self.deleted += 1
        self.finished[message] = now

    def next_expiry(self) -> float:
        """The second at which the oldest message will be dropped."""
        oldest = self.oldest()
        return inf if oldest < 0 else oldest + self.retention

    def expire(self, now: int) -> None:
        """Drops what has been kept long enough."""
        while self.next_expiry() <= now:
            message = self._oldest
            if self.state[message] == VISIBLE:
                self.visible -= 1
            elif self.state[message] == DELAYED:
                self.delayed -= 1
            else:
                self.in_flight -= 1
            self.state[message] = EXPIRED
            self.expired.append((now, message))
            self.lost += 1

    def oldest(self) -> int:
        """The arrival second of the oldest message in the queue, -1 if it is empty."""
        state, sent, at = self.state, self.sent, self._oldest
        if at < sent and state[at] <= IN_FLIGHT:
            return self.messages[at].arrival
        # Messages end about in the order in which they came, so the oldest is found by going on
        # from where it was.
        while at < sent and state[at] > IN_FLIGHT:
            at += 1
        if at != self._oldest:
            self._oldest = at
            more = at < len(self.messages)
            self.bound = self.messages[at].arrival + self.retention if more else inf
        return self.messages[at].arrival if at < sent else -1

    def oldest_reported(self) -> int:
        """The same for the message whose age the metric reports."""
        state, sent, at = self.state, self.sent, self._oldest_reported
        while at < sent and (state[at] > IN_FLIGHT or self.receives[at] >= TO_THE_BACK):
            at += 1
        self._oldest_reported = at
        return self.messages[at].arrival if at < sent else -1

    def oldest_two(self) -> tuple[int, int]:
        """Both at once: they are mostly of the same message."""
        arrival = self.oldest()
        at = self._oldest
        if at < self.sent and self._oldest_reported <= at and self.receives[at] < TO_THE_BACK:
            self._oldest_reported = at
            return arrival, arrival
        return arrival, self.oldest_reported()

    @property
    def size(self) -> int:
        """Messages in the queue: delayed, visible or in flight."""
        return self.delayed + self.visible + self.in_flight
