"""A file system that tasks share."""

import re
from collections.abc import Iterator

from workerstack.specification.checked import about, specified
from workerstack.specification.mistakes import Mistake

PATH = r"(/[A-Za-z0-9_.-]+)+"


@specified
class Workspace:
    """An imported EFS file system and access point, mounted at ``mount_path``."""

    mount_path: str

    @about("mount_path")
    def _path(self) -> Iterator[Mistake]:
        if not re.fullmatch(PATH, self.mount_path):
            yield Mistake(
                f"Mount path {self.mount_path!r} is impossible",
                "it must be an absolute path of letters, digits, dots and hyphens",
                'Write something like mount_path="/workspace"',
            )


def check_scratch(paths: tuple[str, ...], workspace: Workspace | None) -> Iterator[Mistake]:
    """Wrong where a path is none, or is mounted twice."""
    taken = [workspace.mount_path] if workspace else []
    for path in paths:
        if not re.fullmatch(PATH, path) or path in taken:
            yield Mistake(
                f"Scratch path {path!r} is impossible",
                "something else is mounted there"
                if path in taken
                else "it must be an absolute path of letters, digits, dots and hyphens",
                'Write something like scratch_paths=("/tmp",)',
            )
        taken.append(path)
