"""``generate.py``: builds a project's templates, lints them, and writes out/."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workerstack.command_line import project
from workerstack.commands.example import WithExample
from workerstack.lint.reports import FORMATS
from workerstack.lint.verdicts import OUT, Verdicts, project_files
from workerstack.output import say, show, show_json_text
from workerstack.problem import Problem, as_typed

if TYPE_CHECKING:
    from workerstack.lint.building import Build
    from workerstack.lint.lint import LintFinding, LintRequest
    from workerstack.lint.watching import WarmLinter

SOURCE = "templates"
HOUSE = Path(__file__).parents[1]
JUDGES = ("checks", "cloudformation", "deployments", "lint", "simulator")
"""The rooms on which a verdict depends."""

DIAGRAM = "docs/what-it-creates.md"
"""The document that holds a template's diagram, where a project has it."""

STALE = 2


def generating(
    build: "Build", root: Path | None = None, source: str = f"{SOURCE}/workers.py"
) -> click.Command:
    """The command for the project in ``root``, whose templates ``build`` gives.

    Without ``root`` it is the one that is worked in. ``source`` is the file that says which workers
    there are, as people call it.
    """

    @click.command(cls=WithExample, example="--check")
    @click.option("--check", is_flag=True, help="Write nothing; exit 2 if out/ is not current.")
    @click.option(
        "--watch",
        is_flag=True,
        help="Write nothing; show verdict and diff at each save, until Ctrl-C.",
    )
    @click.option(
        "--lint-format",
        type=click.Choice(FORMATS),
        default="text",
        help="Choose the format of the findings.",
        show_default=True,
    )
    def generate(*, check: bool, watch: bool, lint_format: str) -> int:
        """Build all workers of templates/workers.py, lint them, and write out/.

        Each template is linted alone and with the values of every params file that uses it.
        Nothing is written unless everything is clean.

        Exit codes: 0 done or current, 1 an error or a lint finding, 2 out of date (--check).
        """
        if watch:
            if check or lint_format != "text":
                raise click.UsageError("--watch takes neither --check nor --lint-format")
            return _watch(build, root or project(), source)
        return _generate(build, root or project(), source, lint_format, check=check)

    return generate


def _of_project() -> list[tuple[str, dict[str, Any]]]:
    """What a project's generate.py builds, for the installed command, which lies elsewhere."""
    root = project()
    if not (root / SOURCE / "workers.py").is_file():
        raise Problem(
            f"{as_typed(root)} has no {SOURCE}/workers.py",
            "that says which workers there are",
            "Run it in a project, or make one with `workerstack new DIR`",
        )
    sys.path.insert(0, str(root))
    templates: list[tuple[str, dict[str, Any]]] = importlib.import_module(SOURCE).build_all(
        lambda: importlib.import_module(f"{SOURCE}.workers")
    )
    return templates


generate = generating(_of_project)


def _generate(build: "Build", root: Path, source: str, lint_format: str, *, check: bool) -> int:
    from workerstack.lint.building import built
    from workerstack.lint.rendering import render

    try:
        templates = built(build)
    except ExceptionGroup as group:
        for mistake in group.exceptions:
            say(str(mistake))
        return 1
    texts = {f"out/{name}.template.yaml": render(each, source) for name, each in templates.items()}
    verdicts = Verdicts(root / ".cache" / "verdicts", _judges(root))
    before = project_files(root, DIAGRAM)
    if lint_format == "text" and verdicts.is_current(texts, before):
        _say_current(check=check)
        return 0
    from workerstack.lint import inputs

    deployed = inputs.deployments_of(texts, root)
    found = inputs.mistakes(texts, deployed, root)
    if found:
        for mistake in found:
            say(str(mistake))
        return 1
    findings = _lint(verdicts, inputs.requests(texts, deployed, root), lint_format)
    if findings:
        count = f"{len(findings)} lint finding{'s' if len(findings) > 1 else ''}"
        say(f"Nothing written: {count}.")
        return 1
    made = _artifacts(root, texts)
    if check and (code := _compare(root, made, quiet=lint_format != "text")):
        return code
    if not check:
        _write(root, made)
    after = project_files(root, DIAGRAM)
    # Whoever saved a file meanwhile has not had it judged.
    if _given(before, made) == _given(after, made) and made == _texts(after, made):
        verdicts.keep_current(texts, after)
    return 0


def _given(project: Mapping[str, bytes], made: Mapping[str, str]) -> dict[str, bytes]:
    """The files of a project that are not generated."""
    return {
        name: content
        for name, content in project.items()
        if name not in made and not name.startswith(f"{OUT}/")
    }


def _texts(project: Mapping[str, bytes], made: Mapping[str, str]) -> dict[str, str]:
    """What the generated files hold."""
    return {name: project.get(name, b"").decode(errors="replace") for name in made}


def _watch(build: "Build", root: Path, source: str) -> int:
    """Builds and lints again at each save; ends with Ctrl-C."""
    import gc
    import time

    from workerstack.lint.lint import AbandonedError
    from workerstack.lint.reloading import ProjectModules
    from workerstack.lint.watching import ROOM, Saves, WarmLinter

    gc.enable()  # generate.py does without in its second of work; this goes on for hours
    linter = WarmLinter(HOUSE / "lint/rules")
    gc.collect()
    gc.freeze()
    folder = Path(source).parent
    home = root if (root / source).is_file() else root.parents[len(folder.parts) - 1]
    modules = ProjectModules(SOURCE, ROOM.replace("/", "."), ".".join(folder.parts))
    saves = Saves(home, time.sleep, f"{folder}/**/*.py", f"{folder}/params/**/*.yaml")
    for names in saves:
        started = time.perf_counter()

        def told(verdict: str, began: float = started, of: str = ", ".join(names)) -> None:
            say(f"{of or 'begun'}: {verdict} ({time.perf_counter() - began:.2f} s)")

        def built_anew(changed: Sequence[Path] = tuple(home / name for name in names)) -> Any:
            modules.renew(changed)
            return build()

        try:
            told(_verdict(built_anew, root, source, linter, told, saves.is_waiting))
        except AbandonedError:
            continue  # what was saved meanwhile has its own verdict
        except Problem as problem:
            modules.failed()
            told(str(problem))
        except ExceptionGroup as group:
            modules.failed()
            say(*map(str, group.exceptions))
            told("nothing would be written")
    return 0


def _verdict(
    build: "Build",
    root: Path,
    source: str,
    linter: "WarmLinter",
    told: Callable[[str], None],
    unwanted: Callable[[], bool],
) -> str:
    """What is wrong, or how out/ differs; both are shown, and summed up in a sentence.

    ``told`` is called with the first verdict, which is about what changed. Raises AbandonedError
    once the last word is ``unwanted``.
    """
    from workerstack.lint import artifacts, inputs, reports
    from workerstack.lint.building import built
    from workerstack.lint.rendering import render

    templates = built(build).items()
    texts = {f"out/{name}.template.yaml": render(each, source) for name, each in templates}
    deployed = inputs.deployments_of(texts, root)
    wrong = inputs.mistakes(texts, deployed, root)
    if wrong:
        say(*map(str, wrong))
        return "nothing would be written"
    requests = inputs.requests(texts, deployed, root)
    differences = artifacts.stale(texts, root)
    names = ", ".join(differences)
    differs = f"`generate.py` would write {names}" if names else "out/ is current"
    is_quick = linter.is_quickly_clean(requests)
    if is_quick:
        for difference in differences.values():
            show(difference.rstrip("\n"))
        told(f"what changed is clean; {differs}")
    findings = linter.lint(requests, unwanted)
    if findings:
        show(reports.text(findings))
        return f"{len(findings)} lint finding{'s' if len(findings) > 1 else ''}"
    if not is_quick:
        for difference in differences.values():
            show(difference.rstrip("\n"))
    return f"all is clean; {differs}"


def _lint(
    verdicts: Verdicts, requests: "Sequence[LintRequest]", lint_format: str
) -> "Sequence[LintFinding]":
    from workerstack.lint import reports

    if lint_format == "junit":  # tells of each rule whether it was asked, in this process
        from workerstack.lint.lint import Linter, lint_one_by_one

        linter = Linter(HOUSE / "lint/rules")
        findings = lint_one_by_one(linter, requests)
        show(reports.formatted(lint_format, findings, linter))
    else:
        unknown = verdicts.unknown(requests)
        if not unknown and lint_format == "text":
            return []
        from workerstack.lint.lint import Linter, lint_all

        linter = Linter(HOUSE / "lint/rules")
        findings = lint_all(linter, unknown)
        if lint_format != "text":
            show_json_text(reports.formatted(lint_format, findings, linter))
        elif findings:
            show(reports.text(findings))
    if not findings:
        verdicts.keep(requests)
    return findings


def _judges(root: Path) -> list[Path]:
    rooms = [HOUSE / name for name in JUDGES]
    settings = root / ".cfnlintrc.yaml"
    own = [settings] if settings.exists() else []
    return [*(file for room in rooms for file in room.rglob("*.py")), Path(__file__), *own]


def _artifacts(root: Path, texts: Mapping[str, str]) -> dict[str, str]:
    """Everything that is generated: templates, editors' schemas, the diagram."""
    from workerstack.cloudformation import declared_parameters, read
    from workerstack.lint import diagram, schema

    parsed = {name: read(text, name).data for name, text in texts.items()}
    document = root / DIAGRAM
    drawn = {DIAGRAM: document.read_text(encoding="utf-8")} if document.exists() else {}
    for name, template in parsed.items():
        drawn = {file: diagram.in_document(text, name, template) for file, text in drawn.items()}
    return {
        **texts,
        "params/target.schema.json": schema.target_schema(),
        **{
            f"params/{Path(name).name.partition('.')[0]}.schema.json": schema.deployment_schema(
                declared_parameters(template)
            )
            for name, template in parsed.items()
        },
        **drawn,
    }


def _compare(root: Path, made: Mapping[str, str], *, quiet: bool) -> int:
    """Shows what is not current; where the data is a report, only its names."""
    from workerstack.lint import artifacts

    differences = artifacts.stale(made, root)
    if not quiet:
        for difference in differences.values():
            show(difference.rstrip("\n"))
    if differences:
        names = ", ".join(differences)
        say(f"Not current: {names}. Run `make generate` and commit.")
        return STALE
    _say_current(check=True)
    return 0


def _write(root: Path, made: Mapping[str, str]) -> None:
    from workerstack.lint import artifacts

    changed = artifacts.write(made, root)
    for name in changed:
        say(f"{'wrote' if (root / name).exists() else 'removed'} {name}")
    if not changed:
        _say_current(check=False)


def _say_current(*, check: bool) -> None:
    say(f"Up to date: {'' if check else 'nothing to write, '}no lint findings.")
