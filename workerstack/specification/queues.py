"""Where the work comes from."""

import re
from collections.abc import Iterator

from workerstack.specification.checked import about, specified
from workerstack.specification.mistakes import Mistake
from workerstack.specification.names import ACCOUNT, REGION, camel, labelled

LONGEST_VISIBILITY_TIMEOUT = 43_200
"""Seconds for which SQS hides a received message at most: 12 hours."""

MOST_RECEIVES = 1000
"""Receives after which SQS moves a message away at most."""

MOST_QUEUES = 5
"""Queues of one worker: an alarm looks at ten metrics, and each queue has two (CloudWatch)."""

ARN = re.compile(rf"arn:aws[a-z-]*:sqs:({REGION}):({ACCOUNT}):([A-Za-z0-9_-]{{1,80}})")


@specified
class ImportedQueue:
    """A queue that lives elsewhere, in this account and Region.

    By ``name``, which is the parameter ``QueueName``. Or by ``arns``, one for each account and
    Region that the worker is deployed in: in any other CloudFormation refuses the template, since
    a queue there is not watched by alarms here. ``label`` tells several queues apart.
    """

    name: str = ""
    arns: tuple[str, ...] = ()
    label: str = ""

    @about("name", "arns")
    def _which(self) -> Iterator[Mistake]:
        if self.arns and self.name:
            yield Mistake(
                "A queue is named twice",
                "an ARN has its name already",
                "Give name or arns",
            )
        elif not self.arns and not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", self.name):
            yield Mistake(
                f"Queue name {self.name!r} is impossible",
                "SQS allows letters, digits, hyphen and underscore, at most 80",
                "Give the name of the queue, not its URL or ARN; FIFO queues are not"
                " supported, since their groups hold back what scaling counts",
            )

    @about("arns")
    def _arns(self) -> Iterator[Mistake]:
        seen = set()
        for arn in self.arns:
            found = ARN.fullmatch(arn)
            if not found:
                yield Mistake(
                    f"Queue ARN {arn!r} is impossible",
                    "it is arn:aws:sqs:REGION:ACCOUNT:NAME of a standard queue; groups of a FIFO"
                    " queue hold back what scaling counts",
                    "Copy it from the queue's details",
                )
            elif found.group(1, 2) in seen:
                yield Mistake(
                    f"Queue ARN {arn!r} is the second of its account and Region",
                    "which of them it is would be open",
                    "Give one, and others as more_queues",
                )
            else:
                seen.add(found.group(1, 2))

    @about("label")
    def _label(self) -> Iterator[Mistake]:
        if self.label:
            yield from labelled(self.label, "label")

    @property
    def places(self) -> dict[str, dict[str, str]]:
        """Region -> account -> the queue's name there."""
        found: dict[str, dict[str, str]] = {}
        for arn in self.arns:
            _, _, _, region, account, name = arn.split(":")
            found.setdefault(region, {})[account] = name
        return found

    @property
    def variable(self) -> str:
        """The environment variable with its URL."""
        return _variable(self.label)

    @property
    def prefix(self) -> str:
        """What its parameters, resources and outputs begin with."""
        return camel(self.label)


@specified
class OwnQueue:
    """A queue of the worker's own, with a dead-letter queue and an alarm on that.

    ``visibility_timeout`` (seconds) must exceed the longest job, or its message is given
    to a second worker while the first is still busy. ``label`` tells several queues apart.
    """

    visibility_timeout: int = 900
    max_receive_count: int = 3
    label: str = ""

    @about("visibility_timeout")
    def _hidden(self) -> Iterator[Mistake]:
        if not 1 <= self.visibility_timeout <= LONGEST_VISIBILITY_TIMEOUT:
            yield Mistake(
                f"Visibility timeout of {self.visibility_timeout} s is impossible",
                f"a message is hidden for 1 to {LONGEST_VISIBILITY_TIMEOUT} seconds",
                "Take somewhat more than the longest job",
            )

    @about("max_receive_count")
    def _receives(self) -> Iterator[Mistake]:
        if not 1 <= self.max_receive_count <= MOST_RECEIVES:
            yield Mistake(
                f"Maximum receive count {self.max_receive_count} is impossible",
                f"SQS moves a message to the dead-letter queue after 1 to {MOST_RECEIVES} receives",
                "Take 3 to 5",
            )

    @about("label")
    def _label(self) -> Iterator[Mistake]:
        if self.label:
            yield from labelled(self.label, "label")

    @property
    def variable(self) -> str:
        """The environment variable with its URL."""
        return _variable(self.label)

    @property
    def prefix(self) -> str:
        """What its parameters, resources and outputs begin with."""
        return camel(self.label)


def _variable(label: str) -> str:
    return "_".join([*([label.upper().replace("-", "_")] if label else []), "QUEUE_URL"])


def check_queues(
    queues: tuple[ImportedQueue | OwnQueue, ...], scale_in_on: str | None, protection: str | None
) -> Iterator[Mistake]:
    """What is wrong with several queues of one worker together."""
    if len(queues) == 1:
        return
    labels = [each.label for each in queues]
    named = [f"{each.prefix}{end}" for each in queues for end in ("Queue", "DeadLetterQueue")]
    if len(set(named)) < len(named) or "" in labels[1:]:
        yield Mistake(
            f"The queues have the labels {', '.join(map(repr, labels))}",
            "parameters, resources and variables are named by them, and two would have one name",
            'Give each of more_queues a label of its own, such as label="urgent"',
        )
    if len(queues) > MOST_QUEUES:
        yield Mistake(
            f"{len(queues)} queues of one worker are impossible",
            "an alarm looks at ten metrics, and scale-in needs two of each queue",
            f"Take at most {MOST_QUEUES}, or two workers",
        )
    if scale_in_on == "visible":
        yield Mistake(
            "Several queues and scale_in_on='visible' disagree",
            "that is word for word what one queue had",
            "Leave scale_in_on out",
        )
    if protection == "sidecar":
        yield Mistake(
            "Several queues and protection='sidecar' disagree",
            "the sidecar forwards to one queue",
            'Let the worker protect itself: protection="worker"',
        )
