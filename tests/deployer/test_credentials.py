"""Credentials that fail, each in its own sentence: real files, real botocore, one process."""

import datetime
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from workerstack.command_line import run
from workerstack.commands import deploy
from workerstack.deployer import credentials
from workerstack.deployer.aws_errors import cause_of, sentence

NAME = "dev/small"
ERROR = "<ErrorResponse><Error><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>"


class Service(ThreadingHTTPServer):
    """STS and IAM Identity Center: each refuses, with the code and message that are set."""

    code, message, status = "AccessDenied", "no", 403


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True
    server: Service

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = ERROR.format(self.server.code, self.server.message)
        self._send(self.server.status, "text/xml", content)

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.send_header("x-amzn-ErrorType", self.server.code)
        content = json.dumps({"message": self.server.message}).encode()
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _send(self, status: int, kind: str, content: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content.encode())))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    found = Service(("127.0.0.1", 0), _Handler)
    found.daemon_threads = True
    threading.Thread(target=found.serve_forever, args=(0.05,), daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


@dataclass
class Home:
    """Somebody's ~/.aws, and a checkout."""

    root: Path
    service: Service
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, config: str, *words: str) -> tuple[int, str]:
        """A command, with this as ~/.aws/config; its exit code and what it said."""
        (self.root / ".aws/config").write_text(config.replace("HOME", str(self.root)))
        monkeypatch = self.monkeypatch
        monkeypatch.setattr("sys.argv", ["deploy.py", *words, "--root", str(self.root)])
        with pytest.raises(SystemExit) as end:
            run(deploy.deploy)
        return int(end.value.code or 0), self.capsys.readouterr().err

    def script(self, name: str, text: str) -> None:
        """A program for credential_process."""
        (self.root / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.root / name).chmod(0o755)

    def token(self, key: str, folder: str, **members: str) -> None:
        """A cached token of IAM Identity Center."""
        cache = self.root / ".aws" / folder / "cache"
        cache.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()
        (cache / f"{name}.json").write_text(json.dumps(members))


@pytest.fixture
def home(
    tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Home:  # fmt: skip
    for folder in (".aws", "out", "params/dev"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "params/dev/target.yaml").write_text('account: "111122223333"\nregion: eu-west-1\n')
    (tmp_path / "params/dev/small.yaml").write_text(
        "template-file-path: out/small.template.yaml\nparameters: {}\n"
    )
    (tmp_path / "out/small.template.yaml").write_text(
        "Resources:\n  Queue: {Type: AWS::SQS::Queue}\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / ".aws/config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{service.server_port}")
    # Caches of tokens are found once, when botocore is imported.
    for name in ("botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR",
                 "botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR"):  # fmt: skip
        monkeypatch.setattr(name, str(tmp_path / ".aws/sso/cache"))
    service.code, service.message, service.status = "AccessDenied", "no", 403
    return Home(tmp_path, service, monkeypatch, capsys)


SSO_SESSION = """
[profile dev]
sso_session = work
sso_account_id = 111122223333
sso_role_name = Admin
[sso-session work]
sso_start_url = https://work.example/start
sso_region = eu-west-1
"""
LEGACY = """
[profile dev]
sso_start_url = https://work.example/start
sso_region = eu-west-1
sso_account_id = 111122223333
sso_role_name = Admin
"""
KEYS = "[profile base]\naws_access_key_id = AKIA\naws_secret_access_key = s\n"
ROLE = "[profile dev]\nrole_arn = arn:aws:iam::111122223333:role/deploy\n"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (SSO_SESSION, ["rofile dev is not signed in", "`aws sso login --profile dev`"]),
        (LEGACY, ["rofile dev is not signed in", "`aws sso login --profile dev`"]),
        (ROLE + "source_profile = sso\n" + SSO_SESSION.replace("profile dev", "profile sso"),
         ["is not signed in", "`aws sso login --profile sso`"]),
        ("[profile dev]\nlogin_session = arn:aws:iam::111122223333:user/x\n",
         ["rofile dev"]),
        (ROLE + "source_profile = gone\n", ["rofile dev cannot be used", "gone"]),
        (ROLE + "source_profile = dev\n", ["rofile dev cannot be used", "loop"]),
        (ROLE + "credential_source = Moon\n", ["rofile dev cannot be used", "Moon"]),
        (ROLE + "credential_source = Ec2InstanceMetadata\n", ["profile dev"]),
        (ROLE + "source_profile = base\n" + KEYS,
         ["The role of profile dev cannot be assumed (AccessDenied)", "trust policy"]),
        (ROLE + "source_profile = base\nmfa_serial = arn:aws:iam::1:mfa/x\n" + KEYS,
         ["rofile dev asks for an MFA code, and there is no terminal"]),
        (ROLE + "web_identity_token_file = HOME/no-token\n",
         ["credentials of profile dev cannot be read", "no-token: No such file"]),
        ("[profile dev]\ncredential_process = HOME/missing\n",
         ["credential_process of profile dev gave no credentials", "missing"]),
        ("[profile dev]\ncredential_process = HOME/failing\n",
         ["credential_process of profile dev gave no credentials", "not signed in to the vault"]),
        ("[profile dev]\ncredential_process = HOME/talking\n",
         ["credential_process of profile dev gave no credentials", "JSON"]),
        ("[profile dev]\ncredential_process = HOME/listing\n",
         ["credential_process of profile dev gave no credentials"]),
        ("[profile dev]\ncredential_process = HOME/old\n",
         ["credential_process of profile dev gave no credentials", "ersion"]),
        ("[profile dev]\naws_access_key_id = AKIA\n",
         ["credentials of profile dev are not whole", "aws_secret_access_key"]),
        ("[profile other]\nregion = eu-west-1\n",
         ["profile (dev) could not be found", "`aws configure list-profiles`"]),
        ("[profile dev]\nregion = eu-west-1\n", ["There are no AWS credentials"]),
        ("[profile dev\nregion", ["AWS configuration cannot be read", ".aws/config"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_profile_is_one_sentence(
    home: Home, config: str, said: list[str]
) -> None:
    home.monkeypatch.setattr(credentials, "_has_terminal", lambda: False)
    home.script("failing", "echo not signed in to the vault >&2; exit 3")
    home.script("talking", "echo Hello")
    home.script("listing", "echo '[]'")
    home.script("old", "echo '{\"Version\": 0}'")
    code, err = home.run(config, "verify", NAME, "--profile", "dev")
    assert code == 1, err
    assert len(err.splitlines()) == 1
    for words in said:
        assert words in err


@pytest.mark.parametrize("config", [SSO_SESSION, LEGACY], ids=["sso_session", "legacy"])
@pytest.mark.parametrize(
    ("hours", "code", "said"),
    [
        (-1, "", "`aws sso login --profile dev`"),
        (2, "UnauthorizedException", "`aws sso login --profile dev`"),
        (2, "ForbiddenException", "gives no credentials for profile dev"),
    ],
)
def test_a_token_that_expired_or_is_refused(
    home: Home, config: str, hours: int, code: str, said: str
) -> None:
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)
    key = "work" if config is SSO_SESSION else "https://work.example/start"
    home.token(key, "sso", accessToken="t", expiresAt=f"{ends:%Y-%m-%dT%H:%M:%SZ}",
               startUrl="https://work.example/start", region="eu-west-1")  # fmt: skip
    home.service.status = 401 if code == "UnauthorizedException" else 403
    home.service.code = code
    ended, err = home.run(config, "verify", NAME, "--profile", "dev")
    assert (ended, len(err.splitlines())) == (1, 1), err
    assert said in err


CODES = [
    ("ExpiredToken", "fresh keys into the profile base", "expired"),
    ("ExpiredTokenException", "fresh keys into the profile base", "expired"),
    ("RequestExpired", "date -u", "clock"),
    ("RequestTimeTooSkewed", "date -u", "clock"),
    ("SignatureDoesNotMatch", "aws sts get-caller-identity --profile base", "secret key"),
    ("InvalidSignatureException", "aws sts get-caller-identity --profile base", "secret key"),
    ("InvalidClientTokenId", "--profile base", "does not know the access key of profile base"),
    ("UnrecognizedClientException", "--profile base", "does not know the access key"),
    ("OptInRequired", "AWS Regions", "not enabled"),
    ("MissingAuthenticationToken", "NO_PROXY", "not signed"),
    ("AccessDenied", "Ask for this right", "AWS refused GetCallerIdentity"),
]


@pytest.mark.parametrize(("code", "advice", "said"), CODES)
def test_what_aws_says_to_a_signature(home: Home, code: str, advice: str, said: str) -> None:
    home.service.code = code
    ended, err = home.run(KEYS, "verify", NAME, "--profile", "base")
    assert (ended, len(err.splitlines())) == (1, 1), err
    assert advice in err
    assert said in err


def test_a_wrong_clock_has_the_code_of_a_wrong_signature(home: Home) -> None:
    home.service.code = "SignatureDoesNotMatch"
    home.service.message = "Signature expired: 20200101T000000Z is now earlier than ..."
    _, err = home.run(KEYS, "verify", NAME, "--profile", "base")
    assert "The clock of this machine is wrong" in err


def test_the_environment_is_told_from_a_profile(home: Home) -> None:
    home.service.code = "ExpiredToken"
    home.monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    home.monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    _, err = home.run(SSO_SESSION, "verify", NAME)
    assert "The credentials of the environment expired" in err
    assert "sso login" not in err


@pytest.mark.parametrize("url", ["127.0.0.1:4566", "localhost", "ftp://a", "http://", "http://a:b",
                                 "http://a b", "//host", "https://[::1"])  # fmt: skip
@pytest.mark.parametrize("how", ["option", "environment"])
def test_an_endpoint_that_is_no_url_is_wrong_usage(home: Home, url: str, how: str) -> None:
    words = ["verify", NAME]
    if how == "option":
        words += ["--endpoint-url", url]
    else:
        home.monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    code, err = home.run(KEYS, *words)
    assert code == 64
    assert "is not a URL" in err


def test_no_region_is_a_sentence(home: Home) -> None:
    code, err = home.run(KEYS, "init", "dev", "--profile", "base")
    assert (code, len(err.splitlines())) == (1, 1), err
    assert "No region is known" in err


def test_a_region_that_is_none_is_a_sentence(home: Home) -> None:
    code, err = home.run(KEYS, "init", "stage", "--profile", "base", "--region", "eu west 1")
    assert (code, len(err.splitlines())) == (1, 1), err
    assert "eu west 1" in err


def test_every_error_of_botocore_has_a_sentence() -> None:
    import inspect

    from botocore import exceptions

    for kind in vars(exceptions).values():
        if not (inspect.isclass(kind) and issubclass(kind, exceptions.BotoCoreError)):
            continue
        error = kind.__new__(kind)
        Exception.__init__(error, "it went wrong")
        told = sentence(error)
        assert all(told), kind
        assert cause_of(error) in ("lost", "credentials", "unknown")
