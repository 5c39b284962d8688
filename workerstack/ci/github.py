"""GitHub: the few questions that are asked of its API, and where a step writes its results."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workerstack.problem import Problem

TIMEOUT = 30
"""Seconds to wait for an answer."""


@dataclass(frozen=True)
class Api:
    """The API of one repository, `owner/name`, asked with the token of a job."""

    url: str
    repository: str
    token: str

    def environment(self, name: str) -> Mapping[str, Any] | None:
        """The environment called so, or None where there is none.

        Source: GitHub REST API, "Get an environment"; it needs `actions: read`.
        """
        answer = self._get(f"environments/{quote(name, safe='')}")
        if answer is not None and not isinstance(answer, dict):
            raise _unexpected(f"the environment {name}")
        return answer

    def approvals(self, run: str) -> list[Mapping[str, Any]]:
        """What reviewers said to a run's jobs that waited for them.

        Source: GitHub REST API, "Get the review history for a workflow run"; it needs
        `actions: read`.
        """
        answer = self._get(f"actions/runs/{quote(run, safe='')}/approvals")
        if answer is None:
            return []
        if not isinstance(answer, list) or not all(isinstance(each, dict) for each in answer):
            raise _unexpected(f"the approvals of run {run}")
        return answer

    def _get(self, path: str) -> Any:
        address = f"{self.url}/repos/{quote(self.repository)}/{path}"
        request = urllib.request.Request(  # noqa: S310 - the runner names the address
            address,
            headers={
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        # Not sent on to wherever a redirect leads.
        request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404:  # noqa: PLR2004 - HTTP's own number
                return None
            raise Problem(
                f"GitHub did not say what {path} is",
                f"it answered {error.code}",
                "Give the job the permission `actions: read`, or run it again",
            ) from error
        except (OSError, ValueError) as error:
            raise Problem(
                f"GitHub did not say what {path} is",
                f"its answer could not be read ({error})",
                "Run the job again",
            ) from error


def _unexpected(what: str) -> Problem:
    return Problem(f"GitHub did not say what {what} is", "it answered otherwise", "Report it")


@dataclass(frozen=True)
class Results:
    """Where a step writes: its outputs for later jobs, and the summary that people read.

    Source: GitHub, "Workflow commands", sections on GITHUB_OUTPUT and GITHUB_STEP_SUMMARY.
    """

    outputs: Path | None
    summary: Path | None

    def output(self, name: str, value: object) -> None:
        """One output, as JSON: on one line whatever the value holds."""
        if self.outputs:
            with self.outputs.open("a", encoding="utf-8") as file:
                file.write(f"{name}={json.dumps(value)}\n")

    def tell(self, markdown: str) -> None:
        """A piece of the summary."""
        if self.summary:
            with self.summary.open("a", encoding="utf-8") as file:
                file.write(f"{markdown}\n")
