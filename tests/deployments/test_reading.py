from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workerstack import deployments
from workerstack.adopter.params_files import FoundValue
from workerstack.adopter.params_files import deployment as deployment_text
from workerstack.cloudformation import declared_parameters, parse, read, read_file
from workerstack.deployer.source import read_source
from workerstack.deployments.reading import problems, with_lists
from workerstack.problem import Problem

ROOT = Path(__file__).parents[2]


def test_a_deployment() -> None:
    found = deployments.load("prod/webordinary-edit", ROOT)
    assert found.name == "prod/webordinary-edit"
    assert found.target.account == "444455556666"
    assert found.target.termination_protection is True
    assert str(found.parameters["SubnetIds"]).split(",")[0] == "subnet-0f1e2d3c4b5a60001"
    assert found.template == ROOT / "out/webordinary-edit.template.yaml"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dev", "is not the name of a deployment"),
        ("dev/a/b", "is not the name of a deployment"),
        ("prd/webordinary-edit", "Unknown environment prd: .*Did you mean prod"),
        ("dev/webordinary-edt", "Unknown stack webordinary-edt: .*Did you mean webordinary-edit"),
        ("dev/target", "Unknown stack target"),
        ("../dev/x", "is not the name of a deployment"),
    ],
)
def test_names_that_lead_nowhere(name: str, words: str) -> None:
    with pytest.raises(Problem, match=words):
        deployments.load(name, ROOT)


def test_a_template_outside_the_checkout(tmp_path: Path) -> None:
    folder = tmp_path / "params/dev"
    folder.mkdir(parents=True)
    (folder / "target.yaml").write_text('account: "111122223333"\nregion: us-west-2\n')
    (folder / "x.yaml").write_text("template-file-path: ../../etc/passwd\n")
    with pytest.raises(Problem, match="lies outside the checkout"):
        deployments.load("dev/x", tmp_path)


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8)
SCALARS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)
)


@given(st.dictionaries(KEYS, DOCUMENTS, min_size=1, max_size=4))
def test_yaml_is_read_as_text_and_each_value_has_a_line(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, object]
) -> None:
    file = tmp_path_factory.mktemp("yaml") / "file.yaml"
    text = yaml.safe_dump(document, allow_unicode=True, default_style='"')
    file.write_text(text, encoding="utf-8")
    found = read_file(file, "text")
    assert found.data == document
    lines = text.count("\n")
    assert all(1 <= found.line((name,)) <= lines for name in document)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("yaml") / "file.yaml"
    file.write_bytes(content)
    refused = None
    try:
        read_file(file, "text")
    except Problem as problem:
        refused = str(problem)
    assert refused is None or refused.startswith(str(file))


def test_intrinsics_are_read_in_both_forms() -> None:
    text = """
Resources:
  A: {Type: T, Properties: {a: !Ref X, b: !GetAtt Y.Z.W, c: !Sub ["${V}", {V: !Ref X}],
      d: {"Fn::GetAtt": [Y, Z]}, e: !If [C, 1, !Ref AWS::NoValue], f: 2026-01-01}}
"""
    assert read(text, "x").data["Resources"]["A"]["Properties"] == {
        "a": {"Ref": "X"}, "b": {"Fn::GetAtt": ["Y", "Z.W"]},
        "c": {"Fn::Sub": ["${V}", {"V": {"Ref": "X"}}]}, "d": {"Fn::GetAtt": ["Y", "Z"]},
        "e": {"Fn::If": ["C", 1, {"Ref": "AWS::NoValue"}]}, "f": "2026-01-01",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["a: [", "- 1", "Resources: 3", "", "!!python/name:os {}"])
def test_what_is_no_template(text: str) -> None:
    with pytest.raises(Problem):
        read(text, "x")


@pytest.mark.parametrize("file", sorted((ROOT / "params").glob("*/*.yaml")), ids=str)
def test_the_editors_schemas_accept_what_is_committed(file: Path) -> None:
    import json

    first = file.read_text().splitlines()[0]
    schema = file.parent / first.partition("$schema=")[2]
    validator = jsonschema.Draft202012Validator(json.loads(schema.read_text()))
    content = yaml.safe_load(file.read_text())
    validator.validate(content)
    content["unknown"] = 1
    assert not validator.is_valid(content)


WRITTEN: dict[str, tuple[str | tuple[str, ...], str]] = {
    "a list": (("subnet-1", "subnet-2"), "subnet-1,subnet-2"),
    "one text": ("vpc-1", "vpc-1"),
    "a number": ("2", "2"),
    "a truth": ("true", "true"),
    "an account": ("012345678901", '"012345678901"'),
    "octal to some": ("08", '"08"'),
    "yes": ("yes", '"yes"'),
    "a time to some": ("22:30", '"22:30"'),
    "hexadecimal": ("0x1f", '"0x1f"'),
    "a date": ("2026-11-28", '"2026-11-28"'),
    "numbers": (("1", "2"), '"1,2"'),
    "a range": ("10.20.0.0/16", "10.20.0.0/16"),
    "a tag": (":latest", '":latest"'),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_what_init_writes_is_one_text_to_every_reader(case: str) -> None:
    value, text = WRITTEN[case]
    written = deployment_text("worker", {"Name": FoundValue(value, "")}, {})
    assert f"\n  Name: {text}\n" in written
    joined = value if isinstance(value, str) else ",".join(value)
    assert parse(written, "file", "text").data["parameters"]["Name"] == joined
    if text not in ("2", "true"):
        assert yaml.safe_load(written)["parameters"]["Name"] == joined


@pytest.mark.parametrize(
    ("written", "members"),
    [
        ('"a, b"', ("a", "b")),
        ('" a ,b ,\tc "', ("a", "b", "c")),
        ('"a,b"', ("a", "b")),
        ("[a, b]", ("a", "b")),
        ("a", ("a",)),
    ],
)
def test_a_list_in_one_text_is_its_members_without_blanks(
    written: str, members: tuple[str, ...], tmp_path: Path
) -> None:
    """As CloudFormation trims them, however the template declares the list."""
    folder = tmp_path / "params/dev"
    folder.mkdir(parents=True)
    (folder / "target.yaml").write_text('account: "111122223333"\nregion: us-west-2\n')
    (folder / "x.yaml").write_text(
        "template-file-path: out/x.yaml\n"
        f"parameters: {{Names: {written}, Ids: {written}, T: {written}}}\n"
    )
    template = read(
        "Parameters: {Names: {Type: CommaDelimitedList, AllowedValues: [a, b, c]},\n"
        "  Ids: {Type: 'List<String>', AllowedPattern: '[a-c]'}, T: {Type: String}}\n"
        "Resources: {Topic: {Type: AWS::SNS::Topic}}\n",
        "x",
    )
    deployment = deployments.load("dev/x", tmp_path)
    declared = declared_parameters(template.data)
    found = with_lists(deployment, declared)
    assert (found["Names"], found["Ids"]) == (members, members)
    assert found["T"] == deployment.parameters["T"]
    assert [
        each.what for each in problems(deployment, declared) if each.what.partition(" ")[0] != "T"
    ] == []


TEMPLATE = (
    "Parameters: {Days: {Type: Number, Default: 30}, Name: {Type: String}}\n"
    "Resources: {Topic: {Type: AWS::SNS::Topic}}\n"
)


@pytest.mark.parametrize(
    ("lines", "line", "what", "next_step"),
    [
        (
            ["parameters:", "  Name: x", "  # Days: not clear: kept for ever"],
            4,
            "Days was left open: not clear: kept for ever",
            "the default, 30",
        ),
        (
            ["parameters: {}", "  # Name: not found: no such thing"],
            3,
            "Name was left open: not found",
            "Write Name with a value",
        ),
        (
            ["parameters:", "  Name: x", "  Days:  # the team decides"],
            4,
            "Days was left open: the team decides",
            "the default, 30",
        ),
        (
            ["parameters:", "  Name:", "  Days: 3"],
            3,
            "Name was left open: it has no value",
            "Write Name",
        ),
        (["parameters:", "  Name: ~"], 3, "Name was left open", "Write Name"),
        (
            ["parameters:", "  Name: x", "  # Days: not clear: kept for ever", "  Days: 7"],
            0,
            "",
            "",
        ),
        (["parameters:", "  Name: ''"], 0, "", ""),
        (["parameters:", "  Name: x", "  # Days: 7, once it is decided"], 0, "", ""),
        (["parameters:", "  Name: x", "  # Other: not found: of no template"], 0, "", ""),
        (["parameters: {Name: x}", "# Days: see the page of the team"], 0, "", ""),
    ],
)
def test_what_was_left_open_is_named(
    lines: list[str], line: int, what: str, next_step: str, tmp_path: Path
) -> None:
    folder = tmp_path / "params/dev"
    folder.mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/x.yaml").write_text(TEMPLATE)
    (folder / "target.yaml").write_text('account: "111122223333"\nregion: us-west-2\n')
    (folder / "x.yaml").write_text("\n".join(["template-file-path: out/x.yaml", *lines, ""]))
    deployment = deployments.load("dev/x", tmp_path)
    if not line:
        read_source(deployment)
        return
    with pytest.raises(Problem) as problem:
        read_source(deployment)
    assert what in str(problem.value)
    assert next_step in problem.value.next_step
    assert (problem.value.file, problem.value.line) == (folder / "x.yaml", line)
