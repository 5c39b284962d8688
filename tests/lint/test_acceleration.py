"""The faster inner loops of cfn-lint give the very findings of the untouched ones."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from workerstack.cloudformation import read
from workerstack.lint import acceleration

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json, sys
from pathlib import Path
from workerstack.cloudformation import read
from generator import acceleration
if sys.argv[1] == "as it is":
    acceleration.COMPARED = frozenset()
from workerstack.lint.lint import Linter, Request
linter = Linter(Path("workerstack/checks"))
texts = json.load(sys.stdin)
found = [[str(each) for each in linter.lint(Request("t", text, {}))] for text in texts]
print(json.dumps(found))
"""


def broken() -> list[str]:
    """Every template, and each again with one of its properties gone or of a wrong type."""
    texts = []
    for file in sorted((ROOT / "out").glob("*.yaml")):
        text = file.read_text()
        texts.append(text)
        template = read(text, file.name).data
        for position, name in enumerate(template["Resources"]):
            changed = read(text, file.name).data
            properties = changed["Resources"][name]["Properties"]
            first = sorted(properties)[position % len(properties)]
            properties[first] = {"Ref": "Nowhere"} if position % 3 else [{"Fn::Sub": "${x}"}]
            properties["Unknown"] = {"Fn::If": ["CreatesService", 1, {"Ref": "AWS::NoValue"}]}
            texts.append(json.dumps(changed, indent=1))
    return texts


def findings(how: str, texts: list[str]) -> list[list[str]]:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], input=json.dumps(texts), cwd=ROOT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: list[list[str]] = json.loads(ended.stdout)
    return found


def test_the_verdicts_are_the_same() -> None:
    texts = broken()
    plain = findings("as it is", texts)
    assert sum(map(len, plain)) > len(texts)
    assert findings("faster", texts) == plain


def test_the_installed_version_was_compared() -> None:
    assert version("cfn-lint") in acceleration.COMPARED
