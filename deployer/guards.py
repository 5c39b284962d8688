"""What must hold before anything is done: the right account and the right region."""

from deployer.clients import Clients
from deployments import Deployment
from problem import Refusal


def identify(deployment: Deployment, clients: Clients) -> str:
    """The caller's ARN; raises Refusal in another account or region than the target's."""
    target = deployment.target
    account, caller = clients.caller()
    for what, actual, wanted in (
        ("account", account, target.account),
        ("region", clients.region, target.region),
    ):
        if actual != wanted:
            raise Refusal(
                f"This is {what} {actual}, and {deployment.name} belongs to {wanted}",
                f"params/{deployment.environment}/target.yaml says so",
                "Use another profile, or correct the file",
            )
    return caller
