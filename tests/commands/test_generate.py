"""generate.py as a person runs it, in a copy of the checkout."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interpreter import Interpreter

ROOT = Path(__file__).parents[2]
SOURCES = (
    "generate.py", ".cfnlintrc.yaml", "docs/what-it-creates.md", "out", "params", "templates",
)  # fmt: skip


Generate = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def generate(programs: Interpreter) -> Generate:
    """Runs generate.py of a copy of the checkout."""

    def go(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
        return programs.run("generate.py", *options, folder=folder)

    return go


@pytest.fixture(scope="module")
def linted(tmp_path_factory: pytest.TempPathFactory, generate: Generate) -> Path:
    """A copy that was generated once, with its verdicts.

    Without the tool: it is the same for all, and the one that `programs` has imported.
    """
    folder = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        source = ROOT / name
        (folder / name).parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    assert generate(folder).returncode == 0
    return folder


@pytest.fixture
def copy(linted: Path, tmp_path: Path) -> Path:
    return shutil.copytree(linted, tmp_path / "checkout")


@pytest.fixture(scope="module")
def linted_one(linted: Path, tmp_path_factory: pytest.TempPathFactory, generate: Generate) -> Path:
    folder = shutil.copytree(linted, tmp_path_factory.mktemp("one") / "checkout")
    replace(folder / WORKERS, "ALL = (EDIT, THUMBNAILS)", "ALL = (THUMBNAILS,)")
    for file in (folder / "params").glob("*/webordinary-edit.yaml"):
        file.unlink()
    assert generate(folder).returncode == 0
    return folder


@pytest.fixture
def copy_of_one(linted_one: Path, tmp_path: Path) -> Path:
    """A copy with one worker, where each template that is linted counts."""
    return shutil.copytree(linted_one, tmp_path / "one")


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


DEV = "params/dev/webordinary-edit.yaml"
WORKERS = "templates/workers.py"

Break = Callable[[Path], object]
BAD_INPUT: dict[str, tuple[Break, str, str]] = {
    "unknown parameter": (
        lambda c: replace(c / DEV, "  MaxTasks:", "  MaxTask:"),
        f"{DEV}:11: Unknown parameter MaxTask:", "Did you mean MaxTasks?",
    ),
    "missing parameter": (
        lambda c: replace(c / DEV, "  VpcId: vpc-0a1b2c3d4e5f60718\n", ""),
        f"{DEV}:3: The parameter VpcId is missing:", "Add VpcId",
    ),
    "wrong type": (
        lambda c: replace(c / DEV, "MaxTasks: 2", "MaxTasks: many"),
        f"{DEV}:11: MaxTasks cannot be 'many':", "must be a number",
    ),
    "list for a string": (
        lambda c: replace(c / DEV, "MaxTasks: 2", "MaxTasks: [2]"),
        f"{DEV}:11: MaxTasks is a list:", "Write one value",
    ),
    "a wrong member in the text of a list": (
        lambda c: replace(c / DEV, "subnet-0a1b2c3d4e5f60001,", "subnet-0a1b2c3d,no-subnet,"),
        f"{DEV}:6: SubnetIds cannot be 'no-subnet':", "looks like",
    ),
    "mapping for a string": (
        lambda c: replace(c / DEV, "MaxTasks: 2", "MaxTasks: {a: b}"),
        f"{DEV}:11: parameters.MaxTasks has a wrong value:", "Correct",
    ),
    "malformed YAML": (
        lambda c: replace(c / DEV, "parameters:", "parameters: ["),
        f"{DEV}:5: The YAML is malformed:", "Fix",
    ),
    "a key twice": (
        lambda c: replace(c / DEV, "  MaxTasks: 2", "  MaxTasks: 2\n  MaxTasks: 3"),
        f"{DEV}:12: The key MaxTasks is given twice:", "Remove one",
    ),
    "missing file": (
        lambda c: (c / "params/dev/target.yaml").unlink(),
        "params/dev/target.yaml: No such file:", "Create it",
    ),
    "account as a number too short": (
        lambda c: replace(c / "params/dev/target.yaml", '"111122223333"', "1111"),
        "params/dev/target.yaml:2: account has a wrong value:", "Correct",
    ),
    "unknown key": (
        lambda c: replace(c / "params/dev/target.yaml", "region:", "regoin:"),
        "params/dev/target.yaml:3: Unknown key regoin:", "Did you mean region?",
    ),
    "template that nothing generates": (
        lambda c: replace(c / DEV, "out/webordinary-edit", "out/webordinary"),
        f"{DEV}:2: Nothing generates out/webordinary.template.yaml:", "Correct the path",
    ),
    "queue name with a space": (
        lambda c: replace(c / DEV, "  MaxTasks: 2", "  QueueName: a queue"),
        f"{DEV}:11: QueueName cannot be 'a queue':", "not its URL or ARN",
    ),
    "no such subnet": (
        lambda c: replace(c / DEV, "subnet-0a1b2c3d4e5f60002", "subnet-xyz"),
        f"{DEV}:6: SubnetIds cannot be 'subnet-xyz':", "looks like",
    ),
    "steps with a gap": (
        lambda c: replace(c / WORKERS, "Step(lower=1, change=+1)", "Step(lower=3, change=+1)"),
        f"{WORKERS}:10: Step(upper=0, change=-1) and Step(lower=3, change=+1) leave a gap:",
        "Begin the second at 1",
    ),
    "steps that overlap": (
        lambda c: replace(c / WORKERS, "lower=1, change", "lower=1, upper=20, change"),
        f"{WORKERS}:10: Step(lower=1, upper=20, change=+1) and Step(lower=10, change=+2) overlap:",
        "Begin each step",
    ),
    "memory that Fargate does not offer": (
        lambda c: replace(c / WORKERS, "memory=4096", "memory=4095"),
        f"{WORKERS}:17: 4095 MiB of memory with 2048 CPU units is impossible:", "Fargate offers",
    ),
    "queue name with a space in the specification": (
        lambda c: replace(c / WORKERS, '"webordinary-email-queue"', '"webordinary email"'),
        f"{WORKERS}:9: Queue name 'webordinary email' is impossible:", "Give the name",
    ),
    "unknown field": (
        lambda c: replace(c / WORKERS, "cpu=2048", "cpus=2048"),
        f"{WORKERS}:16: Worker has no field cpus:", "Did you mean cpu?",
    ),
    "a resource that is not there, in customize": (
        lambda c: replace(c / WORKERS, "cpu=2048,",
                          "cpu=2048, customize=lambda template, _: template.resources['Servce'],"),
        f"{WORKERS}:16: customize fails: there is no 'Servce'.", "Correct this line",
    ),
    "a type that does not fit, in customize": (
        lambda c: customized(c, "def own(template, worker):\n    template.add_resource(1 + 'a')\n"),
        "templates/own.py:2: customize=own fails: unsupported operand type(s) for +",
        "Correct this line",
    ),
    "customize that takes one": (
        lambda c: customized(c, "\ndef own(template):\n    pass\n"),
        "templates/own.py:2: customize=own fails: own() takes 1 positional argument but 2",
        "`own(template, worker)`",
    ),
    "customize that raises whatever it likes": (
        lambda c: customized(c, "def own(template, worker):\n    raise OSError\n"),
        "templates/own.py:2: customize=own fails: it raises OSError.", "Correct this line",
    ),
    "customize that removes what is required": (
        lambda c: customized(
            c, "def own(template, worker):\n"
               "    del template.resources['TaskRole'].properties['AssumeRolePolicyDocument']\n"),
        "templates/own.py:1: customize=own fails: ", "`own(template, worker)`",
    ),
    "a function of templates/ that fails": (
        lambda c: replace(c / "templates/compute.py", "Ref(parameters.size.cpu)", "Ref(here.cpu)"),
        "templates/compute.py:113: task_definition of templates/ fails: name 'here' is not",
        "Correct this line",
    ),
    "one worker without its comma": (
        lambda c: replace(c / WORKERS, "ALL = (EDIT, THUMBNAILS)", "ALL = (EDIT)"),
        f"{WORKERS}: ALL is a worker: without a comma",
        "ALL = (ONE,)",
    ),
    "no ALL": (
        lambda c: replace(c / WORKERS, "ALL = (EDIT, THUMBNAILS)", ""),
        f"{WORKERS}: ALL is missing: it says which workers",
        "ALL = (ONE,)",
    ),
    "something else than a worker": (
        lambda c: replace(c / WORKERS, "ALL = (EDIT, THUMBNAILS)", 'ALL = ("EDIT",)'),
        f"{WORKERS}: ALL holds 'EDIT': that is no worker.",
        "ALL = (ONE,)",
    ),
    "syntax error": (
        lambda c: replace(c / WORKERS, "cpu=2048,", "cpu=2048,,"),
        f"{WORKERS}:16: The specification is no Python:", "Fix",
    ),
    "two workers of one name": (
        lambda c: replace(c / WORKERS, 'name="thumbnails"', 'name="webordinary-edit"'),
        f"{WORKERS}: Two workers have the same name:", "its own name",
    ),
}  # fmt: skip


def customized(checkout: Path, text: str) -> None:
    """The worker has a function of a file of its own, which it imports."""
    (checkout / "templates/own.py").write_text(text)
    workers = checkout / WORKERS
    replace(workers, "cpu=2048,", "cpu=2048, customize=own,")
    # In the first line's place: what follows keeps its line.
    lines = workers.read_text().split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith("from workerstack"))
    lines[at] = f"from templates.own import own; {lines[at]}"
    workers.write_text("\n".join(lines))


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_gets_one_clear_error(copy: Path, case: str, generate: Generate) -> None:
    breaks, place, advice = BAD_INPUT[case]
    before = snapshot(copy)
    breaks(copy)
    done = generate(copy)
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith(place), line
    assert advice in line
    assert snapshot(copy) == before


def test_everything_wrong_with_a_worker_is_told_with_its_line(
    copy: Path, generate: Generate
) -> None:
    before = snapshot(copy)
    replace(copy / WORKERS, "memory=4096", "memroy=4096")
    replace(copy / WORKERS, '"webordinary-email-queue"', '"webordinary email"')
    replace(copy / WORKERS, '"LOG_LEVEL": "info"', '"LOG_LEVEL": 3')
    replace(copy / WORKERS, 'variable="GITHUB_TOKEN"', 'variable="GITHUB TOKEN"')
    replace(copy / WORKERS, 'buckets=("edit.*.webordinary.com",)', 'buckets=("edit")')
    done = generate(copy)
    assert done.returncode == 1
    told = [line.removeprefix(f"{WORKERS}:").split(": ")[:2] for line in done.stderr.splitlines()]
    assert told == [
        ["9", "Queue name 'webordinary email' is impossible"],
        ["17", "Worker has no field memroy"],
        ["18", "environment['LOG_LEVEL'] of Worker cannot be 3"],
        ["28", "Variable 'GITHUB TOKEN' is impossible"],
        ["34", "buckets of Worker cannot be 'edit'"],
    ]
    assert snapshot(copy) == before


def test_everything_wrong_with_all_workers_is_told_at_once(copy: Path, generate: Generate) -> None:
    before = snapshot(copy)
    replace(copy / WORKERS, "memory=4096", "memroy=4096")
    replace(copy / WORKERS, "Step(lower=100, change=+4)", "Step(100, change=+4)")
    replace(copy / WORKERS, 'user="1000:1000"', 'user="1000:"')
    replace(copy / WORKERS, "ALL = (EDIT, THUMBNAILS)", "ALL = (EDIT, THUMBNAIL)")
    done = generate(copy)
    assert done.returncode == 1
    told = [line.removeprefix(f"{WORKERS}:").split(": ")[:2] for line in done.stderr.splitlines()]
    assert told == [
        ["17", "Worker has no field memroy"],
        ["50", "Step takes no 100 without a name"],
        ["53", "User '1000:' is impossible"],
        ["60", "The specification cannot be read"],
    ]
    assert snapshot(copy) == before


def test_what_is_only_seen_in_the_whole_is_told_of_all_workers(
    copy: Path, generate: Generate
) -> None:
    kept = 'kept={"Nothing": {"Name": "x"}}, '
    replace(copy / WORKERS, "cpu=2048", f"{kept}cpu=2048")
    replace(copy / WORKERS, 'user="1000:1000"', f'{kept}user="1000:1000"')
    done = generate(copy)
    assert done.returncode == 1
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [
        f"{WORKERS}:16", f"{WORKERS}:53",
    ]  # fmt: skip


def test_a_lint_finding_leaves_out_as_it_is(copy: Path, generate: Generate) -> None:
    before = snapshot(copy)
    replace(copy / DEV, "MaxTasks: 2", "MaxTasks: 2\n  MinTasks: 3")
    done = generate(copy)
    assert done.returncode == 1
    assert "E9210" in done.stdout
    assert DEV in done.stdout
    assert "Nothing written" in done.stderr
    assert snapshot(copy) == before


@pytest.mark.parametrize(
    ("form", "rules_of"),
    [
        ("json", lambda text: [each["Rule"]["Id"] for each in json.loads(text)]),
        ("sarif", lambda text: [each["ruleId"] for each in json.loads(text)["runs"][0]["results"]]),
        ("junit", lambda text: [line.split('"')[1].split()[0] for line in text.splitlines()
                                if "<testcase" in line and line.rstrip().endswith('">')
                                and "E9" in line]),
    ],
)  # fmt: skip
def test_lint_formats(
    copy_of_one: Path, form: str, rules_of: Callable[[str], list[str]], generate: Generate
) -> None:
    replace(copy_of_one / "params/dev/thumbnails.yaml", "  VpcId", "  MinTasks: 30\n  VpcId")
    done = generate(copy_of_one, "--lint-format", form)
    assert done.returncode == 1
    assert "E9210" in rules_of(done.stdout)


def test_check_tells_what_is_stale_and_writes_nothing(copy: Path, generate: Generate) -> None:
    file = copy / "out/webordinary-edit.template.yaml"
    replace(file, "StopTimeout: 120", "StopTimeout: 30")
    stale = snapshot(copy)
    done = generate(copy, "--check")
    assert done.returncode == 2
    assert "-        StopTimeout: 30" in done.stdout
    assert "+        StopTimeout: 120" in done.stdout
    assert snapshot(copy) == stale
    assert generate(copy).returncode == 0
    assert generate(copy, "--check").returncode == 0


def test_what_nothing_generates_any_more_is_removed(copy: Path, generate: Generate) -> None:
    orphan = copy / "out/gone.template.yaml"
    orphan.write_text("Resources: {}\n")
    assert generate(copy, "--check").returncode == 2
    assert generate(copy).returncode == 0
    assert not orphan.exists()


def with_the_tool(folder: Path) -> None:
    """Gives a copy the tool, too: for Python itself, which has not imported it."""
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "workerstack", folder / "workerstack", ignore=leave)


def loads(copy: Path, *modules: str) -> list[str]:
    """The exit code of `generate.py --check`, and which of these modules it loaded."""
    code = (
        "import os, sys, runpy\n"
        "os.cpu_count = lambda: 1\n"  # on one core all is done in one process
        "asked = sys.argv[1:]\n"
        "sys.argv = ['generate.py', '--check']\n"
        "try:\n    runpy.run_path('generate.py', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    print(end.code, *(each for each in asked if each in sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *modules], cwd=copy, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_an_unchanged_check_never_imports_cfn_lint(copy_of_one: Path) -> None:
    with_the_tool(copy_of_one)
    assert loads(copy_of_one, "cfnlint") == ["0"]
    replace(copy_of_one / "workerstack/checks/tasks.py", "FULL = 100", "FULL = 101")
    assert loads(copy_of_one, "cfnlint") == ["0", "cfnlint"], "other rules, other verdicts"


def test_an_unchanged_check_loads_nothing_that_reads_or_judges(copy: Path) -> None:
    with_the_tool(copy)
    slow = ("pydantic", "email", "workerstack.cloudformation", "workerstack.lint.lint")
    assert loads(copy, *slow) == ["0"]


def test_what_was_current_is_judged_again_once_a_file_changed(
    copy: Path, generate: Generate
) -> None:
    current = generate(copy, "--check")
    assert (current.returncode, current.stderr) == (0, "Up to date: no lint findings.\n")
    replace(copy / DEV, "MaxTasks: 2", "MaxTasks: many")
    assert generate(copy, "--check").returncode == 1
    replace(copy / DEV, "MaxTasks: many", "MaxTasks: 2")
    schema = copy / "params/target.schema.json"
    before = schema.read_bytes()
    schema.write_bytes(before + b"\n")
    assert generate(copy, "--check").returncode == 2
    schema.write_bytes(before)
    assert generate(copy, "--check").stderr == current.stderr


def test_wrong_usage(copy: Path, generate: Generate) -> None:
    assert generate(copy, "--chekc").returncode == 64


def test_plain_cfn_lint_finds_nothing_at_all(tmp_path: Path, programs: Interpreter) -> None:
    command = Path(sys.executable).parent / "cfn-lint"
    files = [str(path) for path in (ROOT / "out").iterdir()]
    done = programs.run(str(command), "-c", "I", "--", *files, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("gone", ["out", "out/thumbnails.template.yaml", ".cache"])
def test_what_was_removed_is_made_again(copy_of_one: Path, gone: str, generate: Generate) -> None:
    before = snapshot(copy_of_one)
    if (copy_of_one / gone).is_dir():
        shutil.rmtree(copy_of_one / gone)
    else:
        (copy_of_one / gone).unlink()
    if gone == "out":  # nothing is known to be clean either: the linter is loaded
        shutil.rmtree(copy_of_one / ".cache")
    found = generate(copy_of_one)
    assert found.returncode == 0, found.stderr
    assert snapshot(copy_of_one) == before


def test_out_that_is_no_folder_is_one_sentence(copy: Path, generate: Generate) -> None:
    shutil.rmtree(copy / "out")
    (copy / "out").write_text("")
    found = generate(copy)
    assert found.returncode == 1
    [line] = found.stderr.splitlines()
    assert "cannot be written" in line


def test_a_template_that_is_a_folder_is_one_sentence(copy: Path, generate: Generate) -> None:
    before = snapshot(copy)
    file = copy / "out/webordinary-edit.template.yaml"
    file.unlink()
    file.mkdir()
    found = generate(copy)
    assert found.returncode == 1
    [line] = found.stderr.splitlines()
    assert "webordinary-edit.template.yaml cannot be" in line
    file.rmdir()
    file.write_bytes(before[file.name])
    assert snapshot(copy) == before
