"""What all tests share: no way to a real account, one embedded endpoint a process."""

import gc
import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

from tests import deployed, soak
from tests.checkouts import Checkouts
from tests.direct_calls import direct
from tests.interpreter import Interpreter
from tests.kept_clients import kept
from tests.preloaded import CODE, quick_clocks
from workerstack import localaws
from workerstack.command_line import run
from workerstack.commands import deploy
from workerstack.deployer.aws import Clients
from workerstack.localaws import accounts, surroundings, walkthrough

# How long an example takes depends on what else the machine does, and is no property of ours.
# The same examples each time, so that nothing fails by chance; `make soak` looks for new ones.
settings.register_profile(
    "ours",
    max_examples=soak.examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not soak.IS_ON,
    print_blob=soak.IS_ON,
)
settings.load_profile("ours")

# Else each of hundreds of processes would compile our modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A process of the suite keeps hundreds of thousands of objects, all of which each collection at
# Python's own thresholds looks at again: a tenth of the suite's time.
gc.set_threshold(50_000, 20, 50)


LONG = (
    "test_docs_commands", "test_ci", "test_wheel", "test_generate", "test_localaws", "test_html",
    "test_unexpected_answers", "test_smoke_interrupted", "test_adopt", "test_other_stacks",
    "test_everyday", "test_rename", "test_verify", "test_checks", "test_audit", "test_rights",
    "test_output", "test_watching", "test_help_examples", "test_reference", "test_scaling_docs",
)  # fmt: skip
"""Files that take longest, begun first: else one worker goes on where the others have ended."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of the long files come first; what has made-up examples has more in a soak."""
    for item in items:
        if is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker("soak")
    rank = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONG)))


def pytest_collection_finish() -> None:
    """What is imported by now stays for good: no collection has to look at it."""
    gc.collect()
    gc.freeze()


ROOT = Path(__file__).parent.parent
REGION = walkthrough.REGION
_ACCOUNTS = itertools.count(1)
Run = Callable[..., tuple[int, str, str]]
Prepare = Callable[[Path, Clients], object]
"""What is done to a checkout, and in its account, before it is deployed."""

Theirs = Callable[[Callable[[str], Any], str, surroundings.Surroundings], str]
"""Deploys a stack with these clients into this account, which has these things."""


@pytest.fixture(autouse=True)
def no_real_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    # A port that nobody listens on: a test that forgets the endpoint fails at once.
    for name, value in walkthrough.credentials("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def endpoint() -> Iterator[localaws.Endpoint]:
    with localaws.start() as running, direct(running):
        yield running


@pytest.fixture(scope="session")
def programs() -> Iterator[Interpreter]:
    """Runs a program of ours in a process of its own, without the time that imports take."""
    with Interpreter(ROOT, CODE) as running:
        yield running


@pytest.fixture(scope="session")
def checkouts(programs: Interpreter) -> Iterator[Checkouts]:
    """Makes copies of the whole project, and runs shells in them."""
    with Checkouts(programs.program) as made:
        yield made


@pytest.fixture
def checkout_of_all(
    tmp_path: Path, account: str, things: surroundings.Surroundings, checkouts: Checkouts
) -> Path:
    """The project in a repository of its own, in an account that has what stacks import."""
    assert account in things.secret_arn
    return checkouts.copy(tmp_path / "checkout")


@pytest.fixture(scope="session")
def python(programs: Interpreter) -> Path:
    """Stands where Python does in a script, without the time that imports and polls take."""
    return programs.program


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An account of its own for each test: the endpoint keeps them apart."""
    number = f"{os.getpid() % 100_000:05d}{next(_ACCOUNTS):07d}"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", number)
    yield number
    # Else each copy of an account looks through those of all tests before it.
    accounts.forget(number)


@pytest.fixture
def client(endpoint: localaws.Endpoint, account: str) -> Callable[[str], Any]:
    return cache(lambda service: walkthrough.client(service, endpoint.url, account))


@pytest.fixture
def clients(endpoint: localaws.Endpoint, account: str) -> Clients:
    assert account
    return Clients(REGION, endpoint_url=endpoint.url)


@pytest.fixture(scope="session")
def made_once(endpoint: localaws.Endpoint) -> tuple[str, surroundings.Surroundings]:
    """What stacks import, in an account that no test uses, to be copied from there."""
    source = f"{os.getpid() % 100_000:05d}{0:07d}"
    made = surroundings.create(
        lambda service: walkthrough.client(service, endpoint.url, source), REGION
    )
    return source, made


@pytest.fixture
def things(
    made_once: tuple[str, surroundings.Surroundings], account: str
) -> surroundings.Surroundings:
    source, made = made_once
    accounts.copy(source, account)
    found = accounts.renamed(made, source, account)
    assert isinstance(found, surroundings.Surroundings)
    return found


@pytest.fixture(scope="session")
def theirs_once(
    endpoint: localaws.Endpoint, made_once: tuple[str, surroundings.Surroundings]
) -> Callable[[Theirs], tuple[str, str]]:
    """An account that no test uses, where another tool deployed a stack; and its template."""
    source, made = made_once
    numbers = itertools.count(8_999_999, -1)

    @cache
    def theirs_once(deploy: Theirs) -> tuple[str, str]:
        number = f"{os.getpid() % 100_000:05d}{next(numbers):07d}"
        accounts.copy(source, number)
        found = accounts.renamed(made, source, number)
        client = cache(lambda service: walkthrough.client(service, endpoint.url, number))
        return number, deploy(client, number, found)

    return theirs_once


@pytest.fixture
def cdk_template(
    theirs_once: Callable[[Theirs], tuple[str, str]], account: str,
    things: surroundings.Surroundings,
) -> str:  # fmt: skip
    """What the CDK deployed as the stack webordinary-edit, which serves HTTP."""
    assert account in things.secret_arn
    number, template = theirs_once(deployed.deploy_cdk)
    accounts.copy(number, account)
    return template.replace(number, account)


@pytest.fixture
def hand_written_template(client: Callable[[str], Any], things: surroundings.Surroundings) -> str:
    """What a team deployed by hand as the stack thumbnails."""
    return deployed.deploy_hand_written(client, things)


@pytest.fixture
def checkout(tmp_path: Path, account: str, things: surroundings.Surroundings) -> Path:
    """A folder with out/ and a params/dev that fits the test's account."""
    return write_checkout(tmp_path, account, things)


@pytest.fixture(scope="session")
def deploy_once(
    endpoint: localaws.Endpoint, made_once: tuple[str, surroundings.Surroundings],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Prepare], str]:  # fmt: skip
    """An account that no test uses, where the worker was reviewed and executed after this."""
    from tests.commands.test_deploy import carry_out, make

    source, made = made_once
    numbers = itertools.count(9_999_999, -1)

    @cache
    def deploy_once(prepare: Prepare) -> str:
        number = f"{os.getpid() % 100_000:05d}{next(numbers):07d}"
        accounts.copy(source, number)
        found = accounts.renamed(made, source, number)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in walkthrough.credentials(endpoint.url).items():
                patch.setenv(name, value)
            patch.setenv("AWS_ACCESS_KEY_ID", number)
            root = write_checkout(tmp_path_factory.mktemp("deployed"), number, found)
            clients = Clients(REGION, endpoint_url=endpoint.url)
            prepare(root, clients)
            assert carry_out(make(root, clients), root, clients).is_good
        return number

    return deploy_once


@pytest.fixture(scope="session")
def deployed_once(deploy_once: Callable[[Prepare], str]) -> str:
    """An account that no test uses, where the worker was reviewed and executed."""
    return deploy_once(as_it_is)


@pytest.fixture
def deployed_worker(deployed_once: str, checkout: Path, account: str) -> Path:
    """The checkout, and in the test's account its dev/webordinary-edit, deployed by this tool."""
    accounts.copy(deployed_once, account)
    return checkout


def as_it_is(checkout: Path, clients: Clients) -> None:
    """Deploys the checkout without a change."""


def write_checkout(tmp_path: Path, account: str, things: surroundings.Surroundings) -> Path:
    """Writes out/ and params/dev for an account with these things."""
    (tmp_path / "out").mkdir()
    (tmp_path / "params" / "dev").mkdir(parents=True)
    for template in (ROOT / "out").glob("*.yaml"):
        (tmp_path / "out" / template.name).write_bytes(template.read_bytes())
    (tmp_path / "params/dev/target.yaml").write_text(f'account: "{account}"\nregion: {REGION}\n')
    (tmp_path / "params/dev/webordinary-edit.yaml").write_text(
        f"""template-file-path: out/webordinary-edit.template.yaml
parameters:
  VpcId: {things.vpc_id}
  VpcCidr: {surroundings.CIDR}
  SubnetIds: {",".join(things.subnet_ids)}
  FileSystemId: {things.file_system_id}
  AccessPointId: {things.access_point_id}
  FileSystemSecurityGroupId: {things.file_system_security_group_id}
  GitHubTokenSecretArn: {things.secret_arn}
tags:
  Environment: dev
"""
    )
    return tmp_path


@pytest.fixture
def command(
    checkout: Path, endpoint: localaws.Endpoint, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:  # fmt: skip
    """deploy.py with these words: (exit code, standard output, standard error)."""
    for name, clock in quick_clocks().items():
        monkeypatch.setattr(name, clock)

    def go(*words: str, root: Path = checkout, committed: bool = False) -> tuple[int, str, str]:
        options = [] if "--help" in words else ["--root", str(root)]
        if words[0] == "execute":
            options += ["--yes"] if committed else ["--yes", "--uncommitted"]
        monkeypatch.setattr("sys.argv", ["deploy.py", *words, *options])
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint.url)
        before = signal.getsignal(signal.SIGINT)
        with kept(), pytest.raises(SystemExit) as end:
            run(deploy.deploy)
        signal.signal(signal.SIGINT, before)  # a command that was interrupted hears no more of it
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return go
