"""``python -m workerstack.lint.provider_schemas``: what the provider schemas say of replacement.

cfn-lint ships the schemas; what reviewing needs of them is written to a file of the tool's own,
so that reviewing needs no cfn-lint. `make lock` writes it anew; a test holds that it is current.
It is packed: whoever only reviews installs a megabyte less.
"""

import gzip
import importlib.util
import json
from pathlib import Path
from typing import Any

from workerstack import files
from workerstack.cloudformation.schemas import FILE
from workerstack.problem import Problem

REGION = "us-east-1"
"""Where nearly all types exist; replacement does not differ between regions."""

MEMBERS = (
    "createOnlyProperties", "conditionalCreateOnlyProperties", "readOnlyProperties",
    "primaryIdentifier",
)  # fmt: skip
TAGGING = ("taggable", "tagUpdatable")


def text() -> str:
    """The file's text: a line for each resource type. Raises Problem without cfn-lint's data."""
    found = importlib.util.find_spec("cfnlint")
    if found is None:
        raise ModuleNotFoundError("No module named 'cfnlint'", name="cfnlint")
    folder = Path(str(found.origin)).parent / "data" / "schemas"
    index = folder / "providers" / f"{REGION}.json"
    if not index.is_file():
        raise Problem(
            "The provider schemas are not there",
            "cfn-lint ships them in another place than the version of constraints.txt",
            "Install that version",
        )
    names: dict[str, str] = json.loads(index.read_text())
    lines = [
        f"{_json(kind)}:{_json(_said(folder / 'resources' / f'{name}.json'))}"
        for kind, name in sorted(names.items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _said(file: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(file.read_text())
    said = {member: schema[member] for member in MEMBERS if schema.get(member)}
    tagging = {name: each for name, each in schema.get("tagging", {}).items() if name in TAGGING}
    return {**said, "tagging": tagging, "handlers": sorted(schema.get("handlers", ()))}


if __name__ == "__main__":
    # Without a time in it, so that the same schemas are the same file.
    packed = gzip.compress(text().encode(), mtime=0)
    files.write(FILE, packed, "Give write access to the checkout")
