"""The one place where AWS clients are made, and who calls with them."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from threading import RLock
from typing import Any

from workerstack.deployer import credentials, unexpected_answers
from workerstack.deployments import Deployment
from workerstack.problem import Refusal

ATTEMPTS = 10
"""How often a throttled or failed call is tried, with growing pauses (botocore: retries)."""


@dataclass(frozen=True)
class Clients:
    """AWS clients of one account and region; ``clients("ecs")`` gives that service's.

    Threads may share them: a client may be used by several at once, and is made by one at a time
    (boto3, "Multithreading or multiprocessing with clients").
    """

    region: str
    profile: str | None = None
    endpoint_url: str | None = None
    _made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    _making: Any = field(default_factory=RLock, compare=False, repr=False)

    def __call__(self, service: str) -> Any:
        """The client of a service, made at its first use."""
        with self._making:
            if service not in self._made:
                self._made[service] = self._client(service)
            return self._made[service]

    def _client(self, service: str) -> Any:
        from botocore.config import Config

        session = self._made.get("") or self._made.setdefault("", self._session())
        config = Config(
            retries={"mode": "standard", "max_attempts": ATTEMPTS},
            user_agent_extra="fargate-worker-stack",
        )
        made = session.client(service, self.region, endpoint_url=self.endpoint_url, config=config)
        # First, so that it is before botocore signs: an error of a provider from inside the signing
        # could not be told from one of the call.
        made.meta.events.register_first("request-created.*.*", self._refresh)
        return made

    def _session(self) -> Any:
        """A session that has looked for its credentials, and looks at every answer."""
        import boto3
        import botocore.session

        with credentials.obtained():
            credentials.check_prompt(self.profile)
            core = botocore.session.get_session()
            core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
            answers = core.get_component("response_parser_factory")
            answers.set_parser_defaults(timestamp_parser=_moment)
            session = boto3.Session(
                profile_name=self.profile, region_name=self.region, botocore_session=core
            )
            unexpected_answers.register(session.events)
            found = session.get_credentials()
            if found:
                found.get_frozen_credentials()
        return session

    def _refresh(self, **_: Any) -> None:
        """Before each request, so that what a provider raises then is known as what it is."""
        with credentials.obtained():
            found = self._made[""].get_credentials()
            if found:
                found.get_frozen_credentials()

    def elsewhere(self, region: str) -> "Clients":
        """The same caller in another region, with the same session: nobody is asked twice."""
        if region == self.region:
            return self
        with self._making:
            if region not in self._made:
                session = self._made.get("") or self._made.setdefault("", self._session())
                self._made[region] = Clients(
                    region, self.profile, self.endpoint_url, {"": session}, self._making
                )
            there: Clients = self._made[region]
        return there

    def caller(self) -> tuple[str, str]:
        """The account and the ARN of whoever is calling."""
        identity = self("sts").get_caller_identity()
        return identity["Account"], identity["Arn"]


def _moment(value: Any) -> datetime:
    """A timestamp of an answer; most are ISO 8601, and botocore's parser takes ten times as long.

    Each event of a stack has one, and a year of deployments has thousands of events.
    """
    from botocore.utils import parse_timestamp

    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            found = None
        if found is not None and found.tzinfo is not None:
            return found
    parsed: datetime = parse_timestamp(value)
    return parsed


@cache
def _loader(data_path: str | None) -> Any:
    """The models of the services: the same in each session, and slower to read than to use."""
    from botocore.loaders import create_loader

    return create_loader(data_path)


OTHERWISE = {"account": "Use the credentials of that account", "region": "Leave out --region"}


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
                f"Wrong {what} {actual}",
                f"it was reviewed in {wanted}"
                if deployment.of_file
                else f"params/{deployment.environment}/target.yaml allows only {wanted}",
                OTHERWISE[what]
                if deployment.of_file
                else f"{OTHERWISE[what]}, or correct `{what}` there",
            )
    return caller
