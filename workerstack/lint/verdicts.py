"""Which lint requests were found clean before, so that they need not be linted again.

A verdict is kept under the digest of everything that it depends on: the template, the
values, our rules and settings, and the versions of cfn-lint and Python. Only clean
verdicts are kept: what is wrong is linted, and said, each time.
"""

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workerstack.lint.lint import LintRequest


class Verdicts:
    """The clean verdicts below ``folder``, one empty file each."""

    def __init__(self, folder: Path, judges: Iterable[Path]) -> None:
        self._folder = folder
        self._judges = hashlib.sha256()
        for part in (version("cfn-lint"), platform.python_version()):
            self._judges.update(part.encode())
        # By name and content: where the project and the tool lie is no part of a verdict.
        for name, content in sorted((file.name, file.read_bytes()) for file in judges):
            self._judges.update(name.encode() + b"\0" + content + b"\0")

    def unknown(self, requests: "Sequence[LintRequest]") -> "list[LintRequest]":
        """The requests that are not known to be clean."""
        return [request for request in requests if not self._file(request).exists()]

    def keep(self, requests: "Iterable[LintRequest]") -> None:
        """Remembers that ``requests`` were found clean."""
        with suppress(OSError):  # where nothing can be kept, it is linted again
            self._folder.mkdir(parents=True, exist_ok=True)
            for request in requests:
                self._file(request).touch()
            os.utime(self._folder)

    def _file(self, request: "LintRequest") -> Path:
        digest = self._judges.copy()
        values = {name: dict(each) for name, each in request.values.items()}
        digest.update(json.dumps([request.file, request.text, values]).encode())
        return self._folder / digest.hexdigest()
