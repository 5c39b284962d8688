"""Meeting AWS: ``python -m bench aws --profile NAME``, for whoever has a sandbox account.

It makes a network and a worker of its own, proposes the everyday changes and five risky ones as
change sets, executes those that are safe, and compares each answer of AWS with the prediction and
each finding with what then happened. Everything is removed at the end, also after Ctrl-C. It
writes a recording without ids and names of the account, and a report of one page.
"""

import argparse
import dataclasses
import json
import re
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import yaml

from bench import everyday, recording, sandbox
from bench.everyday import Template
from templates import workers
from workerstack import deployments
from workerstack.deployer import change_set, make_review, watch
from workerstack.deployer import execute as execution
from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import explained
from workerstack.deployer.clock import Clock
from workerstack.deployer.operation import Snapshot, StackEvent
from workerstack.deployer.source import digest
from workerstack.deployer.stack import read, resources
from workerstack.output import confirm
from workerstack.problem import Detached, Problem
from workerstack.review.model import ResourceChange, Review
from workerstack.specification import ImportedQueue, Worker

RUN = re.compile(r"worker-bench-[0-9a-f]{6}")
WRONG_USAGE, INTERRUPTED, REFUSED = 64, 130, 3
FOLDER = Path(".reviews")
SERVICE = "AWS::ECS::Service"


def main(words: Sequence[str], clock: Clock | None = None) -> int:
    """The command; its exit code."""
    given = _given(words)
    clock = clock or Clock()
    with explained(profile=given.profile):
        clients = Clients(_region(given), given.profile, given.endpoint)
        account, caller = clients.caller()
        where = "the embedded endpoint" if given.endpoint else f"account {account}"
        run = given.remove or f"worker-bench-{secrets.token_hex(3)}"
        if given.remove:
            return _removed(clients, run, clock)
        _say(f"Meeting AWS: {where}, {clients.region}, as {caller}. Everything is called {run}.")
        _say(sandbox.COST)
        if not given.yes and not confirm("Make it, and delete it afterwards"):
            _say("Not confirmed: nothing was made. Answer yes on a terminal, or pass --yes.")
            return REFUSED
        names = {account: recording.ACCOUNT, run: recording.RUN, caller: SOMEBODY}
        meeting = Meeting(clients, clock, run, given.only or everyday.NAMES)
        return _met(meeting, names, where, given.output)


SOMEBODY = f"arn:aws:iam::{recording.ACCOUNT}:user/somebody"


def replay(words: Sequence[str]) -> int:
    """``python -m bench replay FILE``: this checkout's prediction against a recording.

    1 where they do not agree.
    """
    if len(words) != 1:
        sys.stderr.write("Wrong usage: give one file. python -m bench replay FILE\n")
        return WRONG_USAGE
    found = recording.load(Path(words[0]))
    agreements = recording.replay(found)
    _say(recording.report(found, agreements))
    return int(any(each.surprises for each in agreements))


def _given(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench aws", description="Compare predictions and findings with AWS itself."
    )
    parser.add_argument("--profile", help="use this AWS profile [default: AWS_PROFILE]")
    parser.add_argument("--region", help="use this region [default: the profile's]")
    parser.add_argument("--endpoint", help="use this AWS endpoint instead of AWS")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--output", type=Path, default=FOLDER, help="write into this folder [default: .reviews]"
    )
    parser.add_argument(
        "--remove", metavar="RUN", help="only delete what an earlier run of that name has left"
    )
    parser.add_argument(
        "--only", action="append", choices=everyday.NAMES, metavar="CHANGE",
        help="make this change alone, or these; repeatable",
    )  # fmt: skip
    given = parser.parse_args(words)
    if given.remove and not RUN.fullmatch(given.remove):
        parser.error(f"{given.remove} is not the name of a run, such as worker-bench-0a1b2c")
    return given


def _region(given: argparse.Namespace) -> str:
    import boto3

    region = given.region or boto3.Session(profile_name=given.profile).region_name
    if not region:
        raise Problem(
            "The region is not known", "neither the profile nor the environment names one",
            "Give --region",
        )  # fmt: skip
    return str(region)


def _removed(clients: Clients, run: str, clock: Clock) -> int:
    left = sandbox.remove(clients, run, clock, _say)
    for each in left:
        _say(f"Left: {each}")
    return int(bool(left))


def _met(meeting: "Meeting", names: Mapping[str, str], where: str, output: Path) -> int:
    """The run from its beginning to its removal, which nothing keeps from happening."""
    clients, clock, run = meeting.clients, meeting.clock, meeting.run
    started, code = time.monotonic(), 0
    with _interruptible(), tempfile.TemporaryDirectory() as folder:
        try:
            meeting.begin(Path(folder))
            meeting.go_through()
        except (KeyboardInterrupt, Detached):
            _say("Interrupted: deleting what was made.")
            code = INTERRUPTED
        except Exception as error:
            _say(f"It went wrong, deleting what was made: {type(error).__name__}: {error}")
            code = 1
        finally:
            left = _left(clients, run, clock)
    for each in left:
        _say(f"Left: {each}")
    found = meeting.recorded | {
        "version": recording.VERSION,
        "made": clock.now().isoformat(timespec="seconds"),
        "where": where,
        "region": clients.region,
        "account": next(iter(names)),
        "stack": run,
        "minutes": round((time.monotonic() - started) / 60),
        "left": left,
    }
    if not meeting.recorded["changes"]:
        return code or int(bool(left))
    files = recording.save(recording.redacted(found, names), output)
    _say(f"Wrote {files[0]} and {files[1]}.")
    return code or int(bool(left))


def _left(clients: Clients, run: str, clock: Clock) -> list[str]:
    """What could not be deleted; a second Ctrl-C ends the deletion, and says how to go on."""
    try:
        return sandbox.remove(clients, run, clock, _say)
    except KeyboardInterrupt:
        return [f"the deletion was interrupted. Run `python -m bench aws --remove {run}`"]


@contextmanager
def _interruptible() -> Iterator[None]:
    """A job that is cancelled gets SIGTERM: it ends as after Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Quiet:
    """Watches without a word; Ctrl-C ends the run."""

    def show(self, snapshot: Snapshot, fresh: list[StackEvent]) -> None:
        """Nothing: one line a change is enough."""

    def interrupted(self) -> Literal["detach", "cancel"]:
        """Nobody is asked: what runs is cancelled when everything is deleted."""
        return "detach"

    def close(self) -> None:
        """Nothing to close."""


class Meeting:
    """One run: the worker as it stands, and what was recorded until now.

    ``names`` are the changes to make.
    """

    def __init__(self, clients: Clients, clock: Clock, run: str, names: Collection[str]) -> None:
        self.clients, self.clock, self.run, self._names = clients, clock, run, names
        self.recorded: dict[str, Any] = {"templates": {}, "changes": []}
        self._edits: list[everyday.Edit] = []
        self._worker = dataclasses.replace(
            workers.EDIT,
            name=run,
            image_repository=run,
            queue=ImportedQueue(name=f"{run}-queue"),
            secrets=tuple(
                dataclasses.replace(each, name=f"{run}-token") for each in workers.EDIT.secrets
            ),
            buckets=(run,),
            cpu=256,
            memory=512,
            log_group=f"/ecs/{run}",
        )

    def begin(self, folder: Path) -> None:
        """The network, and the worker's stack as it is before any change."""
        self._folder = folder
        (folder / "out").mkdir()
        (folder / "params/bench").mkdir(parents=True)
        account, _ = self.clients.caller()
        target = f'account: "{account}"\nregion: {self.clients.region}\n'
        (folder / "params/bench/target.yaml").write_text(target)
        _say(f"Making {sandbox.network(self.run)}")
        self._values, self._other = sandbox.create(self.clients, self.run, self.clock)
        self._template = self._built(self._worker, [])
        _say(f"Making {self.run}")
        self._write(self._template, self._values)
        review, status = self._reviewed(), ""
        if review is not None:
            status = self._executed(review)
        if status != "CREATE_COMPLETE":
            raise Problem(
                f"The worker could not be made: {self.run} is {status}",
                "the events of its stack say why", "Correct that, and run it again",
            )  # fmt: skip

    def go_through(self) -> None:
        """Each change on top of those that were executed before it."""
        changes = everyday.of_both(self._other) | everyday.of_edit(self._other)
        # Without rights on buckets there are no ACLs, and from the lower bound on a task runs.
        last = ("no rights on buckets", "lower bound")
        chosen = [name for name in changes if name in self._names]
        for name in sorted(chosen, key=lambda name: name in last):
            each = changes[name]
            values = dict(self._values)
            worker = each.change(self._worker, values)
            fate = self._change(name, worker, values, self._edits, executes=each.is_executed)
            fate["rows"] = sorted(each.rows)
        for name, risky in everyday.risky(self.run).items():
            if name not in self._names:
                continue
            edits = [*self._edits, risky.edit]
            values = {**self._values, **risky.values}
            fate = self._change(name, self._worker, values, edits, executes=risky.is_executed)
            if risky.id not in {finding["id"] for finding in fate["findings"]}:
                fate["surprises"].append(f"there is no finding {risky.id}")

    def _change(
        self,
        name: str,
        worker: Worker,
        values: dict[str, str],
        edits: list[everyday.Edit],
        *,
        executes: bool,
    ) -> dict[str, Any]:
        """Proposes one change, executes it if that is safe, and records both."""
        template = self._built(worker, edits)
        fate: dict[str, Any] = {
            "name": name,
            "before": self._side(self._template, self._values),
            "after": self._side(template, values),
            "findings": [],
            "surprises": [],
            "status": "",
        }
        self.recorded["changes"].append(fate)
        self._write(template, values)
        try:
            review = self._reviewed()
        except Problem as problem:
            fate["surprises"].append(f"no change set: {problem}")
            return self._told(fate)
        if review is None:
            fate["surprises"].append("CloudFormation sees no change")
            return self._told(fate)
        cloudformation, arn = self.clients("cloudformation"), review.change_set.arn
        fate["plain"] = change_set.describe(cloudformation, arn, values=False)
        fate["detailed"] = change_set.describe(cloudformation, arn, values=True)
        fate["findings"] = [
            each.model_dump(include={"id", "level", "logical_id"}) for each in review.findings
        ]
        if not executes:
            change_set.delete(cloudformation, arn)
            return self._told(fate)
        before = self._seen()
        fate["status"] = self._executed(review)
        fate["checks"] = compared(review, before, self._seen(), fate["status"])
        if fate["status"] == "UPDATE_COMPLETE":
            self._worker, self._values = worker, values
            self._edits, self._template = edits, template
        return self._told(fate)

    def _told(self, fate: dict[str, Any]) -> dict[str, Any]:
        wrong = [each for each in fate.get("checks", ()) if each["predicted"] != each["happened"]]
        said = fate["status"] or "proposed only"
        more = f", {len(wrong)} outcomes not as predicted" if wrong else ""
        _say(f"  {fate['name']}: {said}{more}{''.join(f'; {each}' for each in fate['surprises'])}")
        return fate

    def _built(self, worker: Worker, edits: Sequence[everyday.Edit]) -> Template:
        template: Template = json.loads(json.dumps(everyday.build(worker)))
        for edit in edits:
            edit(template)
        return template

    def _side(self, template: Template, values: Mapping[str, str]) -> dict[str, Any]:
        text = _text(template)
        self.recorded["templates"][digest(text)] = text
        return {"template": digest(text), "values": _declared(template, values)}

    def _write(self, template: Template, values: Mapping[str, str]) -> None:
        """The checkout of which the next review is."""
        (self._folder / "out/worker.template.yaml").write_text(_text(template))
        given: dict[str, Any] = dict(_declared(template, values))
        for name, parameter in template["Parameters"].items():
            if parameter["Type"].startswith("List<") and name in given:
                given[name] = given[name].split(",")
        params = {
            "template-file-path": "out/worker.template.yaml",
            "parameters": given,
            "tags": {"Bench": self.run},
        }
        (self._folder / f"params/bench/{self.run}.yaml").write_text(yaml.safe_dump(params))

    def _reviewed(self) -> Review | None:
        deployment = deployments.load(f"bench/{self.run}", self._folder)
        return make_review.make_review(deployment, self.clients, self.clock)

    def _executed(self, review: Review) -> str:
        """Executes the change set and watches it to its end; the stack's status then."""
        deployment = deployments.load(f"bench/{self.run}", self._folder)
        operation = execution.execute(review, deployment, self.clients)
        return watch.watch(operation, self.clients, self.clock, Quiet()).status

    def _seen(self) -> dict[str, str]:
        """The physical id of each resource, and which deployment of the service is current."""
        stack = read(self.clients("cloudformation"), self.run)
        found = {
            each.logical_id: each.physical_id
            for each in resources(self.clients("cloudformation"), stack.id)
        }
        arn = found.get("Service", "")
        [service] = self.clients("ecs").describe_services(
            cluster=arn.split("/")[-2], services=[arn]
        )["services"]
        current = [each for each in service["deployments"] if each["status"] == "PRIMARY"]
        found[DEPLOYMENT] = current[0]["id"] if current else ""
        found[DESIRED] = str(service["desiredCount"])
        return found


DEPLOYMENT, DESIRED = "the service's deployment", "the desired count"


def _text(template: Template) -> str:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(template, Dumper=dumper, sort_keys=False, width=120)
    return text


def _declared(template: Template, values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name in template["Parameters"]}


def compared(
    review: Review, before: Mapping[str, str], after: Mapping[str, str], status: str
) -> list[dict[str, str]]:
    """Each thing that the review said would happen, and what did: what, predicted, happened.

    ``before`` and ``after``: the physical ids by logical id, with the service's deployment.
    """
    found = [_check("the stack", "UPDATE_COMPLETE", status)]
    if any(each.id == "custom-name-replaced" for each in review.findings):
        found = [_check("the stack", "UPDATE_ROLLBACK_COMPLETE", status)]
    changes = {each.logical_id: each for each in review.resources}
    for name in sorted({*before, *after} - {DEPLOYMENT, DESIRED}):
        if wanted := _fate(changes.get(name)):
            happened = _happened(before.get(name, ""), after.get(name, ""))
            found.append(_check(name, wanted, happened))
    ids = {each.id for each in review.findings}
    if "service-replaced" not in ids:
        restarts = "new" if "tasks-restarted" in ids else "the same"
        same = before[DEPLOYMENT] == after[DEPLOYMENT]
        found.append(_check(DEPLOYMENT, restarts, "the same" if same else "new"))
    if "capacity-reset" in ids:
        body = next(each.after for each in review.resources if each.type == SERVICE)
        wanted = str(body["Properties"]["DesiredCount"])
        found.append(_check(DESIRED, wanted, after[DESIRED]))
    return found


def _fate(change: ResourceChange | None) -> str:
    """What becomes of a resource; empty where the review leaves it open."""
    if change is None or not change.can_change:
        return "kept"
    if change.action != "Modify":
        return {"Add": "added", "Remove": "gone"}.get(change.action, "")
    return {"True": "replaced", "False": "kept", None: "kept"}.get(change.replaces, "")


def _happened(before: str, after: str) -> str:
    if not before or not after:
        return "added" if after else "gone"
    return "kept" if before == after else "replaced"


def _check(what: str, predicted: str, happened: str) -> dict[str, str]:
    return {"what": what, "predicted": predicted, "happened": happened}
