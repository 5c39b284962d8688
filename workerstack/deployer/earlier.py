"""What was deployed before: from a git revision, or from what CloudFormation kept."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workerstack import deployments
from workerstack.cloudformation import declared_parameters, read
from workerstack.deployer import aws, change_set, history, revisions
from workerstack.deployer.aws import Clients
from workerstack.deployer.history import Execution
from workerstack.deployer.revisions import Commit, resolved, text_at
from workerstack.deployer.source import Source, checked_source, digest, read_source, template_text
from workerstack.deployer.stack import OWNER, StackDescription, template_body
from workerstack.deployments import Deployment
from workerstack.problem import Problem, Refusal

if TYPE_CHECKING:
    from workerstack.deployments.models import ParameterValue

TO_A_REVISION = "Name the revision: `deploy.py rollback ENV/STACK --to REVISION`"

REVISION, CHANGE_SET = "revision:", "change-set:"
"""How a source's origin begins."""

EXECUTED = "EXECUTE_COMPLETE"
"""The execution status of a change set that was executed (API reference: DescribeChangeSet)."""


def source_of(origin: str, deployment: Deployment, clients: Clients, root: Path) -> Source | None:
    """The source that a review was made of; None where it is the checkout's files.

    Of a revision git is asked again. Raises Refusal for a change set of another stack.
    """
    if not origin:
        return None
    if origin.startswith(REVISION):
        return at_revision(deployment, origin.removeprefix(REVISION), root)
    aws.identify(deployment, clients)
    arn, cloudformation = origin.removeprefix(CHANGE_SET), clients("cloudformation")
    known = change_set.described(cloudformation, arn) if change_set.ARN.fullmatch(arn) else None
    if known is None or known["StackName"] != deployment.stack:
        raise Refusal(
            "The review does not go back to what was deployed before",
            f"it names {origin}, which is not known",
            f"Review again: ./deploy.py rollback {deployment.name}",
        )
    found = _kept(deployment, arn, cloudformation)
    if found is None:
        raise Refusal(
            "The review does not go back to what was deployed before",
            f"{arn} was not executed, or is not what its name says",
            f"Review again: ./deploy.py rollback {deployment.name}",
        )
    return found


def check_origin(
    origin: str, deployment: Deployment, stack: StackDescription, clients: Clients
) -> None:
    """Raises Refusal where a kept change set is not one that was executed on the stack.

    Whoever can make a change set could name one that nobody reviewed; the stack's own events tell.
    """
    if not origin.startswith(CHANGE_SET):
        return
    found = change_set.ARN.fullmatch(origin.removeprefix(CHANGE_SET))
    done = history.executions(clients("cloudformation"), stack.id)
    if not found or not any(each.went_well and each.name == found[3] for each in done):
        raise Refusal(
            "The review does not go back to what was deployed before",
            f"it names {origin}, and the stack's events show no such execution",
            f"Review again: ./deploy.py rollback {deployment.name}",
        )


def _of_text(deployment: Deployment, text: str, root: Path) -> Deployment:
    """The same deployment, from another text of its file."""
    if deployment.of_file:
        return deployments.of_text(deployment, text, root)
    return deployments.load_text(deployment.name, text, deployment.source.file, root)


def at_revision(deployment: Deployment, revision: str, root: Path) -> Source:
    """Template and values as they were committed; raises Problem where they were not."""
    commit = resolved(revision, root)
    file = deployment.source.file
    text = _committed(commit, str(file.relative_to(root)), root)
    then = _of_text(deployment, text, root)
    template = str(then.source.data["template-file-path"])
    return checked_source(then, _committed(commit, template, root), f"{REVISION}{commit}")


def _committed(commit: str, path: str, root: Path) -> str:
    found = text_at(commit, path, root)
    if found is None:
        raise Problem(
            f"{commit[:12]} has no {path}",
            "it was not there yet, or had another name",
            "Name another revision with --to",
        )
    return found


def before(deployment: Deployment, stack: StackDescription, clients: Clients, root: Path) -> Source:
    """What was executed before what is deployed, whatever of template and values then changed."""
    done = history.executions(clients("cloudformation"), stack.id)
    return of_execution(deployment, previous(done), stack, clients, root)


def previous(newest_first: Iterable[Execution]) -> Execution:
    """The last execution that deployed something else than what is deployed.

    One that deployed the same again (drift put back) is passed over. Raises Problem where there
    is none, or it was not made by us.
    """
    well = (each for each in newest_first if each.went_well)
    deployed = next(well, None)
    found = next((each for each in well if deployed and not each.deploys_as(deployed)), None)
    if found is None:
        raise Problem(
            "There is nothing to go back to",
            "the stack's events show no earlier update that succeeded",
            TO_A_REVISION,
        )
    if found.told is None:
        raise Problem(
            "Cannot find the previous template",
            f"that update was not made by deploy.py ({found.name or 'it has no token'})",
            TO_A_REVISION,
        )
    return found


def named(
    to: str, deployment: Deployment, stack: StackDescription, clients: Clients, root: Path
) -> Source:
    """What an execution deployed, by the name that `--list` shows, or what a git revision has.

    Raises Problem where there is no such execution, or it deployed nothing.
    """
    if change_set.told(to) is None:
        return at_revision(deployment, to, root)
    done = history.executions(clients("cloudformation"), stack.id)
    found = next((each for each in done if each.name == to), None)
    if found is None or not found.went_well:
        raise Problem(
            f"{to} is not a deployment to go back to",
            f"it ended in {found.status}: {found.outcome}" if found
            else f"the events of {stack.name} show no such execution",
            f"See which there are: `deploy.py rollback {deployment.name} --list`",
        )  # fmt: skip
    return of_execution(deployment, found, stack, clients, root)


def of_execution(
    deployment: Deployment,
    execution: Execution,
    stack: StackDescription,
    clients: Clients,
    root: Path,
) -> Source:
    """What an execution deployed: in git, else in CloudFormation, else on another branch.

    Executing a change set deletes the stack's other ones, but one that was executed may be
    kept. A commit that is not in the history of HEAD is the last resort: `execute` refuses it.
    """
    found = fitting(deployment, [execution], root).get(execution.name)
    if found and found[0].is_merged:
        return found[1]
    kept = _kept_by_name(deployment, execution.name, stack, clients("cloudformation"))
    return kept or (found[1] if found else _lost(execution))


def fitting(
    deployment: Deployment, executions: Iterable[Execution], root: Path
) -> dict[str, tuple[Commit, Source]]:
    """The newest commit with what each execution deployed, by the execution's name.

    A commit fits that has both digests. The name of before has none of the values: then it is
    the newest one that was made before the change set, or else the first one after. What no
    commit has is left out, and so is what today's tool cannot read.
    """
    return holding(deployment, {each.name: each.told for each in executions if each.told}, root)


def of_stack(
    deployment: Deployment, stack: StackDescription, clients: Clients, root: Path
) -> tuple[Commit | None, bool]:
    """The newest commit that has what a stack is deployed with, and whether the files here have.

    Whoever deployed it: template, values and tags are those that AWS has.
    """
    text = template_text(template_body(clients("cloudformation"), StackName=stack.id))
    # Not the values that SSM parameters had: their names are what was given.
    values = dict(_pairs(stack.answer.get("Parameters", ()), "Parameter"))
    source = _as_told(deployment, text, values, stack.tags or {})
    made = datetime.fromisoformat(stack.last_updated)
    told = change_set.NamedDigests(made, source.template_digest, source.values_digest)
    found = holding(deployment, {stack.name: told}, root).get(stack.name)
    return (found[0] if found else None), told.fits(read_source(deployment))


def holding(
    deployment: Deployment, wanted: Mapping[str, change_set.NamedDigests], root: Path
) -> dict[str, tuple[Commit, Source]]:
    """The newest commit that has the digests which are told, by the name that they go by."""
    file = deployment.source.file.relative_to(root).as_posix()
    path = str(deployment.source.data["template-file-path"])
    commits = revisions.touching(dict.fromkeys([file, path]), root) if wanted else []
    values = revisions.texts_at([each.id for each in commits], file, root)
    reader = _Reader(deployment, root)
    found: dict[str, list[tuple[Commit, Source]]] = {}
    places: dict[str, list[Commit]] = {}
    for commit in commits:
        then = reader.deployment(values[commit.id])
        if then is not None:
            places.setdefault(str(then.source.data["template-file-path"]), []).append(commit)
    for place, those in places.items():
        templates = revisions.texts_at([each.id for each in those], place, root)
        for commit in those:
            told = templates[commit.id]
            fits = [name for name, each in wanted.items()
                    if told is not None and digest(told).startswith(each.template)]  # fmt: skip
            source = reader.source(values[commit.id], told) if fits and told else None
            for name in fits:
                if source is not None and wanted[name].fits(source):
                    origin = f"{REVISION}{commit.id}"
                    found.setdefault(name, []).append((commit, replace(source, origin=origin)))
    return {name: _newest(each, wanted[name]) for name, each in found.items()}


def _newest(
    found: list[tuple[Commit, Source]], told: change_set.NamedDigests
) -> tuple[Commit, Source]:
    merged = [each for each in found if each[0].is_merged] or found
    if told.values:
        return max(merged, key=lambda each: each[0].date)
    # Git's times are whole seconds of when it was committed, and so are those in a name.
    earlier = [each for each in merged if each[0].date <= told.made]
    if earlier:
        return max(earlier, key=lambda each: each[0].date)
    return min(merged, key=lambda each: each[0].date)


class _Reader:
    """Reads each text of a values file, and each pair of it with a template, once."""

    def __init__(self, deployment: Deployment, root: Path) -> None:
        self._deployment, self._root = deployment, root
        self._deployments: dict[str, Deployment | None] = {}
        self._sources: dict[tuple[str, str], Source | None] = {}

    def deployment(self, text: str | None) -> Deployment | None:
        if text is None:
            return None
        if text not in self._deployments:
            try:
                found = _of_text(self._deployment, text, self._root)
            except Problem:
                # An older form of the file, or a slip that was committed: nobody deployed it.
                found = None
            self._deployments[text] = found
        return self._deployments[text]

    def source(self, values: str | None, template: str) -> Source | None:
        then = self.deployment(values)
        if values is None or then is None:
            return None
        if (values, template) not in self._sources:
            try:
                found = checked_source(then, template)
            except Problem:
                found = None
            self._sources[values, template] = found
        return self._sources[values, template]


def _kept_by_name(
    deployment: Deployment, name: str, stack: StackDescription, cloudformation: Any
) -> Source | None:
    from botocore.exceptions import ClientError

    try:
        found = cloudformation.describe_change_set(ChangeSetName=name, StackName=stack.id)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ChangeSetNotFound":
            raise
        return None
    return _kept(deployment, found["ChangeSetId"], cloudformation)


def _kept(deployment: Deployment, arn: str, cloudformation: Any) -> Source | None:
    """What an executed change set deployed; None for one that is not what its name says.

    CloudFormation deletes change sets and takes their names again, so a name alone says nothing.
    """
    answer = cloudformation.describe_change_set(ChangeSetName=arn)
    body = template_body(cloudformation, ChangeSetName=arn)
    text = template_text(body)
    hidden = sorted(
        name for name, each in declared_parameters(read(text, arn).data).items() if each.no_echo
    )
    if hidden:
        raise Problem(
            f"CloudFormation does not give back {', '.join(hidden)}",
            "a NoEcho parameter is masked in its answers",
            TO_A_REVISION,
        )
    values = dict(_pairs(answer.get("Parameters", ()), "Parameter"))
    source = _as_told(deployment, text, values, dict(_pairs(answer.get("Tags", ()))))
    source = replace(source, origin=f"{CHANGE_SET}{arn}")
    told = change_set.told(answer["ChangeSetName"])
    # The bytes of a template in JSON are not answered, so they have no digest here.
    template = told.template if told and isinstance(body, str) else ""
    is_told = told is not None and told._replace(template=template).fits(source)
    return source if is_told and answer.get("ExecutionStatus") == EXECUTED else None


def _as_told(
    deployment: Deployment, text: str, values: Mapping[str, str], tags: Mapping[str, str]
) -> Source:
    """A template with the values and tags that AWS has, as params/ would have them."""
    declared = declared_parameters(read(text, f"the template of {deployment.stack}").data)
    given: dict[str, ParameterValue] = {
        name: tuple(value.split(",")) if name in declared and declared[name].is_list else value
        for name, value in values.items()
    }
    own = {key: value for key, value in tags.items() if key != OWNER}
    return checked_source(replace(deployment, parameters=given, tags=own), text)


def _pairs(answer: Iterable[Mapping[str, str]], what: str = "") -> Iterator[tuple[str, str]]:
    return ((each[f"{what}Key"], each[f"{what}Value"]) for each in answer)


def _lost(execution: Execution) -> Source:
    told = execution.told
    template, values = (told.template, told.values) if told else ("", "")
    digests = f"a template {template}{f' and values {values}' if values else ''}"
    raise Problem(
        f"What {execution.name} deployed is not known any more",
        f"CloudFormation has not kept it, and no commit has {digests} (a shallow clone has not"
        " all of them)",
        TO_A_REVISION,
    )
