"""What a project begins with, as this version has it: the same bytes for every team."""

import io
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
DISTRIBUTION = "fargate-worker-stack"

PROGRAMS = ("deploy.py", "generate.py", "simulate.py")
WORKFLOWS = ("comment.yml", "review.yml")
"""Those of ours that a project has, too."""

SKELETON: Mapping[str, str] = {
    "Makefile": "Makefile",
    "cfnlintrc.yaml": ".cfnlintrc.yaml",
    "check.yml": ".github/workflows/check.yml",
    "gitignore": ".gitignore",
    "requirements.txt": "requirements.txt",
    "setup.cfg": "setup.cfg",
    "test_workers.py": "tests/test_workers.py",
}
"""Files that only a new project has: as they lie here, and as they are called there."""

THEIRS = frozenset({"templates/workers.py"})
"""What each team writes anew."""

LOCKED = "--require-hashes --only-binary :all: -r requirements/{}.txt"
UNLOCKED = "--only-binary :all: --find-links wheels -r requirements.txt"


def files() -> dict[str, str]:
    """Each file's text by its path in a project, of the installed wheel or of a checkout."""
    source = HERE if (HERE / "templates").is_dir() else CHECKOUT
    found = {name: (source / name).read_text("utf-8") for name in PROGRAMS}
    for path in sorted((source / "templates").rglob("*.py")):
        found[path.relative_to(source).as_posix()] = path.read_text("utf-8")
    for name in WORKFLOWS:
        found[f".github/workflows/{name}"] = _workflow(source / ".github/workflows" / name)
    for name, called in SKELETON.items():
        text = (HERE / "skeleton" / name).read_text("utf-8")
        found[called] = text.replace("VERSION", version(DISTRIBUTION))
    return {name: text for name, text in sorted(found.items()) if name not in THEIRS}


def _workflow(file: Path) -> str:
    """A workflow of ours with what a project installs, which has no lock of ours."""
    text = file.read_text("utf-8")
    for name in ("execute", "predict"):
        text = text.replace(LOCKED.format(name), UNLOCKED)
    return text.replace("docs/", "fargate-worker-stack: docs/")


def packed(contents: Mapping[str, str]) -> bytes:
    """The files as one archive, the same bytes for the same files; its comment is the version."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = version(DISTRIBUTION).encode()
        for name, text in sorted(contents.items()):
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def unpacked(content: bytes) -> tuple[str, dict[str, str]]:
    """The version and the files of such an archive; raises ValueError for another file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = {name: archive.read(name).decode() for name in archive.namelist()}
            return archive.comment.decode(), found
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise ValueError(str(error)) from error
