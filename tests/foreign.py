"""Templates that nobody here wrote: each compared with itself, with nothing, and with a change.

``python -m tests.foreign FOLDER`` does so with every template of a folder, and lists what is wrong.
"""

import copy
import io
import json
import random
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from workerstack.cloudformation import read
from workerstack.commands.diff import diff
from workerstack.problem import Problem

CHANGES, NOTHING, AN_ERROR = 2, 0, 1


def compared(old: str, new: str) -> tuple[int, str]:
    """How `diff` ends for two templates, and what it says; a traceback is code 70."""
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        try:
            code = diff.main([old, new, "--format", "json"], standalone_mode=False)
        except Problem as problem:
            return problem.code, str(problem)
        except Exception:
            return 70, traceback.format_exc()
    return int(code), out.getvalue()


def leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where values stand that are written out, what functions are given left out."""
    if isinstance(value, dict):
        if any(key in ("Ref", "Condition") or key.startswith("Fn::") for key in map(str, value)):
            return
        for key, each in value.items():
            yield from leaves(each, (*place, key))
    elif isinstance(value, list):
        for position, each in enumerate(value):
            yield from leaves(each, (*place, position))
    elif isinstance(value, str | int | float | bool):
        yield place


def changed(data: dict[str, Any], seed: str) -> tuple[dict[str, Any], str] | None:
    """The template with one property of one resource changed, and which; None where it has none."""
    places = [
        ("Resources", name, "Properties", *place)
        for name, body in data["Resources"].items()
        if isinstance(body, dict) and "Condition" not in body
        for place in leaves(body.get("Properties"))
    ]
    if not places:
        return None
    place = random.Random(seed).choice(sorted(places, key=str))
    new = copy.deepcopy(data)
    within: Any = new
    for key in place[:-1]:
        within = within[key]
    value = within[place[-1]]
    within[place[-1]] = not value if isinstance(value, bool) else (
        f"{value}x" if isinstance(value, str) else value + 1
    )  # fmt: skip
    return new, ".".join(map(str, place))


def judged(file: Path, folder: Path) -> tuple[str, str]:  # noqa: PLR0911 - one a verdict
    """What is wrong with how a template is compared, in a word and in full; or what it is."""
    code, said = compared("nothing", str(file))
    if code == AN_ERROR:
        return "an error", said
    if not read(file.read_text(), file).data["Resources"]:
        return "nothing to change", ""
    if code != CHANGES:
        return "TRACEBACK" if code == 70 else "NO CHANGES for a new stack", said
    code, said = compared(str(file), str(file))
    if code not in (NOTHING, CHANGES):
        return "TRACEBACK", said
    data = read(file.read_text(), file).data
    found = changed(dict(data), file.name)
    if found is None:
        return "nothing to change", ""
    new = folder / "new.json"
    new.write_text(json.dumps(found[0], default=str))
    code, said = compared(str(file), str(new))
    if code == CHANGES:
        return "fine", found[1]
    if code == AN_ERROR:
        return "an error once it is changed", f"{found[1]}: {said}"
    return "TRACEBACK" if code == 70 else "NO CHANGES", f"{found[1]}: {said}"


def main() -> int:
    """All templates of the folder; 1 if one is compared wrongly."""
    import tempfile

    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(Path(sys.argv[1]).iterdir()):
            word, said = judged(file, Path(folder))
            counts[word] += 1
            if word not in ("fine", "nothing to change"):
                sys.stdout.write(f"{file.name}: {word}: {said.strip()[-600:]}\n")
    sys.stdout.write(f"{counts}\n")
    return int(any(word.isupper() or word.startswith("NO ") for word in counts))


if __name__ == "__main__":
    sys.exit(main())
