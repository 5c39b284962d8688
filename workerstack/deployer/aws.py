"""What must hold before anything is done: the right account and the right region."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from workerstack.deployments import Deployment
from workerstack.problem import Detached, Problem, Refusal

ATTEMPTS = 10
"""How often a throttled or failed call is tried, with growing pauses (botocore: retries)."""

EXPIRED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
)


@dataclass(frozen=True)
class Clients:
    """AWS clients of one account and region; ``clients("ecs")`` gives that service's."""

    region: str
    profile: str | None = None
    endpoint_url: str | None = None
    _made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def __call__(self, service: str) -> Any:
        """The client of a service, made at its first use."""
        if service not in self._made:
            from botocore.config import Config

            session = self._made.get("") or self._made.setdefault("", self._session())
            config = Config(
                retries={"mode": "standard", "max_attempts": ATTEMPTS},
                user_agent_extra="fargate-worker-stack",
            )
            self._made[service] = session.client(
                service, endpoint_url=self.endpoint_url, config=config
            )
        return self._made[service]

    def _session(self) -> Any:
        import boto3
        import botocore.session

        core = botocore.session.get_session()
        core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
        return boto3.Session(
            profile_name=self.profile, region_name=self.region, botocore_session=core
        )

    def caller(self) -> tuple[str, str]:
        """The account and the ARN of whoever is calling."""
        identity = self("sts").get_caller_identity()
        return identity["Account"], identity["Arn"]


@cache
def _loader(data_path: str | None) -> Any:
    """The models of the services: the same in each session, and slower to read than to use."""
    from botocore.loaders import create_loader

    return create_loader(data_path)


@contextmanager
def explained(resume: str | None = None) -> Iterator[None]:
    """Turns AWS's exceptions into Problems.

    With ``resume``, the command that goes on watching, every one of them is Detached: what
    runs in AWS goes on without us.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        message = error.response["Error"].get("Message", "")
        if code in EXPIRED and resume:
            raise _detached("The credentials expired", message or code, resume) from error
        if resume:
            what = f"AWS refused {error.operation_name} ({code})"
            raise _detached(what, message or "it gave no reason", resume) from error
        raise Problem(
            f"AWS refused {error.operation_name} ({code})",
            message or "it gave no reason",
            ADVICE.get(code, "Correct what it says and run the command again"),
        ) from error
    except BotoCoreError as error:
        if resume:
            raise _detached("The connection to AWS was lost", str(error), resume) from error
        raise Problem("AWS cannot be reached", str(error), _advice(error)) from error


def failed_inside(error: Any) -> bool:
    """Whether AWS answered a ClientError since it failed itself: HTTP 500 and above."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return bool(status >= 500)  # noqa: PLR2004


def _detached(what: str, why: str, resume: str) -> Detached:
    return Detached(what, why, f"The operation goes on in AWS. Watch it again with `{resume}`")


ADVICE = {
    **dict.fromkeys(EXPIRED, "Sign in again and run the command again"),
    "AccessDenied": "Ask for this right, or use a profile that has it (--profile)",
    "AccessDeniedException": "Ask for this right, or use a profile that has it (--profile)",
    "UnauthorizedOperation": "Ask for this right, or use a profile that has it (--profile)",
    "InvalidClientTokenId": "Check the credentials (`aws sts get-caller-identity`)",
    "SignatureDoesNotMatch": "Check the credentials (`aws sts get-caller-identity`)",
    "Throttling": "Wait a minute and run the command again",
}


def _advice(error: Exception) -> str:
    name = type(error).__name__
    if "Credential" in name or "Profile" in name or "SSO" in name:
        return "Sign in, or name a profile with --profile"
    return "Check the network, the region and --endpoint-url, and run the command again"


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
