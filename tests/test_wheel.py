"""The wheel as somebody installs it who has no checkout: it is whole, and it is small."""

import subprocess
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from tests.installed import ROOT, Installed, install, minimal

LARGEST = 60_000_000
"""Bytes that the tool and all that it needs may take, without extras."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(tmp_path_factory.mktemp("installed"))


def test_the_wheel_has_every_file_of_the_package_and_of_templates(installed: Installed) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "workerstack", "templates/"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    wanted = {
        name.replace("templates/", "workerstack/starter/templates/", 1)
        if name.startswith("templates/")
        else name
        for name in listed
        if (ROOT / name).exists()
    }
    with zipfile.ZipFile(installed.wheel) as wheel:
        assert wanted <= set(wheel.namelist())


def test_it_has_the_commands_of_the_three_programs(installed: Installed, tmp_path: Path) -> None:
    done = installed.run("--help", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("review", "execute", "verify", "generate", "simulate"):
        assert f"\n  {name} " in done.stdout
        assert installed.run(name, "--help", folder=tmp_path).returncode == 0


def test_what_it_prints_to_type_can_be_typed(installed: Installed, tmp_path: Path) -> None:
    done = installed.run("watch", "dev/nothing", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "Unknown environment dev: params/ has no environment yet. Run `workerstack init dev`.\n"
    )


def test_without_a_project_generate_says_how_to_get_one(
    installed: Installed, tmp_path: Path
) -> None:
    done = installed.run("generate", folder=tmp_path)
    assert done.returncode == 1
    assert "has no templates/workers.py: " in done.stderr
    assert "`workerstack new DIR`" in done.stderr


def size(name: str, seen: set[str]) -> int:
    """Bytes of a distribution and of what it needs, with bytecode, without extras."""
    if name in seen:
        return 0
    seen.add(name)
    try:
        found = distribution(name)
    except PackageNotFoundError:  # for another system
        return 0
    files = [Path(str(file.locate())) for file in found.files or () if file.suffix != ".pyc"]
    compiled = [cache_from_source(str(file)) for file in files if file.suffix == ".py"]
    files += map(Path, compiled)
    needed = [each.partition(";") for each in found.requires or ()]
    return sum(file.stat().st_size for file in files if file.exists()) + sum(
        size(required(each), seen) for each, _, condition in needed if "extra" not in condition
    )


def required(requirement: str) -> str:
    """The name in ``urllib3!=2.2.0,<3,>=1.25.4``."""
    return "".join(c if c.isalnum() or c in "-_." else " " for c in requirement).split()[0]


def test_the_core_is_small(installed: Installed) -> None:
    libraries: set[str] = set()
    setup = (ROOT / "setup.cfg").read_text()
    needed = setup.partition("install_requires =\n")[2].partition("\n\n")[0].split()
    total = sum(size(name, libraries) for name in needed)
    [own] = installed.environment.glob("lib/python*/site-packages/workerstack")
    total += sum(file.stat().st_size for file in own.rglob("*") if file.is_file())
    assert {"boto3", "botocore", "pydantic"} <= libraries
    assert not {"rich", "pygments"} & libraries
    assert 40_000_000 < total < LARGEST


@pytest.fixture(scope="module")
def project(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``workerstack new`` made in an empty folder, with the environment it would make."""
    folder = tmp_path_factory.mktemp("team") / "orders"
    done = installed.run(
        "new", "orders", "--name", "orders", "--image", "team/orders", "--queue", "team-orders",
        "--secrets", "API_TOKEN=team/api-token", "--longest-job", "5m", folder=folder.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / ".venv").mkdir()
    for each in installed.environment.iterdir():
        (folder / ".venv" / each.name).symlink_to(each)
    (folder / ".venv/.ready").touch()
    return folder


def test_a_project_has_the_wheel_that_made_it(installed: Installed, project: Path) -> None:
    [wheel] = (project / "wheels").iterdir()
    assert wheel.read_bytes() == installed.wheel.read_bytes()


@pytest.mark.parametrize("target", ["test", "run"])
def test_make_works_at_once_in_a_new_project(project: Path, target: str) -> None:
    done = subprocess.run(
        ["make", target], cwd=project, env=minimal(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Deployed and verified" in done.stdout or "passed" in done.stdout


def test_the_linter_of_editors_says_the_same_in_a_project(project: Path) -> None:
    template = project / "out/orders.template.yaml"
    text = template.read_text()
    assert "LoadBalancers: []" in text
    template.write_text(text.replace("LoadBalancers: []", "LoadBalancers: [{ContainerPort: 80}]"))
    program = "from cfnlint.runner import main; main()"
    done = subprocess.run(
        [str(project / ".venv/bin/python"), "-c", program],
        cwd=project, env=minimal(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    template.write_text(text)
    assert "E9104" in done.stdout, done.stdout + done.stderr


def test_the_installed_command_works_from_within_a_project(
    installed: Installed, project: Path
) -> None:
    done = installed.run("generate", "--check", folder=project / "templates")
    assert done.returncode == 0, done.stderr
    words = ("out/orders.template.yaml", "--load", "job:service=1m")
    assert installed.run("simulate", *words, folder=project).returncode == 0
