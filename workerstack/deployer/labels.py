"""Whether two templates come to the same stack, and differ in labels only.

CloudFormation compares what a template comes to. A description, the Metadata of a template and
what stands only beside the resources cannot be updated by themselves: they go along with the next
change of a resource. A DeletionPolicy cannot either, and it is no label.
Source: CloudFormation user guide, "Metadata", "Conditions" ("you cannot update ... by
themselves"); template reference, "DeletionPolicy attribute".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workerstack.cloudformation import (
    Output,
    Resource,
    Stack,
    Template,
    equal,
    from_data,
    read,
    resolve,
    surroundings,
)
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.source import Source, read_source, template_text
from workerstack.deployments import Deployment

TOGETHER = (
    "Change the Metadata of these resources with it: CloudFormation takes no DeletionPolicy and"
    " no UpdateReplacePolicy alone"
)
POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")
SETTINGS = ("CreationPolicy", "UpdatePolicy")
ALONG = "which CloudFormation takes only along with the change of a resource"


@dataclass(frozen=True)
class Comparison:
    """Where two templates differ: logical ids, names of outputs, and labels in words.

    ``policies``: resources of which only what happens at their deletion differs.
    """

    resources: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether they come to the same stack; labels may differ."""
        return not self.resources and not self.outputs and not self.policies

    @property
    def only_policies(self) -> bool:
        """Whether what CloudFormation takes by itself is the same."""
        return bool(self.policies) and not self.resources and not self.outputs

    @property
    def sentence(self) -> str:
        """Where they differ; empty where they do not."""
        differing = (*self.resources, *self.outputs)
        if differing:
            return f"these differ from what is deployed: {', '.join(differing)}"
        if self.policies:
            return f"what happens at the deletion of {', '.join(self.policies)} differs"
        return f"it differs in {' and '.join(self.labels)} only, {ALONG}" if self.labels else ""


def unchanged(deployment: Deployment, clients: Clients) -> str:
    """What to say where CloudFormation finds no changes: labels may differ all the same."""
    cloudformation = clients("cloudformation")
    source, stack = read_source(deployment), stacks.read(cloudformation, deployment.stack)
    values = "its values" if deployment.of_file else "params/"
    whole = f"No changes: {deployment.name} matches {source.file} and {values}."
    if stack.is_new:
        return whole
    body = template_text(stacks.template_body(cloudformation, StackName=stack.id))
    found = of_stack(source, stack, body)
    if not found.sentence:
        return whole
    said = f"No changes to the resources of {deployment.name}; {source.file}: {found.sentence}."
    return f"{said} {TOGETHER}." if found.only_policies else said


def of_stack(source: Source, stack: stacks.StackDescription, body: str) -> Comparison:
    """The template that a stack has, ``body``, against the one of a checkout."""
    _, _, _, region, account, *_ = stack.id.split(":")
    known = surroundings(account, region, stack.name) | {"AWS::StackId": stack.id}
    values = {**source.values(), **(stack.parameters or {})}
    return compare(
        read(body, f"the template of {stack.name}"), from_data(source.template, source.file),
        values, known, stack.parameters or {},
    )  # fmt: skip


def compare(
    deployed: Template, committed: Template, values: Mapping[str, str],
    known: Mapping[str, Any], stored: Mapping[str, str],
) -> Comparison:  # fmt: skip
    """Both with the same values; ``known`` are the pseudo parameters, ``stored`` as ``resolve``."""
    old, new = (resolve(each, values, known, stored=stored) for each in (deployed, committed))
    names = sorted(
        {**old.resources, **new.resources, **dict.fromkeys((*old.absent, *new.absent), 0)}
    )
    outputs = sorted({**old.outputs, **new.outputs})
    resources = [name for name in names if _differs(old, new, name)]
    return Comparison(
        resources=tuple(resources),
        outputs=tuple(
            each for each in outputs if not _same(old.outputs.get(each), new.outputs.get(each))
        ),
        policies=tuple(
            name for name in names if name not in resources
            and name in old.resources and name in new.resources
            and _attributes(old.resources[name], POLICIES)
            != _attributes(new.resources[name], POLICIES)
        ),
        labels=tuple(_labels(deployed, committed, old, new)),
    )  # fmt: skip


def _differs(old: Stack, new: Stack, name: str) -> bool:
    one, other = old.resources.get(name), new.resources.get(name)
    if one is None or other is None:
        return (one is None) != (other is None)
    return (
        one.type != other.type
        or one.exists != other.exists
        or not equal(dict(one.properties), dict(other.properties))
        or _attributes(one, SETTINGS) != _attributes(other, SETTINGS)
    )


def _attributes(resource: Resource, names: tuple[str, ...]) -> list[Any]:
    return [resource.attributes.get(name) for name in names]


def _same(one: Output | None, other: Output | None) -> bool:
    if one is None or other is None:
        return one is other
    return equal(one.value, other.value) and equal(one.export, other.export)


def _labels(deployed: Template, committed: Template, old: Stack, new: Stack) -> Iterator[str]:
    one, other = deployed.data, committed.data
    for name in ("Description", "Metadata", "Parameters", "Conditions", "Mappings", "Rules"):
        if not equal(one.get(name), other.get(name), name):
            yield "the description" if name == "Description" else name
    changed = [
        name
        for name in old.resources
        if name in new.resources
        and not equal(
            old.resources[name].attributes.get("Metadata"),
            new.resources[name].attributes.get("Metadata"),
        )
    ]
    if changed:
        yield f"the Metadata of {', '.join(changed)}"
    described = [name for name in old.outputs if name in new.outputs
                 and old.outputs[name].description != new.outputs[name].description]  # fmt: skip
    if described:
        yield f"the description of {', '.join(described)}"
