"""``python -m workerstack.lint.provider_schemas``: what the provider schemas say of replacement.

cfn-lint ships the schemas; what reviewing needs of them is written to a file of the tool's own,
so that reviewing needs no cfn-lint. `make lock` writes it anew; a test holds that it is current.
"""

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
    "primaryIdentifier", "tagging",
)  # fmt: skip


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
        f"{json.dumps(kind)}: {json.dumps(_said(folder / 'resources' / f'{name}.json'))}"
        for kind, name in sorted(names.items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _said(file: Path) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(file.read_text())
    said = {member: schema[member] for member in MEMBERS if schema.get(member)}
    return {**said, "handlers": sorted(schema.get("handlers", ()))}


if __name__ == "__main__":
    files.write(FILE, text().encode(), "Give write access to the checkout")
