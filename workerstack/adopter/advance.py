"""The steps of an adoption, proposed; nothing is changed but the mapping's file."""

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from workerstack.adopter import mapping, refactor, retain_import
from workerstack.adopter.deployed_template import DeployedTemplate
from workerstack.adopter.plan import AdoptionPlan, next_step
from workerstack.adopter.refactor import mapping_name
from workerstack.cloudformation import declared_parameters
from workerstack.deployer import change_set, make_review
from workerstack.deployer.aws import Clients
from workerstack.deployer.binding import check_known
from workerstack.deployer.change_set import Request
from workerstack.deployer.clock import Clock
from workerstack.deployer.source import Source, placed
from workerstack.deployer.stack import StackDescription
from workerstack.deployments import Deployment
from workerstack.problem import Problem
from workerstack.review.model import Consent, Review, Step, Where
from workerstack.review.renaming import Renaming

STEPS: dict[str, Step] = {"retain": "retain", "remove": "remove", "import": "import"}
"""The steps that are change sets, and no renaming."""


def next_source(
    deployment: Deployment, deployed: DeployedTemplate
) -> tuple[Source, tuple[str, ...]]:
    """The source of the step that is next, and which of ours it is about.

    Where no change set is next, that is the template as it is deployed.
    """
    step, names = next_step(mapping.read(deployment), deployed)
    return source_of(STEPS.get(step, ""), deployment, deployed), names


def source_of(step: Step, deployment: Deployment, deployed: DeployedTemplate) -> Source:
    """What the step makes of the deployed template, by what the mapping's file says.

    The same file and the same stack give the same bytes.
    """
    entries = mapping.read(deployment).resources
    moving = {
        ours: entry for ours, entry in entries.items()
        if entry.by == "import" and ours not in deployed.resources
    }  # fmt: skip
    ids = [entry.is_ for entry in moving.values() if entry.is_ in deployed.resources]
    template = deployed.template
    if step == "retain":
        template = retain_import.retained(template, ids)
    elif step == "remove":
        template = retain_import.removed(template, ids, _values(deployed, ids))
    elif step == "import":
        template = retain_import.imported(
            template, {ours: entry.body for ours, entry in moving.items() if entry.body}
        )
    text = json.dumps(template, ensure_ascii=False)
    values = dict(deployed.stack.parameters or {})
    as_deployed = replace(deployment, parameters=values, tags=deployed.stack.tags or {})
    declared = declared_parameters(dict(template))
    return Source(as_deployed, mapping_name(deployment), text, template, declared, adoption=step)


def _values(deployed: DeployedTemplate, ids: list[str]) -> retain_import.Known:
    told = {
        each["OutputKey"]: each.get("OutputValue", "")
        for each in deployed.stack.answer.get("Outputs", ())
    }
    return retain_import.known(deployed.template, ids, told)


def with_bodies(plan: AdoptionPlan) -> mapping.AdoptionMapping:
    """The mapping with what will be imported, written down before it leaves the stack."""
    template = plan.deployed.template
    resources = dict(plan.mapping.resources)
    for ours in plan.step[1]:
        entry = resources[ours]
        values = _values(plan.deployed, [entry.is_])
        body = retain_import.independent_body(template, entry.is_, values)
        resources[ours] = entry.model_copy(update={"body": body})
    return plan.mapping.model_copy(update={"resources": resources})


def propose_step(
    plan: AdoptionPlan, clients: Clients, clock: Clock, caller: str, allowed: Collection[str] = ()
) -> Review:
    """Makes the step's change set and reads it; nothing is executed.

    ``allowed`` are blocking findings that the caller lets through. The mapping's file must have
    been written. Raises Problem where the change set fails, Refusal where it has no such finding.
    """
    step, names = plan.step
    deployment, deployed = plan.source.deployment, plan.deployed
    source = source_of(STEPS[step], deployment, deployed)
    cloudformation = clients("cloudformation")
    name = change_set.change_set_name(source, clock)
    consents = make_review.consents(allowed, caller)
    request = requested(clients, source, deployed.stack, name, names, consents)
    arn = change_set.submit(cloudformation, request)
    plain = change_set.awaited(clients, arn, clock, f"./deploy.py adopt {deployment.name}")
    if plain["Status"] != "CREATE_COMPLETE":
        make_review.failed(cloudformation, arn, deployed.stack, plain)
        raise Problem(f"There is nothing to {step}", "CloudFormation sees no change", "Adopt again")
    where = Where(
        deployment=deployment.name,
        account=deployment.target.account,
        region=clients.region,
        caller=caller,
        stack_name=deployed.stack.name,
        stack_id=deployed.stack.id,
    )
    found = make_review.judged(clients, source, deployed.stack, plain, where, request)
    return make_review.let_through(found, consents, cloudformation, deployed.stack)


def requested(
    clients: Clients,
    source: Source,
    stack: StackDescription,
    name: str,
    names: Collection[str],
    consents: Collection[Consent] = (),
) -> Request:
    """What is asked of CreateChangeSet for a step; an execution asks anew, and compares.

    ``names`` are those of ours that the step is about, ``consents`` what was let through.
    """
    step = source.adoption
    template = placed(source, clients)
    return dict(
        StackName=stack.id,
        ChangeSetName=name,
        ClientToken=name,
        ChangeSetType="IMPORT" if step == "import" else "UPDATE",
        Description=change_set.description(source, consents=consents),
        **template,
        Parameters=[
            {"ParameterKey": key, "UsePreviousValue": True} for key in sorted(source.declared)
        ],
        Tags=[
            {"Key": key, "Value": value}
            for key, value in sorted(source.deployment.tags.items())
            if not key.startswith("aws:")
        ],
        Capabilities=change_set.capabilities(clients("cloudformation"), source, template),
        **({"ResourcesToImport": _to_import(source.deployment, names)} if step == "import" else {}),
        **change_set.target_options(source),
    )


def _to_import(deployment: Deployment, names: Collection[str]) -> list[dict[str, Any]]:
    """What the mapping's file says of these."""
    known = mapping.read(deployment).resources
    entries = {ours: known[ours] for ours in names}
    return [
        {
            "ResourceType": entry.type,
            "LogicalResourceId": ours,
            "ResourceIdentifier": retain_import.identifier(
                entry.type, entry.physical_id, (entry.body or {}).get("Properties", {})
            ),
        }
        for ours, entry in entries.items()
    ]


def advance(
    plan: AdoptionPlan, clients: Clients, clock: Clock, caller: str, allowed: Collection[str] = ()
) -> tuple[AdoptionPlan, Renaming | Review | None]:
    """The plan as it was written down, and its next step: a renaming, or a change set.

    None where everything has our names; ``allowed`` as ``propose_step``. Raises CannotRefactor
    where a type must be imported.
    """
    step, _ = plan.step
    if step in ("rename", "done"):
        check_known(allowed, ())
    if step == "rename":
        refactor.check_movable(plan, clients("cloudformation"))
    if step == "remove":
        plan = replace(plan, mapping=with_bodies(plan))
    mapping.write(plan.mapping, plan.source.deployment)
    if step == "done":
        return plan, None
    if step == "rename":
        return plan, refactor.propose_renaming(plan, clients, clock, caller)
    return plan, propose_step(plan, clients, clock, caller, allowed)
