"""What is not as in git's HEAD is refused, whatever git was told and wherever links lead."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workerstack.deployer import committed
from workerstack.problem import Refusal


@pytest.fixture
def repository(tmp_path: Path) -> Callable[..., Any]:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    (tmp_path / "file").write_text("one")
    (tmp_path / ".gitignore").write_text("ignored\n")
    git("add", ".")
    git("commit", "-m", "one")
    return git


def test_what_is_not_committed_is_refused(tmp_path: Path, repository: Any) -> None:
    file = tmp_path / "file"
    committed.check((file,), tmp_path)
    file.write_text("two")
    with pytest.raises(Refusal, match="Not committed: file"):
        committed.check((file,), tmp_path)
    repository("add", ".")
    with pytest.raises(Refusal, match="Not committed: file"):
        committed.check((file,), tmp_path)
    repository("commit", "-m", "two")
    committed.check((file,), tmp_path)
    for name in ("untracked", "ignored"):
        (tmp_path / name).write_text("x")
        with pytest.raises(Refusal, match=f"Not committed: {name}"):
            committed.check((file, tmp_path / name), tmp_path)


def test_without_a_repository_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="this folder is not in a git repository"):
        committed.check((tmp_path / "file",), tmp_path)


def test_a_file_that_git_was_told_to_overlook_is_refused(tmp_path: Path, repository: Any) -> None:
    file = tmp_path / "file"
    repository("update-index", "--assume-unchanged", "file")
    file.write_text("two")
    with pytest.raises(Refusal, match="Not committed: file"):
        committed.check((file,), tmp_path)


def test_a_link_and_what_it_leads_to_must_be_committed(tmp_path: Path, repository: Any) -> None:
    (tmp_path / "folder").mkdir()
    link, ignored = tmp_path / "folder/link", tmp_path / "ignored"
    link.symlink_to("../file")
    with pytest.raises(Refusal, match="Not committed: folder/link"):
        committed.check((link,), tmp_path)
    repository("add", ".")
    repository("commit", "-m", "a link")
    committed.check((link,), tmp_path)
    (tmp_path / "file").write_text("two")
    with pytest.raises(Refusal, match="Not committed: file"):
        committed.check((link,), tmp_path)
    repository("checkout", "file")
    ignored.write_text("x")
    link.unlink()
    link.symlink_to("../ignored")
    repository("add", ".")
    repository("commit", "-m", "a link to what is not committed")
    with pytest.raises(Refusal, match="Not committed: ignored"):
        committed.check((link,), tmp_path)


def test_a_folder_that_is_a_link_is_followed_and_none_leads_out(
    tmp_path: Path, repository: Any
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/file").write_text("one")
    (tmp_path / "out").symlink_to("real")
    repository("add", ".")
    repository("commit", "-m", "a folder")
    committed.check((tmp_path / "out/file",), tmp_path)
    (tmp_path / "real/file").write_text("two")
    with pytest.raises(Refusal, match="Not committed: real/file"):
        committed.check((tmp_path / "out/file",), tmp_path)
    for place, words in (("/etc", "lies outside"), ("../..", "lies outside"), ("out", "circle")):
        (tmp_path / "out").unlink()
        (tmp_path / "out").symlink_to(place)
        with pytest.raises(Refusal, match=words):
            committed.check((tmp_path / "out/hostname",), tmp_path)
