"""The status of stacks as text: a table of several, a screen of one."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from workerstack.deployer.ship import age
from workerstack.deployer.status import ImageStatus, QueueStatus, Status
from workerstack.output import styled
from workerstack.problem import harmless


def screen(found: Sequence[Status], now: datetime, *, several: bool) -> list[str]:
    """A table of several stacks, or all of one."""
    lines = list(_table(found, now)) if several else list(_one(found[0], now))
    return [harmless(each) for each in lines]


def _table(found: Sequence[Status], now: datetime) -> Iterator[str]:
    """The stacks of each environment below its account; what wants doing stands below them."""
    places = list(dict.fromkeys((each.deployment.partition("/")[0], each.account, each.region)
                                for each in found))  # fmt: skip
    for environment, account, region in places:
        here = [each for each in found if each.deployment.partition("/")[0] == environment]
        yield styled(f"{environment}  account {account}, {region}", "bold")
        rows = [("STACK", "STATE", "DEPLOYED", "IMAGE", "TASKS", "QUEUE"), *(_row(each, now) for
                each in here)]  # fmt: skip
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield "  ".join(cells).rstrip()
        for each in here:
            if each.next_step:
                yield f"{each.stack}: {each.next_step}"


def _row(status: Status, now: datetime) -> tuple[str, ...]:
    return (
        status.stack,
        status.state,
        _deployed(status, now),
        ", ".join(_tag(each.image, each.tags) for each in status.images) or "-",
        ", ".join(f"{each.running} of {_most(each.most)}" for each in status.tasks) or "-",
        ", ".join(f"{each.waiting}, {each.in_flight}" for each in status.queues) or "-",
    )


def _deployed(status: Status, now: datetime) -> str:
    if status.updated is None:
        return "-"
    commit = status.revision.commit[:7] if status.revision else "not in git"
    return f"{commit}, {age(status.updated, now)}"


def _tag(image: str, tags: tuple[str, ...]) -> str:
    """An image as short as it is known by: its tag, else the beginning of its digest."""
    _, at, digest = image.rpartition("/")[2].partition("@")
    if at:
        return ", ".join(tags) or digest[:19]
    return image.rpartition("/")[2].partition(":")[2] or "latest"


def _most(most: int | None) -> str:
    return "?" if most is None else str(most)


def _one(status: Status, now: datetime) -> Iterator[str]:
    """One stack on one screen."""

    def line(word: str, text: str) -> str:
        return f"{word:<9}  {text}"

    place = f"(account {status.account}, {status.region})"
    yield styled(f"{status.deployment}: {status.stack} {place}", "bold")
    reason = f": {status.reason}" if status.reason else ""
    when = f", {age(status.updated, now)}" if status.updated else ""
    yield line("State", f"{status.state}{when}{reason}")
    if status.revision:
        committed = age(status.revision.committed, now)
        yield line("Revision", f"{status.revision.commit[:7]} {status.revision.subject}"
                               f" (committed {committed})")  # fmt: skip
    elif status.updated:
        yield line("Revision", "not in git: no commit here has this template with these values")
    for image in status.images:
        yield line("Image", f"{image.container}: {_image_words(image, now)}")
    for tasks in status.tasks:
        pending = f", {tasks.pending} pending" if tasks.pending else ""
        began = f", begun {age(tasks.began, now)}" if tasks.began else ""
        rollout = f"; rollout {tasks.rollout}{began}" if tasks.rollout else ""
        yield line("Tasks", f"{tasks.running} running{pending}, {tasks.desired} desired, at most"
                            f" {_most(tasks.most)}{rollout}")  # fmt: skip
    for queue in status.queues:
        yield line("Queue", _queue_words(queue))
    if status.alarms:
        said = (f"{each.name} {each.state}{' (scales)' if each.scales else ''}"
                for each in status.alarms)  # fmt: skip
        yield line("Alarms", ", ".join(said))
    for each in status.unknown:
        yield line("Not known", each)
    yield line("Next", status.next_step or "nothing to do")


def _image_words(image: ImageStatus, now: datetime) -> str:
    name = image.image.rpartition("/")[2].partition("@")[0]
    if image.is_there is False:
        return f"{name}: there is no such image"
    own = name.partition(":")[2]
    others = [f":{each}" for each in image.tags if each != own]
    tags = f" ({', '.join(others) or 'no tag'})" if others or not own else ""
    pushed = f", pushed {age(image.pushed, now)}" if image.pushed else ""
    return f"{name}{tags}, {image.digest[:19] or 'digest not known'}{pushed}"


def _queue_words(queue: QueueStatus) -> str:
    oldest = f", oldest {timedelta(seconds=int(queue.oldest))}" if queue.oldest else ""
    dead = "no dead-letter queue" if queue.dead is None else f"{queue.dead} dead"
    return f"{queue.name}: {queue.waiting} waiting{oldest}, {queue.in_flight} in flight, {dead}"
