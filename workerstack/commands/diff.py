"""``deploy.py diff``: what would change, from two templates, without AWS."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from workerstack import deployments
from workerstack.commands.aiming import complete_names, stack_option
from workerstack.commands.example import WithExample
from workerstack.commands.options import CHANGES, root_option
from workerstack.commands.review_formats import all_option, format_option, report
from workerstack.deployments import anywhere
from workerstack.output import say, show_formatted
from workerstack.problem import Problem, harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workerstack.cloudformation import Template
    from workerstack.deployer.revisions import RevisionFiles
    from workerstack.review.predict import Prediction, TemplateSide

NOTHING = "nothing"
"""Instead of a template: there is none, before or afterwards."""

GIT = "git:"

PARAMS_DEPTH = 3
"""Folders above a file of params/ENV, the checkout's own the last."""


@click.command(cls=WithExample, example="--base HEAD")
@click.argument(
    "names", nargs=-1, metavar="[OLD NEW | ENV/STACK... | FILE]", shell_complete=complete_names
)
@stack_option
@click.option(
    "--params", metavar="FILE", help="Take the values of both, or of NEW, from this file."
)
@click.option(
    "--old-params",
    metavar="FILE",
    help="Take the values of OLD from this file [default: --params].",
)
@click.option(
    "--base", metavar="REV", help="Compare all or the named deployments with this revision."
)
@click.option(
    "--head",
    metavar="REV",
    help="With --base: compare this revision instead of the checkout.",
)
@format_option
@all_option
@root_option
def diff(
    *,
    names: tuple[str, ...],
    stack: str | None,
    params: str | None,
    old_params: str | None,
    base: str | None,
    head: str | None,
    form: str,
    whole: bool,
    root: Path,
) -> int:
    """Predict the change set from OLD to NEW, without AWS.

    OLD and NEW are templates: files, git:REV:PATH, or `nothing`. With --base every
    deployment of params/ is compared with what it was in that revision, or FILE with --stack.
    Exit 2: changes.
    """
    if stack is not None and (base is None or head or len(names) != 1):
        raise click.UsageError("--stack goes with one FILE and with --base, and not with --head")
    if base is None:
        if head:
            raise click.UsageError("--head goes with --base")
        match names:
            case (old, new):
                found = [_templates(old, new, params, old_params or params, root)]
            case _:
                raise click.UsageError("give OLD and NEW, or --base REV")
    else:
        if params or old_params:
            raise click.UsageError("--params goes with OLD and NEW, not with --base")
        found = list(
            _file(base, names[0], stack)
            if stack is not None
            else _deployments(base, names, root)
            if head is None
            else _of_revision(base, head, names, root)
        )
    changed = [each.review for each in found if each.may_change]
    if changed:
        show_formatted(report(changed, form, several=base is not None, whole=whole), form)
    for each in found:
        if each.review not in changed:
            say(f"No changes: {each.review.where.deployment}.")
    return CHANGES if changed else 0


def _templates(
    old: str, new: str, params: str | None, old_params: str | None, root: Path
) -> "Prediction":
    from workerstack.review.predict import foresee

    after = _deployment(params, root)
    return foresee(
        _side(old, _deployment(old_params, root), root),
        _side(new, after, root),
        name=after.name if after else harmless(f"{old} -> {new}"),
        account=after.target.account if after and not after.of_file else "",
        region=after.target.region if after and not after.of_file else "",
        stack=after.stack if after else "",
    )


def _side(place: str, values: deployments.Deployment | None, root: Path) -> "TemplateSide":
    from workerstack.cloudformation import read
    from workerstack.review.predict import TemplateSide

    if place == NOTHING:
        return TemplateSide()
    return _with_values(read(_text(place, root), place), values)


def _new_side(deployment: deployments.Deployment) -> "TemplateSide":
    from workerstack.cloudformation import read

    file = deployment.template
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise Problem(
            "The template cannot be read",
            reason or "it is not there",
            f"Correct `template-file-path` of {deployment.name}, or generate the template",
            file=file,
        ) from None
    return _with_values(read(text, file), deployment)


def _with_values(template: "Template", values: deployments.Deployment | None) -> "TemplateSide":
    from workerstack.review.predict import TemplateSide

    if values is None:
        return TemplateSide(template.data, document=template)
    joined = {
        name: ",".join(value) if isinstance(value, tuple) else value
        for name, value in values.parameters.items()
    }
    return TemplateSide(template.data, joined, values.tags, template)


def _deployment(place: str | None, root: Path) -> deployments.Deployment | None:
    """A params file, or one of a revision; its environment is the folder that it lies in."""
    if place is None:
        return None
    path = Path(place.rpartition(":")[2] if place.startswith(GIT) else place)
    name = f"{path.parent.name}/{path.stem}"
    above = path.absolute().parents
    is_of_params = len(above) > PARAMS_DEPTH and (path.parent / "target.yaml").is_file()
    if is_of_params and above[1].name == "params":
        return deployments.load_text(name, _text(place, root), path, above[PARAMS_DEPTH - 1])
    return deployments.values_of(_text(place, root), path, anywhere.repository(path.parent))


def _text(place: str, root: Path) -> str:
    from workerstack.deployer.revisions import text_at

    if place.startswith(GIT):
        revision, _, path = place.removeprefix(GIT).partition(":")
        text = text_at(revision, path, root) if path else None
        if text is None:
            raise Problem(
                f"{place} does not exist",
                f"{revision} has no file {path}" if path else "it is git:REV:PATH",
                f"Correct the path, or say `{NOTHING}` for a stack that is new",
            )
        return text
    try:
        return Path(place).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise Problem(
            f"{place} cannot be read",
            reason or "it is not there",
            f"Give a file, git:REV:PATH, or `{NOTHING}`",
        ) from None


def _file(base: str, typed: str, stack: str) -> "Iterator[Prediction]":
    """A file of any repository as it is, against what it was in the base."""
    from workerstack.deployer.revisions import text_at
    from workerstack.review.predict import TemplateSide, foresee

    file, root = anywhere.found(typed)
    new = deployments.load_file(file, stack, anywhere.NOWHERE, root)
    text = text_at(base, new.of_file, root)
    old = deployments.of_text(new, text, root) if text else None
    template = old.template.relative_to(root).as_posix() if old else ""
    existed = old is not None and text_at(base, template, root) is not None
    yield foresee(
        _side(f"{GIT}{base}:{template}", old, root) if existed else TemplateSide(),
        _new_side(new),
        name=new.name,
        account="",
        region="",
        stack=stack,
    )


def _of_revision(
    base: str, head: str, names: tuple[str, ...], root: Path
) -> "Iterator[Prediction]":
    """What a revision changes, which may be a stranger's: it is read, and never checked out."""
    from workerstack.deployer.revisions import files_of

    with files_of(head, root) as files:
        for path in files.left_out:
            if path == "params" or path.startswith("params/"):
                files.check(files.folder / path)
        yield from _deployments(base, names, root, files)


def _deployments(
    base: str, names: tuple[str, ...], root: Path, files: "RevisionFiles | None" = None
) -> "Iterator[Prediction]":
    """Each deployment as it is in ``files``, or else in the checkout, against the base."""
    from workerstack.deployer.revisions import text_at
    from workerstack.review.predict import TemplateSide, foresee

    folder = files.folder if files else root
    chosen = [deployments.load(name, folder) for name in names] or deployments.load_all(folder)
    for deployment in chosen:
        if files:
            files.check(deployment.template)
        file = deployment.source.file.relative_to(folder)
        text = text_at(base, file.as_posix(), root)
        old = deployments.load_text(deployment.name, text, file, folder) if text else None
        template = old.template.relative_to(folder) if old else None
        existed = template is not None and text_at(base, str(template), root) is not None
        yield foresee(
            _side(f"{GIT}{base}:{template}", old, root) if existed else TemplateSide(),
            _new_side(deployment),
            name=deployment.name,
            account=deployment.target.account,
            region=deployment.target.region,
            stack=deployment.stack,
        )
