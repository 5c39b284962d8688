"""The workflows as the tests run them: their own scripts, in a copy of the project."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from filecmp import dircmp
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import yaml

from tests.interpreter import Interpreter
from tests.preloaded import POLL, SERVICES
from workerstack.localaws import walkthrough

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".github/workflows"
NEEDED = ("workerstack", "out", "params")
TOKEN = "a-token"  # noqa: S105 - of a GitHub that the tests make
PROGRAMS = ("deploy.py", "simulate.py")
ROOMS = (
    "checks", "ci", "cloudformation", "commands", "deployer", "deployments", "review",
    "review.show", "simulator", "verifier",
)  # fmt: skip
IMPORTED = f"""
import importlib, pkgutil
for room in {ROOMS}:
    package = importlib.import_module(f"workerstack.{{room}}")
    for found in pkgutil.iter_modules(package.__path__, f"{{package.__name__}}."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
"""
PREPARED = {
    "execute": f"""
import boto3
{IMPORTED}
from workerstack.deployer import clock
from workerstack.deployer.aws import Clients
clock.SHORTEST = {5 * POLL}
clients = Clients("us-west-2")
for service in {SERVICES}:
    clients(service)
""",
    "predict": f"""
import concurrent.futures.process, matplotlib.backends.backend_agg, matplotlib.figure
import multiprocessing.queues, PIL.Image, PIL.features
{IMPORTED}
PIL.Image.preinit()
""",
}
"""What the steps of a job import and read, where these requirements are installed."""
OURS = {path.stem for path in ROOT.glob("*.py")} | {
    path.parent.name for path in ROOT.glob("*/*.py")
}
BLOCKER = """
import json, os, sys

class Blocker:
    names = frozenset(json.loads(os.environ["NOT_INSTALLED"]))

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"{name} is not in requirements/", name=name)

sys.meta_path.insert(0, Blocker())
"""


def workflow(name: str) -> dict[str, Any]:
    found = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    assert isinstance(found, dict)
    return found


def script(name: str, job: str, containing: str) -> str:
    """The one script of a job that contains this."""
    steps = workflow(name)["jobs"][job]["steps"]
    [found] = [step["run"] for step in steps if containing in step.get("run", "")]
    return str(found)


def locked(name: str) -> dict[str, str]:
    """The versions of a file of requirements/, by canonical name."""
    text = (ROOT / f"requirements/{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", text, re.MULTILINE))


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def not_installed(name: str) -> list[str]:
    """The modules that are here, and would not be after an install from requirements/."""
    there = locked(name)
    return sorted(
        module
        for module, distributions in packages_distributions().items()
        if module not in OURS and not {canonical(each) for each in distributions} & set(there)
    )


class Home:
    """Where each test has its project: always in the same folder, where Python has imported it.

    A copy of the project in a repository of its own, which each test gets as it was.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "home"
        self._pristine = folder / "pristine"
        self._interpreters: dict[str, Interpreter] = {}
        self._is_as_it_was = False
        root = self._pristine / "checkout"
        for each in NEEDED:  # with what is compiled, or each process would compile it anew
            shutil.copytree(ROOT / each, root / each)
        for each in PROGRAMS:
            shutil.copy(ROOT / each, root / each)
        blocker = self._pristine / "blocker"
        blocker.mkdir()
        (blocker / "sitecustomize.py").write_text(BLOCKER)
        project = Checkout(self._pristine)
        project.git("init", "--quiet", "--initial-branch=main", "--template=")
        (root / ".git/info").mkdir()
        (root / ".git/info/exclude").write_text("reviews/\n.reviews/\n__pycache__/\n")
        self.base = project.commit("base")
        project.git("repack", "-a", "-d", "-q")  # fewer files to copy

    def begin(self, *, changes: bool = True) -> "Checkout":
        """The project as it was at first, whatever another test did to it.

        Without ``changes`` the test leaves it as it is, but for what its steps give out.
        """
        if not self._is_as_it_was:
            put_back(self._pristine, self.folder)
        self._is_as_it_was = not changes
        return Checkout(self.folder, self)

    def python(self, requirements: str, environment: Mapping[str, str]) -> Path:
        """An interpreter that has, and has imported, the packages that a job installs."""
        if requirements not in self._interpreters:
            self._interpreters[requirements] = Interpreter(
                self.folder / "checkout", PREPARED[requirements], environment
            )
        return self._interpreters[requirements].program

    def end(self) -> None:
        for each in self._interpreters.values():
            each.__exit__()


class Checkout:
    """The project in a repository of its own, and steps run in it."""

    def __init__(self, folder: Path, home: Home | None = None) -> None:
        self.root = folder / "checkout"
        self.outputs = folder / "outputs"
        self.summary = folder / "summary"
        self.home = home
        self.environment = {
            **os.environ,
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{f"GIT_{who}_{what}": "somebody@example.com"
               for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
            "PYTHONPATH": str(folder / "blocker"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "GITHUB_OUTPUT": str(self.outputs),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_REPOSITORY": "acme/workers",
            "GITHUB_RUN_ID": "77",
            "GH_TOKEN": TOKEN,
            "RUN": "https://run",
        }  # fmt: skip
        self.base = home.base if home else ""

    def git(self, *words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=self.root, env=self.environment, check=True,
            capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def run(
        self, text: str, requirements: str, *, fresh: bool = False, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        """A step's script, with only the packages that the job has installed.

        ``fresh`` is by Python itself, which has not imported anything before.
        """
        for file in (self.outputs, self.summary):
            file.write_text("")
        modules = json.dumps(not_installed(requirements))
        environment = {**self.environment, "NOT_INSTALLED": modules}
        python = Path(sys.executable)
        if self.home and not fresh:
            python = self.home.python(requirements, environment)
        return subprocess.run(
            ["bash", "-e", "-c", text.replace(".venv/bin/python", str(python))],
            cwd=self.root, check=False, capture_output=True, text=True,
            env={**environment, **more},
        )  # fmt: skip

    def output(self, name: str) -> str:
        """What the last step gave out under this name, or nothing, as GitHub has it."""
        lines = [line.partition("=") for line in self.outputs.read_text().splitlines()]
        return {key: value for key, _, value in lines}.get(name, "")

    def predict(self, head: str, *, fresh: bool = False) -> "subprocess.CompletedProcess[str]":
        """The step that writes the comment, with main checked out as the workflow has it."""
        self.git("checkout", "--quiet", "--force", "--detach", self.base)
        text = script("comment", "predict", "ci predict")
        return self.run(text, "predict", fresh=fresh, BASE=self.base, HEAD=head)


def put_back(pristine: Path, folder: Path) -> None:
    """Makes a folder the same as another one; copies only what differs, of hundreds of files."""
    folder.mkdir(exist_ok=True)
    found = dircmp(pristine, folder, ignore=[], hide=[])
    links = [name for name in found.common if (folder / name).is_symlink()]
    for name in {*found.right_only, *found.common_funny, *found.funny_files, *links}:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for name in {*found.left_only, *found.common_funny, *found.funny_files, *links}:
        if (pristine / name).is_dir():
            shutil.copytree(pristine / name, folder / name)
        else:
            shutil.copy2(pristine / name, folder / name)
    for name in {*found.diff_files} - {*links}:
        shutil.copy2(pristine / name, folder / name)
    for name in {*found.common_dirs} - {*links}:
        put_back(pristine / name, folder / name)


def told(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """The lines that the runner would take for commands of its own."""
    held, commands = "", []
    for line in done.stdout.splitlines():
        if held:
            held = "" if line == held else held
        elif line.startswith("::stop-commands::"):
            held = f"::{line.removeprefix('::stop-commands::')}::"
        elif line.startswith("::"):
            commands.append(line)
    assert not held
    return commands


@contextmanager
def github(answers: Mapping[str, tuple[int, Any]]) -> Iterator[tuple[str, list[str]]]:
    """An API that gives these answers by path, its address, and the tokens that it was sent."""
    tokens: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            tokens.append(self.headers["Authorization"])
            status, content = answers.get(self.path, (404, {"message": "Not Found"}))
            text = content if isinstance(content, str) else json.dumps(content)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", tokens
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def aws(url: str) -> dict[str, str]:
    """What `configure-aws-credentials` leaves for later steps."""
    account = os.environ["AWS_ACCESS_KEY_ID"]
    return {**walkthrough.credentials(url), "AWS_ACCESS_KEY_ID": account}
