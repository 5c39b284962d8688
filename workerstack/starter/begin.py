"""A new project, from five answers: a team's own templates/, its programs, its first worker."""

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from string import Template
from urllib.parse import unquote, urlsplit

from workerstack import files
from workerstack.problem import Refusal
from workerstack.starter import pristine
from workerstack.starter.questions import OWN, Answers, parameter

BASE = ".workerstack/base.zip"
"""What the project began with, or was brought up to: the base of the next merge."""

MARGIN = 1.5
"""By how much a message is hidden longer than the longest job takes."""


def begin(folder: Path, answers: Answers, say: Callable[[str], None]) -> None:
    """Writes the project; raises Refusal where something is there already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refusal(
            f"{folder} is not empty",
            "a project begins in a folder of its own",
            "Name another folder, or bring this one up to date with --update",
        )
    copied = pristine.files()
    contents: dict[str, str | bytes] = dict(copied)
    contents["templates/workers.py"] = workers(answers)
    contents["README.md"] = _filled("README.md", answers)
    contents[BASE] = pristine.packed(copied)
    wheel = installed_wheel()
    if wheel:
        contents[f"wheels/{wheel.name}"] = wheel.read_bytes()
    files.write_all({folder / name: content for name, content in contents.items()})
    say(f"wrote {len(contents)} files to {folder}")
    if not wheel:
        say("wheels/ is empty: `make` takes the tool from the package index, or from a wheel that")
        say("you put there.")


def installed_wheel() -> Path | None:
    """The wheel's file that the tool was installed from, while it is there (PEP 610)."""
    try:
        text = distribution(pristine.DISTRIBUTION).read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    url = urlsplit(json.loads(text).get("url", "")) if text else None
    file = Path(unquote(url.path)) if url and url.scheme == "file" else None
    return file if file and file.suffix == ".whl" and file.is_file() else None


def workers(answers: Answers) -> str:
    """The text of ``templates/workers.py``, formatted as ruff would."""
    own = answers.queue == OWN
    hidden = -(-int(answers.longest_job * MARGIN) // 60) * 60
    names = ["OwnQueue" if own else "ImportedQueue", *["Secret"] * bool(answers.secrets)]
    names += ["Step", "Worker"]
    queue = f"OwnQueue(visibility_timeout={hidden})" if own else (
        f"ImportedQueue(name={_text(answers.queue)})"
    )  # fmt: skip
    constant = answers.name.upper().replace("-", "_")
    lines = [
        '"""The workers that are emitted. Another one is another constant here."""',
        "",
        f"from workerstack.specification import {', '.join(names)}",
        "",
        f"{constant} = Worker(",
        f"    name={_text(answers.name)},",
        f'    description="Processes the messages of its queue, at most {_said(answers)} each.",',
        f"    image_repository={_text(answers.image)},",
        f"    queue={queue},",
        "    # Absolute depths of the queue: at 0 a task less, from 1 one more, from 10 two more.",
        "    steps=(",
        "        Step(upper=0, change=-1),",
        "        Step(lower=1, change=+1),",
        "        Step(lower=10, change=+2),",
        "    ),",
        "    max_tasks=5,",
    ]
    if answers.secrets:
        lines.append("    secrets=(")
        for variable, name in answers.secrets:
            lines += [
                "        Secret(",
                f"            variable={_text(variable)},",
                f"            parameter={_text(parameter(variable))},",
                f"            name={_text(name)},",
                "        ),",
            ]
        lines.append("    ),")
    lines += [
        "    # Who keeps ECS from stopping a busy task: the worker, a sidecar, or nobody and why.",
        '    protection="none",',
        '    unprotected="not decided yet; a job that is stopped starts again",',
        ")",
        "",
        f"ALL = ({constant},)",
        "",
    ]
    return "\n".join(lines)


def _text(value: str) -> str:
    return json.dumps(value)


def _said(answers: Answers) -> str:
    whole, rest = divmod(answers.longest_job, 60)
    return f"{answers.longest_job} s" if rest else f"{whole} min"


def _filled(name: str, answers: Answers) -> str:
    """A text of the skeleton with the answers in it."""
    text = Template((pristine.HERE / "skeleton" / name).read_text("utf-8"))
    return text.substitute(
        name=answers.name,
        image=answers.image,
        queue="a queue of its own" if answers.queue == OWN else f"the queue `{answers.queue}`",
        longest=_said(answers),
    )
