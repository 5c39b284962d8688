"""Shipping an image: looked up, written into params/, reviewed; or refused with what to do."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.commands.test_deploy import carry_out, left_behind, make
from tests.conftest import REGION, Prepare, Run
from workerstack.deployer.aws import Clients
from workerstack.localaws import Endpoint, accounts, pushing, walkthrough
from workerstack.localaws import ecr as registry

NAME = "dev/webordinary-edit"
REPOSITORY = "webordinary/claude-code-astro"
Client = Callable[[str], Any]
COMMENT = "  # the edit worker's own\n"


def params(checkout: Path) -> Path:
    return checkout / "params/dev/webordinary-edit.yaml"


def name_the_image(checkout: Path, digest: str) -> None:
    """Writes it into the params file, which has comments."""
    file = params(checkout)
    line = f'  ImageReference: "@{digest}"  # v1\n'
    file.write_text(file.read_text().replace("parameters:\n", f"parameters:{COMMENT}{line}"))


def push_and_name(checkout: Path, clients: Clients) -> None:
    name_the_image(checkout, pushing.push(clients("ecr"), REPOSITORY, "v1"))


@pytest.fixture
def deployed(
    deploy_once: Callable[[Prepare], str], checkout: Path, account: str, client: Client
) -> str:
    """The worker with an image by digest, its params file with comments; gives the digest."""
    accounts.copy(deploy_once(push_and_name), account)
    image = {"repositoryName": REPOSITORY, "imageIds": [{"imageTag": "v1"}]}
    [found] = client("ecr").describe_images(**image)["imageDetails"]
    name_the_image(checkout, found["imageDigest"])
    return str(found["imageDigest"])


def test_an_image_is_written_and_reviewed(
    command: Run, checkout: Path, client: Client, deployed: str
) -> None:
    digest = pushing.push(client("ecr"), REPOSITORY, "v2")
    before = params(checkout).read_text()
    code, out, err = command("ship", NAME, "v2")
    assert code == 2, err
    assert params(checkout).read_text() == before.replace(f"@{deployed}", f"@{digest}").replace(
        "# v1", "# v2"
    )
    assert f"v2 is {digest[:19]}, pushed just now" in err
    assert "linux/amd64" in err
    assert "1 to replace, 1 to update" in out
    assert "± TaskDefinition" in out
    assert "more than the image" not in err
    file = "params/dev/webordinary-edit.yaml"
    assert f"{file}" in err
    commit = next(line for line in err.splitlines() if line.startswith("Commit"))
    assert "git commit" in commit
    execute = next(line for line in err.splitlines() if line.startswith("Execute"))
    code, _, err = command("execute", execute.rpartition(" ")[2])
    assert code == 0, err
    code, out, err = command("ship", NAME, f"@{digest}")
    assert (code, out) == (0, ""), err
    assert "runs this image already" in err


def test_a_dry_run_writes_nothing(
    command: Run, checkout: Path, client: Client, deployed: str
) -> None:
    digest = pushing.push(client("ecr"), REPOSITORY, "v2")
    before, sets = params(checkout).read_bytes(), left_behind(client)
    code, out, _ = command("ship", NAME, ":v2", "--dry-run")
    assert code == 2
    assert f'+  ImageReference: "@{digest}"  # v2' in out
    assert params(checkout).read_bytes() == before
    assert left_behind(client) == sets
    code, out, _ = command("ship", NAME, "v1", "--dry-run")
    assert code == 0
    assert "says it already" in out
    assert deployed


MISSING = {
    "a misspelt tag": ("v-2026.11.82", "Did you mean v-2026.11.28"),
    "upper case": ("V1", "Did you mean v1"),
    "a beginning": ("v-2026", "Did you mean v-2026.11.28"),
    "something else": ("zzz", f"./deploy.py ship {NAME}"),
    "a digest of zeros": (f"sha256:{'0' * 64}", "no image sha256:000000000000 in"),
}


@pytest.mark.parametrize("case", MISSING)
def test_a_missing_image_is_refused_at_once(
    case: str, command: Run, checkout: Path, client: Client
) -> None:
    for tag in ("v1", "v-2026.11.28", "v-2026.11.27"):
        pushing.push(client("ecr"), REPOSITORY, tag)
    before = params(checkout).read_bytes()
    wanted, said = MISSING[case]
    began = time.monotonic()
    code, out, err = command("ship", NAME, wanted)
    assert time.monotonic() - began < 2
    assert (code, out) == (3, "")
    assert said in err
    assert params(checkout).read_bytes() == before


@pytest.mark.parametrize("many", [1500])
def test_the_nearest_tags_among_many(many: int, command: Run, client: Client) -> None:
    ecr = client("ecr")
    for number in range(0, many, 100):
        pushing.push(ecr, REPOSITORY, f"build-{number}")
    began = time.monotonic()
    code, _, err = command("ship", NAME, "build-1401")
    assert (code, time.monotonic() - began < 2) == (3, True)
    assert "Did you mean build-1400" in err


def test_a_wrong_platform_is_refused(command: Run, client: Client, checkout: Path) -> None:
    ecr = client("ecr")
    pushing.push(ecr, REPOSITORY, "arm", platform="linux/arm64")
    code, _, err = command("ship", NAME, "arm")
    assert code == 3
    assert "its tasks are linux/amd64, and the image is for linux/arm64" in err
    pushing.push_index(ecr, REPOSITORY, "arm-and-windows", ("linux/arm64", "windows/amd64"))
    code, _, err = command("ship", NAME, "arm-and-windows")
    assert code == 3
    assert "linux/arm64, windows/amd64" in err
    digest = pushing.push_index(ecr, REPOSITORY, "both", ("linux/arm64", "linux/amd64"))
    code, _, err = command("ship", NAME, "both")
    assert code == 2, err
    assert f"@{digest}" in params(checkout).read_text()


def test_a_task_for_arm_takes_an_image_for_arm(
    command: Run, client: Client, checkout: Path
) -> None:
    template = checkout / "out/webordinary-edit.template.yaml"
    text = template.read_text()
    assert "CpuArchitecture: X86_64" in text
    template.write_text(text.replace("CpuArchitecture: X86_64", "CpuArchitecture: ARM64"))
    pushing.push(client("ecr"), REPOSITORY, "arm", platform="linux/arm64")
    pushing.push(client("ecr"), REPOSITORY, "intel")
    assert command("ship", NAME, "arm", "--dry-run")[0] == 2
    code, _, err = command("ship", NAME, "intel", "--dry-run")
    assert code == 3
    assert "--platform linux/arm64" in err


def test_what_is_no_image_is_refused(
    command: Run, client: Client, account: str, checkout: Path
) -> None:
    from ministack.services import ecr as store

    ecr = client("ecr")
    chart = "application/vnd.cncf.helm.config.v1+json"
    pushing.push_artifact(ecr, REPOSITORY, "chart", b"{}", chart)
    code, _, err = command("ship", NAME, "chart")
    assert code == 3
    assert f"chart is no container image: it is of the type {chart}" in err
    digest = pushing.push(ecr, REPOSITORY, "old")
    key = next(each for each in store._images._data if each[0] == account)
    [image] = [each for each in store._images._data[key] if each["imageDigest"] == digest]
    image["imageStatus"] = "ARCHIVED"
    code, _, err = command("ship", NAME, "old")
    assert code == 3
    assert "old is archived" in err
    assert "ImageReference" not in params(checkout).read_text()


def test_what_a_scan_found_is_said(command: Run, client: Client, account: str) -> None:
    digest = pushing.push(client("ecr"), REPOSITORY, "v1")
    arn = f"arn:aws:ecr:{REGION}:{account}:repository/{REPOSITORY}"
    registry.put_scan(arn, digest, {"HIGH": 2, "CRITICAL": 1})
    _, _, err = command("ship", NAME, "v1", "--dry-run")
    assert "The scan (complete) found 1 critical, 2 high" in err


def test_without_a_tag_the_newest_are_listed(command: Run, client: Client, deployed: str) -> None:
    for number in range(2, 14):
        pushing.push(client("ecr"), REPOSITORY, f"v{number}")
    code, out, err = command("ship", NAME)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split() == ["TAG", "DIGEST", "PUSHED", "SIZE"]
    assert len(lines) == 11
    code, out, _ = command("ship", NAME, "--format", "json")
    listed = json.loads(out)
    assert len(listed) == 10
    everything = {each["digest"]: each["marks"] for each in listed}
    assert everything.get(deployed, ["deployed"]) == ["deployed"]
    assert "deployed" in f"{out}{err}"


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


def test_other_changes_are_not_carried_along(command: Run, client: Client, checkout: Path) -> None:
    for tag in ("v1", "v2"):
        pushing.push(client("ecr"), REPOSITORY, tag)
    git(checkout, "init", "--quiet")
    git(checkout, "add", "--all")
    git(checkout, "commit", "--quiet", "--message", "all")
    assert command("ship", NAME, "v1")[0] == 2
    # What is not committed is this very parameter: an image for another one.
    assert command("ship", NAME, "v2")[0] == 2
    file = params(checkout)
    file.write_text(file.read_text().replace("tags:", "  MaxTasks: 3\ntags:"))
    before = file.read_bytes()
    code, _, err = command("ship", NAME, "v1")
    assert (code, file.read_bytes()) == (3, before)
    assert "has other changes that are not committed" in err
    assert command("ship", NAME, "v1", "--uncommitted")[0] == 2
    assert b"# v1" in file.read_bytes()


def test_a_concurrent_edit_is_not_overwritten(
    command: Run, client: Client, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workerstack.deployer import ship

    pushing.push(client("ecr"), REPOSITORY, "v1")
    look = ship.checked

    def look_and_edit(*arguments: Any) -> Any:
        params(checkout).write_text(params(checkout).read_text() + "# somebody was here\n")
        return look(*arguments)

    monkeypatch.setattr(ship, "checked", look_and_edit)
    code, _, err = command("ship", NAME, "v1")
    assert code == 1
    assert "was changed while the image was looked at" in err
    assert "ImageReference" not in params(checkout).read_text()


def second(checkout: Path, name: str = "second") -> Path:
    """Another stack of the same template, with other names."""
    other = params(checkout).with_name(f"{name}.yaml")
    names = "".join(f"  {key}: {name}-{key.lower()}\n" for key in ("ClusterName", "ServiceName"))
    other.write_text(params(checkout).read_text().replace("parameters:\n", f"parameters:\n{names}"))
    return other


def test_several_stacks_go_together_or_not_at_all(
    command: Run, client: Client, checkout: Path
) -> None:
    digest = pushing.push(client("ecr"), REPOSITORY, "v1")
    other = second(checkout)
    code, out, err = command("ship", NAME, "dev/second", "v1", "--format", "json")
    assert code == 2, err
    assert [each["where"]["deployment"] for each in json.loads(out)] == [NAME, "dev/second"]
    assert all(f"@{digest}" in each.read_text() for each in (params(checkout), other))
    # One that cannot be written keeps the other one as it is.
    pushing.push(client("ecr"), REPOSITORY, "v2")
    other.write_text(other.read_text().replace(f'"@{digest}"', f'&same "@{digest}"'))
    before = params(checkout).read_bytes()
    code, _, err = command("ship", NAME, "dev/second", "v2")
    assert (code, params(checkout).read_bytes()) == (1, before)
    assert "second.yaml" in err
    # Another repository is another image.
    other.write_text(other.read_text().replace("parameters:", "parameters:\n  ImageRepository: x"))
    code, _, err = command("ship", NAME, "dev/second", "v2")
    assert code == 3
    assert "do not share a repository" in err


WRONG = {
    "no stack": (("v1",), 64, "v1 is not ENV/STACK"),
    "the tag first": (("v1", NAME), 64, "v1 is not ENV/STACK"),
    "two tags": ((NAME, "v1", "v2"), 64, "v1 is not ENV/STACK"),
    "a tag that is none": ((NAME, "-x"), 64, "No such option"),
    "a digest that is short": ((NAME, "sha256:abc"), 1, "neither a tag nor a digest"),
    "an unknown stack": (("dev/nothing", "v1"), 1, "Unknown stack nothing"),
    "an unknown container": ((NAME, "v1", "--container", "x"), 1, "has no container x"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_one_sentence(case: str, command: Run) -> None:
    words, code, said = WRONG[case]
    found, out, err = command("ship", *words)
    assert (found, out) == (code, "")
    assert said in err


def test_the_review_file_is_where_it_was_asked_for_and_bears_what_was_accepted(
    command: Run, checkout: Path, client: Client, clients: Clients, deployed: str, tmp_path: Path
) -> None:
    """A queue that goes with the image is blocking: refused as it is, executed once accepted."""
    digest = pushing.push(client("ecr"), REPOSITORY, "v2")
    template = checkout / "out/webordinary-edit.template.yaml"
    text = template.read_text()
    template.write_text(
        text.replace("\nResources:\n", "\nResources:\n  Extra:\n    Type: AWS::SQS::Queue\n")
    )
    carry_out(make(checkout, clients), checkout, clients)
    template.write_text(text)
    file, before = tmp_path / "asked" / "ship.json", params(checkout).read_bytes()
    code, _, err = command("ship", NAME, "v2", "--allow", "dev/other=deletes-stateful:Extra")
    assert (code, params(checkout).read_bytes()) == (64, before)
    assert "--allow dev/other=deletes-stateful:Extra is of no stack that is reviewed" in err
    code, out, err = command("ship", NAME, "v2", "--output", str(file))
    assert (code, file.exists(), str(file) in err) == (2, True, True), err
    assert "deletes-stateful" in out
    code, _, err = command("execute", str(file))
    assert (code, "--allow deletes-stateful:Extra" in err) == (3, True), err
    code, out, err = command(
        "ship", NAME, "v2", "--output", str(file), "--allow", "deletes-stateful:Extra"
    )
    assert code == 2, err
    code, out, err = command("execute", str(file))
    assert code == 0, out + err
    [service] = client("ecs").describe_services(
        cluster="webordinary-edit-cluster", services=["webordinary-edit-service"]
    )["services"]
    task = client("ecs").describe_task_definition(taskDefinition=service["taskDefinition"])
    assert digest in task["taskDefinition"]["containerDefinitions"][0]["image"]
    assert deployed != digest


def test_several_review_files_go_into_the_folder_that_was_asked_for(
    command: Run, checkout: Path, client: Client, tmp_path: Path
) -> None:
    pushing.push(client("ecr"), REPOSITORY, "v1")
    second(checkout)
    folder = tmp_path / "asked"
    code, _, err = command("ship", NAME, "dev/second", "v1", "--output", str(folder))
    assert code == 2, err
    [other, first] = sorted(folder.iterdir())
    assert other.name.startswith("dev-second-")
    code, out, err = command("execute", str(first))
    assert code == 0, out + err


LISTING = "is for the review, and without a tag or digest none is made"
TRYING = "is for the review, and --dry-run makes none"
UNUSED = {
    "a file of a list": (("--output", "list.json"), LISTING),
    "a finding of a list": (("--allow", "stops-tasks:Service"), LISTING),
    "everything of a list": (("--all",), LISTING),
    "a page of a list": (("--format", "html"), LISTING),
    "a file of a dry run": (("v1", "--dry-run", "--output", "list.json"), TRYING),
    "a finding of a dry run": (("v1", "--dry-run", "--allow", "stops-tasks:Service"), TRYING),
    "data of a dry run": (("v1", "--dry-run", "--format", "json"), TRYING),
}


@pytest.mark.parametrize("case", UNUSED)
def test_what_only_a_review_has_is_not_ignored_without_one(
    case: str, command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words, said = UNUSED[case]
    code, out, err = command("ship", NAME, *words)
    assert (code, out) == (64, "")
    assert said in err
    assert not (tmp_path / "list.json").exists()


HOST = "{}.dkr.ecr.us-west-2.amazonaws.com"
TEMPLATES: dict[str, tuple[str, str, str, str]] = {
    # The parameters, the image, what is written first, and what is expected in its place.
    "all of it in one parameter": (
        "ImageUri: {Type: String}", "!Ref ImageUri",
        f"ImageUri: {HOST}/{REPOSITORY}:v0", "ImageUri: {uri}@{digest}",
    ),
    "a digest behind an at sign": (
        "Digest: {Type: String}",
        "!Sub '${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/"
        f"{REPOSITORY}@${{Digest}}'",
        f"Digest: sha256:{'0' * 64}", "Digest: {digest}",
    ),
    "joined, of another account's parameter": (
        "Account: {Type: String}, Version: {Type: String, Default: ':latest'}",
        f"!Join ['', [!Ref Account, '.dkr.ecr.', !Ref 'AWS::Region', '.amazonaws.com/{REPOSITORY}',"
        " !Ref Version]]",
        "Account: '{}'", "Version: @{digest}",
    ),
    "required, and not written yet": (
        "Other: {Type: String}, Version: {Type: String, AllowedPattern: '^[:@].*'}",
        "!Sub ['${Base}${Version}', {Base: !FindInMap [Bases, dev, Uri]}]",
        "Other: a", "Version: @{digest}",
    ),
    "a required digest that is not written yet": (
        "Other: {Type: String}, Digest: {Type: String}",
        "!Sub ['${Base}@${Digest}', {Base: !FindInMap [Bases, dev, Uri]}]",
        "Other: a", "Digest: {digest}",
    ),
    "through a mapping": (
        "Version: {Type: String, Default: ':latest'}",
        "!Sub ['${Base}${Version}', {Base: !FindInMap [Bases, dev, Uri]}]",
        "Version: ':v0'", "Version: @{digest}",
    ),
}  # fmt: skip
TEMPLATE = """
Mappings: {{Bases: {{dev: {{Uri: "{base}"}}}}}}
Parameters: {{{parameters}}}
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      ContainerDefinitions: [{{Name: worker, Image: {image}}}]
"""


def write_own(checkout: Path, account: str, parameters: str, image: str, values: str) -> Path:
    base = f"{HOST.format(account)}/{REPOSITORY}"
    text = TEMPLATE.format(base=base, parameters=parameters, image=image)
    (checkout / "out/own.template.yaml").write_text(text)
    file = checkout / "params/dev/own.yaml"
    file.write_text(f"template-file-path: out/own.template.yaml\nparameters:\n  {values}\n")
    return file


@pytest.mark.parametrize("case", TEMPLATES)
def test_the_parameter_is_found_by_what_it_does(
    case: str, command: Run, client: Client, checkout: Path, account: str
) -> None:
    parameters, image, values, expected = TEMPLATES[case]
    file = write_own(checkout, account, parameters, image, values.format(account))
    digest = pushing.push(client("ecr"), REPOSITORY, "v1")
    uri = f"{HOST.format(account)}/{REPOSITORY}"
    code, out, err = command("ship", "dev/own", "v1", "--dry-run")
    assert code == 2, err
    name, _, value = expected.format(uri=uri, digest=digest).partition(": ")
    assert f'+  {name}: "{value}"  # v1' in out
    assert file


REFUSED: dict[str, tuple[str, str, str, int, str]] = {
    "Docker Hub": ("A: {Type: String, Default: x}", "docker.io/library/alpine:3", "A: x", 3,
                   "is not in a private repository of ECR"),
    "ECR public": ("A: {Type: String, Default: x}", "public.ecr.aws/nginx/nginx:1", "A: x", 3,
                   "public.ecr.aws"),
    "it stands in the template": (
        "A: {Type: String, Default: x}", f"{HOST.format('111122223333')}/a:v1", "A: x", 1,
        "No parameter of out/own.template.yaml says the image of worker"),
    "a tag only": (
        "Tag: {Type: String}", f"!Sub '{HOST.format('111122223333')}/a:${{Tag}}'", "Tag: v1", 1,
        "Tag of out/own.template.yaml takes a tag and no digest"),
    "a NoEcho parameter": (
        "Image: {Type: String, NoEcho: true}", "!Ref Image",
        f"Image: {HOST.format('111122223333')}/a:v1", 1, "it from Parameter Store, a NoEcho"),
    "a NoEcho parameter decides": (
        "Version: {Type: String, NoEcho: true}",
        f"!Sub '{HOST.format('111122223333')}/a${{Version}}'", "Version: ':v1'", 1,
        "it from Parameter Store, a NoEcho parameter"),
    "a NoEcho parameter is something else": (
        "Token: {Type: String, NoEcho: true}", f"{HOST.format('111122223333')}/a:v1", "Token: t", 1,
        "No parameter of out/own.template.yaml says the image of worker"),
    "all of it is missing": (
        "Other: {Type: String}, Image: {Type: String}", "!Ref Image", "Other: a", 1,
        "The parameter Image is missing"),
    "another one is missing": (
        "Other: {Type: String}, Image: {Type: String}", "!Ref Image",
        f"Image: {HOST.format('111122223333')}/a:v1", 1, "The parameter Other is missing"),
    "Parameter Store": (
        "Image: {Type: 'AWS::SSM::Parameter::Value<String>'}", "!Ref Image", "Image: /image", 1,
        "is not known before AWS decides"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_shipped_is_said(
    case: str, command: Run, checkout: Path, account: str
) -> None:
    parameters, image, values, expected, said = REFUSED[case]
    write_own(checkout, account, parameters, image, values)
    code, out, err = command("ship", "dev/own", "v1")
    assert (code, out) == (expected, "")
    assert said in err


def test_a_repository_of_another_account_and_region(
    command: Run, checkout: Path, account: str, endpoint: Endpoint
) -> None:
    import boto3

    owner = f"4{account[1:]}"
    ecr = boto3.client(
        "ecr", region_name="eu-west-1", endpoint_url=endpoint.url, aws_access_key_id=owner,
        aws_secret_access_key="none",  # noqa: S106
    )  # fmt: skip
    ecr.create_repository(repositoryName="shared/worker")
    digest = pushing.push(ecr, "shared/worker", "v1")
    host = f"{owner}.dkr.ecr.eu-west-1.amazonaws.com"
    write_own(
        checkout, account, "Image: {Type: String}", "!Ref Image", f"Image: {host}/shared/worker:v0"
    )
    code, _, err = command("ship", "dev/own", "v1", "--dry-run")
    assert code == 1
    assert "AccessDeniedException" in err
    statement = {
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "ecr:*",
    }  # fmt: skip
    ecr.set_repository_policy(
        repositoryName="shared/worker",
        policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    code, out, err = command("ship", "dev/own", "v1", "--dry-run")
    assert code == 2, err
    assert f"{host}/shared/worker@{digest}" in out
    assert walkthrough.REGION != "eu-west-1"


def test_the_worker_beside_its_sidecar_is_meant(
    command: Run, client: Client, checkout: Path, account: str
) -> None:
    digest = pushing.push(client("ecr"), REPOSITORY, "v1")
    base = f"{HOST.format(account)}/{REPOSITORY}"
    file = write_own(
        checkout, account, "A: {Type: String}, B: {Type: String}", "x", f"A: {base}:v0"
    )
    file.write_text(file.read_text() + f"  B: {HOST.format(account)}/protector:v0\n")
    template = checkout / "out/own.template.yaml"
    containers = """[
        {Name: protector, Image: !Ref B, Environment: [{Name: Q, Value: 'https://sqs/q'}]},
        {Name: worker, Image: !Ref A, Environment: [{Name: Q, Value: 'http://127.0.0.1:9324/q'}]}]
"""
    text = template.read_text()
    template.write_text(text[: text.index("[{Name: worker")] + containers)
    code, out, err = command("ship", "dev/own", "v1", "--dry-run")
    assert code == 2, err
    assert f'+  A: "{base}@{digest}"  # v1' in out
    # Without the sidecar's address nobody knows which one is meant.
    template.write_text(template.read_text().replace("http://127.0.0.1:9324/q", "x"))
    code, _, err = command("ship", "dev/own", "v1", "--dry-run")
    assert code == 1
    assert "protector, worker, and any of them might be meant" in err
    assert command("ship", "dev/own", "v1", "--dry-run", "--container", "worker")[0] == 2
