"""What must hold before a stack is adopted; where it does not, nothing is changed."""

from collections.abc import Collection, Iterator
from typing import Any

from deployer import stack as stacks
from deployer.adopting.deployed import Deployed, resolved
from deployer.source import Source
from problem import Refusal

MOVABLE = "FULLY_MUTABLE"
"""What DescribeType says of a type that can be refactored.

Source: CloudFormation user guide, "Stack refactoring", resource limitations. The list of
further types there has none of those of out/; what the service itself refuses is told when
the refactoring is made.
"""


def check(deployed: Deployed, source: Source, cloudformation: Any) -> None:
    """Raises Refusal for a stack that is another's, takes no change, or is imported from."""
    name = source.deployment.name
    stacks.check_owner(deployed.stack, name)
    stacks.check_updatable(deployed.stack, name)
    for export in _lost_exports(deployed, source):
        importing = _imports(cloudformation, export)
        if importing:
            raise Refusal(
                f"The export {export} is imported by {', '.join(importing)}",
                "out/ does not have it, and CloudFormation removes no export that is in use",
                "Make that stack independent of it first (a parameter in place of"
                " Fn::ImportValue), then adopt",
            )


def check_no_policy(deployed: Deployed, cloudformation: Any) -> None:
    """Raises Refusal for a stack policy, with which no stack can be refactored.

    Source: CloudFormation user guide, "Stack refactoring", considerations.
    """
    if cloudformation.get_stack_policy(StackName=deployed.stack.id).get("StackPolicyBody"):
        raise Refusal(
            f"The stack {deployed.stack.name} has a stack policy",
            "CloudFormation refactors no stack that has one, whatever it allows, and it cannot"
            " be taken off again",
            "Rename with --import LOGICAL_ID for each, or leave the stack to its tool",
        )


def _lost_exports(deployed: Deployed, source: Source) -> Iterator[str]:
    """Names that the deployed stack exports and ours does not."""
    deployment = source.deployment
    before = resolved(deployed.template, deployed.parameters, deployment).outputs
    values = source.values(service_exists=True)
    after = resolved(source.template, values, deployment).outputs
    kept = {str(body["Export"].get("Name")) for body in after.values() if body.get("Export")}
    for body in before.values():
        export = (body.get("Export") or {}).get("Name")
        if isinstance(export, str) and export not in kept:
            yield export


def _imports(cloudformation: Any, export: str) -> list[str]:
    from botocore.exceptions import ClientError

    try:
        pages = cloudformation.get_paginator("list_imports").paginate(ExportName=export)
        return [name for page in pages for name in page["Imports"]]
    except ClientError as error:
        # An export that nobody imports is an error of its own to CloudFormation.
        if "not imported by any stack" in str(error):
            return []
        raise


def immovable(kinds: Collection[str], cloudformation: Any) -> dict[str, str]:
    """The types that cannot be refactored, each with what the registry says of it."""
    found = {}
    for kind in sorted(set(kinds)):
        answer = cloudformation.describe_type(Type="RESOURCE", TypeName=kind)
        said = answer.get("ProvisioningType", MOVABLE)
        if said != MOVABLE:
            found[kind] = f"its provisioning type is {said}"
    return found
