"""Does what a deployment needs exist? Looked for before anything is executed, and only read.

The needs are read from the template as it resolves with the values of params/, whatever its
logical IDs are: what the stack creates itself is none.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

from workerstack.cloudformation import from_data, resolve, surroundings
from workerstack.deployer import stack as stacks
from workerstack.deployer.aws import Clients
from workerstack.deployer.aws_errors import code_of
from workerstack.deployer.source import Source, read_source
from workerstack.deployments import Deployment
from workerstack.verifier.asking import DENIED, asked_once
from workerstack.verifier.check import Verdict
from workerstack.verifier.needs import Need, Subject, judge
from workerstack.verifier.network_needs import network_needs
from workerstack.verifier.queue_needs import queue_needs
from workerstack.verifier.quota_needs import quota_needs
from workerstack.verifier.task_needs import task_needs

AT_ONCE = 12
"""Needs that are looked for at the same time."""


def preflight(
    deployment: Deployment, clients: Clients, source: Source | None = None
) -> list[Verdict]:
    """One check a need, in the order of the template; nothing is changed.

    ``source`` is what to deploy instead of the checkout's files.
    """
    subject = read_subject(deployment, clients, source)
    found = needs(subject)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(partial(judge, subject=subject), found))


def needs(subject: Subject) -> list[Need]:
    """All that must be there."""
    return [
        *task_needs(subject),
        *queue_needs(subject),
        *network_needs(subject),
        *quota_needs(subject),
    ]


def read_subject(deployment: Deployment, clients: Clients, source: Source | None = None) -> Subject:
    """The template with its values, and what its stack has today."""
    from botocore.exceptions import ClientError

    source = source or read_source(deployment)
    cloudformation = clients("cloudformation")
    stack = stacks.read(cloudformation, deployment.stack)
    target = deployment.target
    known = surroundings(target.account, target.region, deployment.stack)
    resolved = resolve(
        from_data(source.template, source.file), source.values(), known,
        stored=stack.parameters or {},
    )  # fmt: skip
    deployed, denied = {}, ""
    try:
        found = [] if stack.is_new else stacks.resources(cloudformation, stack.id)
        deployed = {each.logical_id: each for each in found}
    except ClientError as error:
        if not DENIED.search(code_of(error)):
            raise
        denied = "cloudformation:ListStackResources"
    return Subject(deployment, resolved, deployed, clients, asked_once(clients), denied)
