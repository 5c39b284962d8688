"""Which lint requests were found clean before, so that they need not be linted again.

A verdict is kept under the digest of everything that it depends on: the template, the
values, our rules and settings, and the versions of the libraries and of Python. Only clean
verdicts are kept: what is wrong is linted, and said, each time.

So is the verdict on a whole project: that its files say what is generated of them. With it an
unchanged project is known to be current before a library is loaded that reads and judges.
"""

import hashlib
import importlib.util
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workerstack.lint.lint import LintRequest

PARAMS = "params"
OUT = "out"


class Verdicts:
    """The clean verdicts below ``folder``, one empty file each."""

    def __init__(self, folder: Path, judges: Iterable[Path]) -> None:
        self._folder = folder
        self._judges = hashlib.sha256()
        for part in (sys.version, *_libraries()):
            self._judges.update(part.encode() + b"\0")
        # By name and content: where the project and the tool lie is no part of a verdict.
        for name, content in sorted((file.name, file.read_bytes()) for file in judges):
            self._judges.update(name.encode() + b"\0" + content + b"\0")

    def unknown(self, requests: "Sequence[LintRequest]") -> "list[LintRequest]":
        """The requests that are not known to be clean."""
        return [request for request in requests if not self._file(request).exists()]

    def keep(self, requests: "Iterable[LintRequest]") -> None:
        """Remembers that ``requests`` were found clean."""
        self._keep(map(self._file, requests))

    def is_current(self, texts: Mapping[str, str], project: Mapping[str, bytes]) -> bool:
        """Whether a project with these files was found clean, and as generated of ``texts``."""
        return self._of_all(texts, project).exists()

    def keep_current(self, texts: Mapping[str, str], project: Mapping[str, bytes]) -> None:
        """Remembers that, for as long as no byte of either changes."""
        self._keep([self._of_all(texts, project)])

    def _keep(self, found: Iterable[Path]) -> None:
        with suppress(OSError):  # where nothing can be kept, it is linted again
            self._folder.mkdir(parents=True, exist_ok=True)
            for file in found:
                file.touch()
            os.utime(self._folder)

    def _file(self, request: "LintRequest") -> Path:
        values = {name: dict(each) for name, each in request.values.items()}
        return self._named(json.dumps([request.file, request.text, values]).encode())

    def _of_all(self, texts: Mapping[str, str], project: Mapping[str, bytes]) -> Path:
        parts = {**{f"{name} as generated": text.encode() for name, text in texts.items()},
                 **project}  # fmt: skip
        sizes = [(name, len(content)) for name, content in sorted(parts.items())]
        contents = b"".join(parts[name] for name, _ in sizes)
        return self._named(json.dumps(sizes).encode() + b"\0" + contents)

    def _named(self, content: bytes) -> Path:
        digest = self._judges.copy()
        digest.update(content)
        return self._folder / digest.hexdigest()


def project_files(root: Path, *others: str) -> dict[str, bytes]:
    """What a project's params/ and out/ hold, and ``others`` where they are there, by name."""
    below = (file for folder in (PARAMS, OUT) for file in (root / folder).rglob("*"))
    found = [*below, *(root / name for name in others)]
    return {str(file.relative_to(root)): _content(file) for file in found if file.is_file()}


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:  # whoever reads it for what is in it says so, with what to do
        return b"\0not readable"


def _libraries() -> list[str]:
    """The names and versions of what is installed beside cfn-lint.

    By the names of their folders: asking for the version of one loads a tenth of a second's
    libraries.
    """
    found = importlib.util.find_spec("cfnlint")
    home = Path(str(found.origin)).parents[1] if found else None
    installed = sorted(each.name for each in home.glob("*.dist-info")) if home else []
    if not any(name.startswith("cfn_lint-") for name in installed):
        from importlib.metadata import version

        return [version("cfn-lint"), *installed]
    return installed
