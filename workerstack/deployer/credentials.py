"""Why AWS does not know who is calling, in a sentence that fits the cause, and what helps.

The causes are botocore's exceptions while it looks for credentials and refreshes them, and the
error codes with which services answer a signature that they do not accept.
Source: botocore.credentials, botocore.tokens; IAM user guide, "Troubleshooting"; each service's
"Common Errors" (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html).
"""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
CLOCK = frozenset(
    {
        "RequestExpired",
        "RequestTimeTooSkewed",
        "RequestInTheFuture",
        "RequestTimeTooSkewedException",
    }
)
SIGNATURE = frozenset({"SignatureDoesNotMatch", "InvalidSignatureException", "InvalidSignature"})
OF_KEYS = {
    **dict.fromkeys(
        SIGNATURE,
        (
            "The secret key of {whose} does not fit its access key",
            "Copy both keys anew, then check them with {check}",
        ),
    ),
    **dict.fromkeys(
        (
            "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId",
            "AuthFailure", "InvalidToken",
        ),
        (
            "AWS does not know the access key of {whose}",
            "Check that the key is active, that its session token is there, and that the region is"
            " enabled in the account: {check}",
        ),
    ),
    **dict.fromkeys(
        (
            "MissingAuthenticationToken", "MissingAuthenticationTokenException",
            "IncompleteSignature", "IncompleteSignatureException",
        ),
        (
            "The request of {whose} was not signed as AWS wants it",
            "Set NO_PROXY for amazonaws.com if a proxy changes requests; else copy the keys anew",
        ),
    ),
    **dict.fromkeys(
        ("OptInRequired", "SubscriptionRequiredException", "NotSignedUp"),
        (
            "The region or the service is not enabled in this account",
            "Enable it in the console (Account, AWS Regions), or correct `region` in target.yaml",
        ),
    ),
}  # fmt: skip
"""What happened and what to do, by the error code; the message of AWS says why."""

ASSUMING = frozenset({"AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"})
SSO = frozenset({"GetRoleCredentials", "CreateToken"})
OF_CLOCKS = ("Signature expired", "Signature not yet current")
"""How a wrong clock is said with the code of a wrong signature (IAM user guide, SigV4)."""

AGAIN = "run the command again"


class CredentialsFault(NamedTuple):
    """What happened, why, and what to do next, as a Problem takes them."""

    what: str
    why: str
    next_step: str


def told(error: Exception, profile: str | None) -> CredentialsFault | None:
    """The sentence for an error on the way to credentials, or on them; None for any other.

    ``profile`` is the one that was asked for, if one was.
    """
    from botocore.exceptions import ClientError

    if isinstance(error, ClientError):
        return _told_by_service(error, profile)
    return _told_by_botocore(error, profile)


def _told_by_service(error: Any, profile: str | None) -> CredentialsFault | None:
    code = str(error.response.get("Error", {}).get("Code", ""))
    message = str(error.response.get("Error", {}).get("Message", "")) or code
    whose = _whose(profile)
    is_of_clock = any(words in message for words in OF_CLOCKS)
    if code in CLOCK or (code in SIGNATURE and is_of_clock):
        what, next_step = "The clock of this machine is wrong", f"Set it (`date -u`), and {AGAIN}"
    elif code in EXPIRED:
        what, next_step = f"The credentials of {whose} expired", sign_in(profile)
    elif error.operation_name in ASSUMING and _is_no(error):
        what = f"The role of {whose} cannot be assumed"
        next_step = (
            "Check its `role_arn` in ~/.aws/config, the trust policy of the role, and that the"
            " source may assume it"
        )
    elif error.operation_name in SSO and _is_no(error):
        what = f"IAM Identity Center gives no credentials for {whose}"
        next_step = (
            f"Check `sso_account_id` and `sso_role_name` in ~/.aws/config. {sign_in(profile)}"
        )
    elif code in OF_KEYS:
        what, next_step = OF_KEYS[code]
        what = what.format(whose=whose)
        next_step = next_step.format(check=f"`{_command('sts get-caller-identity', profile)}`")
    else:
        return None
    return CredentialsFault(f"{what} ({code})", message, next_step)


def _is_no(error: Any) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return bool(status < 500)  # noqa: PLR2004


def _told_by_botocore(error: Exception, profile: str | None) -> CredentialsFault | None:
    from botocore import exceptions as of

    if isinstance(error, of.CredentialRetrievalError):
        return _told_of_retrieval(error, profile)
    for kinds, (what, why, next_step) in _sentences(profile).items():
        if isinstance(error, kinds):
            said = _flat(str(error)).rstrip(".")
            return CredentialsFault(_capital(what or said), why or said, next_step)
    return None


def _sentences(profile: str | None) -> dict[tuple[type[Exception], ...], CredentialsFault]:
    """By the classes of the error; what or why is empty where the error says it itself."""
    from botocore import exceptions as of

    whose, again = _whose(profile), sign_in(profile)
    return {
        (of.ProfileNotFound,): CredentialsFault(
            "",
            "neither ~/.aws/config nor ~/.aws/credentials has it",
            "List the profiles that there are with `aws configure list-profiles`, and name one"
            " with --profile",
        ),
        (of.ConfigParseError, of.ConfigNotFound): CredentialsFault(
            "The AWS configuration cannot be read", "", f"Correct that file, and {AGAIN}"
        ),
        (of.LoginInsufficientPermissions, of.MissingDependencyException): CredentialsFault(
            f"The sign-in of {whose} cannot be used", "", "Do what it says, and sign in again"
        ),
        (of.SSOError, of.TokenRetrievalError, of.LoginError): CredentialsFault(
            f"{whose} is not signed in", "", again
        ),
        (of.NoAuthTokenError,): CredentialsFault(f"{whose} has no bearer token", "", again),
        (of.RefreshWithMFAUnsupportedError,): CredentialsFault(
            f"The session of {whose} ended, and MFA is asked for anew",
            "",
            "Run the command again and give the code",
        ),
        (of.PartialCredentialsError,): CredentialsFault(
            f"The credentials of {whose} are not whole", "", "Set the other part of the key too"
        ),
        (of.NoCredentialsError,): CredentialsFault(
            "There are no AWS credentials",
            "neither the environment, nor ~/.aws, nor a role of this machine has any",
            "Sign in with `aws login` or `aws sso login`, or name a profile with --profile"
            " (`aws configure list-profiles`)",
        ),
        (of.MetadataRetrievalError,): CredentialsFault(
            "The role of this machine gave no credentials",
            "",
            f"Check that a role is attached to it, and {AGAIN}; or name a profile with --profile",
        ),
        (of.InvalidConfigError, of.UnknownCredentialError): CredentialsFault(
            f"{whose} cannot be used", "", f"Correct ~/.aws/config, and {AGAIN}"
        ),
    }


def _told_of_retrieval(error: Exception, profile: str | None) -> CredentialsFault:
    """By what the profile names as its source, since the exceptions do not tell them apart."""
    whose, cause, why = _whose(profile), error.__cause__, str(error)
    settings = _settings(profile)
    if isinstance(cause, EOFError):
        return _told_of_mfa(profile)
    if settings.get("credential_process") and not settings.get("role_arn"):
        return CredentialsFault(
            f"The credential_process of {whose} gave no credentials",
            _flat(why),
            f"Run it by hand (it stands in ~/.aws/config), put right what it says, and {AGAIN}",
        )
    if isinstance(cause, OSError) and cause.filename:
        return CredentialsFault(
            f"The credentials of {whose} cannot be read",
            f"{cause.filename}: {cause.strerror}",
            "Correct the path (web_identity_token_file or AWS_WEB_IDENTITY_TOKEN_FILE), or have"
            " the token written there",
        )
    return CredentialsFault(
        f"The credentials of {whose} cannot be had", _flat(why), sign_in(profile)
    )


def _told_of_mfa(profile: str | None) -> CredentialsFault:
    return CredentialsFault(
        f"{_capital(_whose(profile))} asks for an MFA code, and there is no terminal",
        "nobody can type it here",
        "Run the command on a terminal, or put temporary credentials into the environment"
        f" (`{_command('sts get-session-token', profile)} --serial-number ... --token-code ...`)",
    )


@contextmanager
def obtained() -> Iterator[None]:
    """Whatever goes wrong in here is about credentials, and becomes botocore's error for it.

    Providers of credentials read files and run programs of somebody else; besides botocore's own
    errors they let through what those raise: OSError, ValueError of JSON, EOFError of a prompt,
    KeyError and AttributeError of JSON that has another shape.
    """
    from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError

    try:
        yield
    except (BotoCoreError, ClientError):
        raise
    except (OSError, ValueError, EOFError, LookupError, AttributeError, TypeError) as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise CredentialRetrievalError(provider="AWS", error_msg=said) from error


def check_prompt(profile: str | None) -> None:
    """Raises EOFError where botocore would ask for an MFA code that nobody can type.

    Its prompt reads standard input where there is no terminal, and may wait there for ever.
    """
    if _from_environment(profile):
        return
    if any(each.get("mfa_serial") for each in _chain(profile)) and not _has_terminal():
        raise EOFError("MFA without a terminal")


def _has_terminal() -> bool:
    """As getpass finds one: the controlling terminal, else standard input if it is one."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return bool(sys.stdin and sys.stdin.isatty())
    return True


def sign_in(profile: str | None) -> str:
    """What makes credentials good again, by where they come from."""
    if _from_environment(profile):
        return (
            "Put fresh ones into the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,"
            f" AWS_SESSION_TOKEN), and {AGAIN}"
        )
    name = _name(profile)
    for name, each in _named_chain(profile):
        if "sso_session" in each or "sso_start_url" in each:
            return f"Sign in again with `aws sso login{_option(name)}`, and {AGAIN}"
        if "login_session" in each:
            return f"Sign in again with `aws login{_option(name)}`, and {AGAIN}"
        if "credential_process" in each:
            return f"Sign in to what its credential_process asks, and {AGAIN}"
        if "web_identity_token_file" in each:
            return f"Have its web_identity_token_file written anew, and {AGAIN}"
    return f"Sign in again, or put fresh keys into the profile {name}, and {AGAIN}"


def _from_environment(profile: str | None) -> bool:
    """Whether the environment's keys are used: before any profile but one that is named."""
    return not profile and bool(os.environ.get("AWS_ACCESS_KEY_ID"))


def _name(profile: str | None) -> str:
    environ = os.environ
    return profile or environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or "default"


def _whose(profile: str | None) -> str:
    return "the environment" if _from_environment(profile) else f"profile {_name(profile)}"


def _option(name: str) -> str:
    return "" if name == "default" else f" --profile {shlex.quote(name)}"


def _command(words: str, profile: str | None) -> str:
    option = "" if _from_environment(profile) else _option(_name(profile))
    return f"aws {words}{option}"


def _settings(profile: str | None) -> Mapping[str, str]:
    return next(iter(_chain(profile)), {})


def _chain(profile: str | None) -> list[Mapping[str, str]]:
    return [settings for _, settings in _named_chain(profile)]


def _named_chain(profile: str | None) -> list[tuple[str, Mapping[str, str]]]:
    """The profile and those that it takes its credentials from, in order, each once."""
    import botocore.session
    from botocore.exceptions import BotoCoreError

    try:
        profiles = botocore.session.Session().full_config.get("profiles", {})
    except BotoCoreError:
        return []
    found: dict[str, Mapping[str, str]] = {}
    name: str | None = _name(profile)
    while name and name not in found and isinstance(profiles.get(name), Mapping):
        found[name] = profiles[name]
        name = profiles[name].get("source_profile")
    return list(found.items())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _flat(text: str) -> str:
    """One line of what a program may have said in several."""
    return " ".join(text.split())
