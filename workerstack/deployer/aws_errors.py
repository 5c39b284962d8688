"""What AWS's errors mean: why there is no good answer, and the sentence that each becomes."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from workerstack.deployer import credentials, unexpected_answers
from workerstack.problem import Detached, Problem, Refusal

Cause = Literal["lost", "failed", "throttled", "credentials", "refused", "unknown"]
"""Why there is no good answer: none came, or one that is not AWS's; AWS failed inside; it was
asked too often; it does not know who is calling; it said no; or none of these.
"""

WITHOUT_ANSWER = frozenset({"lost", "failed", "unknown"})
"""After these, what was asked for may have been done all the same."""

GOES_ON = "The operation continues in AWS. Follow it with"

THROTTLED = frozenset({"RequestLimitExceeded", "TooManyRequestsException", "SlowDown"})
BUSY = re.compile(r"is in \w+_IN_PROGRESS state and can ?not be", re.IGNORECASE)

RIGHT = "Ask for this right, or use a profile that has it (--profile)"
ADVICE = {
    "AccessDenied": RIGHT,
    "AccessDeniedException": RIGHT,
    "UnauthorizedOperation": RIGHT,
}


def _errors_of_aws() -> tuple[type[Exception], ...]:
    """What botocore raises; nothing where nobody has loaded it, and so AWS was not asked.

    `simulate.py` asks AWS for `--learn ENV/STACK` alone, and else works without boto3.
    """
    if "botocore" not in sys.modules:
        return ()
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError


@contextmanager
def explained(
    resume: str | None = None, *, goes_on: str = GOES_ON, profile: str | None = None
) -> Iterator[None]:
    """Turns AWS's exceptions into Problems.

    With ``resume``, the command that goes on watching, every one of them is Detached: what
    runs in AWS goes on without us, as ``goes_on`` says. ``profile`` is the one that is used.
    """
    try:
        yield
    except Exception as error:
        if not isinstance(error, _errors_of_aws()):
            raise
        # Somebody else's operation is no error of ours: exit code 3, as for all that is refused.
        if is_busy(error) and not resume:
            raise Refusal(
                "Another operation is under way on this stack",
                _message(error),
                "Follow it (`deploy.py watch ENV/STACK`), then run the command again",
            ) from error
        what, why, next_step = sentence(error, profile)
        if not resume:
            raise Problem(what, why, next_step) from error
        if cause_of(error) == "credentials":
            # Running the command again would begin another operation; this one is only watched
            # again.
            next_step = next_step.removesuffix(f", and {credentials.AGAIN}")
            raise Detached(what, why, f"{next_step}. {goes_on} `{resume}`") from error
        if cause_of(error) == "lost":
            what = "The connection to AWS was lost"
        raise Detached(what, why, f"{goes_on} `{resume}`") from error


def passes(problem: Problem) -> bool:
    """As ``is_passing``, of what a problem comes from."""
    cause = problem.__cause__
    return isinstance(cause, Exception) and is_passing(cause)


def is_passing(error: Exception) -> bool:
    """Whether whoever asks again in a moment may be answered: AWS was not reached, or busy."""
    return cause_of(error) in ("lost", "failed", "throttled")


def sentence(error: Any, profile: str | None = None) -> credentials.CredentialsFault:
    """What happened, why, what to do next: an error of botocore as a Problem takes it."""
    cause = cause_of(error)
    told = credentials.told(error, profile)
    if told:
        return told
    message = _message(error)
    if cause == "lost":
        return credentials.CredentialsFault("AWS cannot be reached", message, _advice(error))
    if cause == "unknown":
        return credentials.CredentialsFault(
            "AWS cannot be asked", message, "Check --region, --endpoint-url and ~/.aws/config"
        )
    operation, code = error.operation_name, code_of(error)
    if cause == "failed":
        what = f"AWS failed inside at {operation} ({code})"
        return credentials.CredentialsFault(
            what, message, "Wait a minute and run the command again"
        )
    if cause == "throttled":
        what = f"AWS was asked too often for {operation} ({code})"
        return credentials.CredentialsFault(
            what, message, "Wait a minute and run the command again"
        )
    next_step = ADVICE.get(code, "Correct what it says and run the command again")
    return credentials.CredentialsFault(f"AWS refused {operation} ({code})", message, next_step)


def cause_of(error: Exception) -> Cause:
    """Why a call gave no good answer, for every error that botocore raises."""
    from botocore import exceptions as of

    if credentials.told(error, None):
        return "credentials"
    if isinstance(error, of.ClientError):
        code = code_of(error)
        # A proxy or a sign-in page answered: as without a network, asking again may help.
        if code == unexpected_answers.CODE:
            return "lost"
        if (
            error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            >= unexpected_answers.FAILED
        ):
            return "failed"
        is_throttled = "Throttl" in code or code in THROTTLED
        return "throttled" if is_throttled else "refused"
    network = (of.ConnectionError, of.HTTPClientError, of.IncompleteReadError)
    return "lost" if isinstance(error, network) else "unknown"


def is_busy(error: Exception) -> bool:
    """Whether somebody else was quicker: CloudFormation is at work on the stack."""
    code = code_of(error)
    if code == "ValidationError":
        return bool(BUSY.search(_message(error)))
    return code == "OperationInProgressException"


def code_of(error: Any) -> str:
    """The code of an error of AWS; empty for one of botocore."""
    answer = getattr(error, "response", None) or {}  # an error of HTTP may have none
    return str(answer.get("Error", {}).get("Code", ""))


def _message(error: Any) -> str:
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError):
        return str(error)
    said = str(error.response.get("Error", {}).get("Message", "")) or "it gave no reason"
    if code_of(error) == unexpected_answers.CODE:
        return f"what answered {error.operation_name} is not AWS ({said})"
    return said


def _advice(error: Any) -> str:
    from botocore import exceptions as of

    if code_of(error) == unexpected_answers.CODE:
        return (
            "Open a page in a browser and sign in to the network or its proxy (HTTPS_PROXY,"
            " NO_PROXY), check --endpoint-url, and run the command again"
        )
    if isinstance(error, of.SSLError):
        return (
            "If the network has a sign-in page, open it in a browser; if a proxy opens TLS, name"
            " its certificate in AWS_CA_BUNDLE; then run the command again"
        )
    if isinstance(error, of.ProxyConnectionError):
        return "Correct HTTPS_PROXY (with name and password where it asks), and run it again"
    return "Check the network, the region and --endpoint-url, and run the command again"
