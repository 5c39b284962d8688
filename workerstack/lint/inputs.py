"""The generated texts together with the params files that deploy them."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from workerstack import cloudformation, deployments
from workerstack.cloudformation import Parameter, Template, declared_parameters
from workerstack.deployments.reading import left_open, problems, with_lists
from workerstack.lint.lint import LintRequest
from workerstack.problem import Problem


def _template_name(deployment: deployments.Deployment, root: Path) -> str:
    return str(deployment.template.relative_to(root))


def deployments_of(texts: Mapping[str, str], root: Path) -> list[deployments.Deployment]:
    """The deployments of every params file; each must deploy a template that we make."""
    found = deployments.load_all(root)
    for deployment in found:
        template = _template_name(deployment, root)
        if template not in texts:
            raise Problem(
                f"Nothing generates {template}",
                f"the workers give {', '.join(texts)}",
                "Correct the path or add the worker to templates/workers.py",
                file=deployment.source.file,
                line=deployment.source.line(("template-file-path",)),
            )
    return found


@lru_cache(maxsize=256)
def read(text: str, name: str) -> Template:
    """A template, read once for all that ask."""
    return cloudformation.read(text, name)


@lru_cache(maxsize=256)
def _declared(text: str, name: str) -> Mapping[str, Parameter]:
    """What a template declares."""
    return declared_parameters(read(text, name).data)


def mistakes(
    texts: Mapping[str, str], deployed: Sequence[deployments.Deployment], root: Path
) -> list[Problem]:
    """What the params files say that their templates do not allow."""
    declared = {name: _declared(text, name) for name, text in texts.items()}
    return [
        mistake
        for deployment in deployed
        for of_template in [declared[_template_name(deployment, root)]]
        for mistake in (left_open(deployment, of_template) or problems(deployment, of_template))
    ]


def requests(
    texts: Mapping[str, str], deployed: Sequence[deployments.Deployment], root: Path
) -> list[LintRequest]:
    """Each template alone, and with the values of all params files that use it."""
    alone = [LintRequest(name, text, {}) for name, text in texts.items()]
    deployed_with = []
    for name, text in texts.items():
        declared = _declared(text, name)
        values = {
            str(each.source.file.relative_to(root)): with_lists(each, declared)
            for each in deployed
            if _template_name(each, root) == name
        }
        if values:
            deployed_with.append(LintRequest(name, text, values))
    return [*alone, *deployed_with]
