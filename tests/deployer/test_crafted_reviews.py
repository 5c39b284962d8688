"""Review files whose digest was mended by hand: nothing but what was reviewed is touched."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run
from tests.deployer.test_recovery import commit, deploy, seconds
from tests.review.test_several import small
from workerstack.review import file as review_file

Client = Callable[[str], Any]


def crafted(file: Path, change: Callable[[Any], None]) -> str:
    """A copy of a review with a change in it, and a digest that fits."""
    review = json.loads(file.read_text())["review"]
    change(review)
    copy = file.with_name(f"crafted-{file.name}")
    copy.write_text(json.dumps({"digest": review_file.digest(review), "review": review}))
    return str(copy)


def reviewed(command: Run, checkout: Path, name: str, *words: str) -> Path:
    file = checkout / f"{len(list(checkout.glob('*.json')))}.json"
    code, out, err = command("review", name, "--output", str(file), *words)
    assert code == 2, out + err
    return file


def content(file: Path) -> Any:
    return json.loads(file.read_text())["review"]


def waiting(client: Client, stack: str) -> set[str]:
    listed = client("cloudformation").list_change_sets(StackName=stack)["Summaries"]
    return {each["ChangeSetName"] for each in listed if each["ExecutionStatus"] == "AVAILABLE"}


@pytest.fixture
def two(command: Run, checkout: Path) -> Path:
    """The stacks one and other, deployed with 30 seconds."""
    small(checkout, "one", "other")
    deploy(command, checkout)
    deploy(command, checkout, "review", "dev/other")
    return checkout


Craft = Callable[[Any, Any], None]


def named(ours: Any, theirs: Any) -> None:
    """Everything that says which change set it is."""
    ours["change_set"] = theirs["change_set"]
    ours["binding"]["changes_digest"] = theirs["binding"]["changes_digest"]


def arn_only(ours: Any, theirs: Any) -> None:
    ours["change_set"]["arn"] = theirs["change_set"]["arn"]


def with_its_stack(ours: Any, theirs: Any) -> None:
    named(ours, theirs)
    ours["where"] = {**theirs["where"], "deployment": ours["where"]["deployment"]}


def all_but_the_deployment(ours: Any, theirs: Any) -> None:
    name = ours["where"]["deployment"]
    ours.update(theirs)
    ours["where"]["deployment"] = name


def shown_as_ours(ours: Any, theirs: Any) -> None:
    """All of theirs, but what approvers read."""
    read = {key: ours[key] for key in ("resources", "others", "findings", "access", "parts")}
    ours.update({**theirs, **read})


@pytest.mark.parametrize(
    ("craft", "name"),
    [
        (named, "dev/one"),
        (named, "dev/other"),
        (arn_only, "dev/one"),
        (arn_only, "dev/other"),
        (with_its_stack, "dev/other"),
        (all_but_the_deployment, "dev/other"),
        (shown_as_ours, "dev/one"),
    ],
)
def test_a_review_that_names_another_change_set(
    name: str, craft: Craft, two: Path, command: Run, client: Client
) -> None:
    """Another one of the same stack, made from other files; and one of another stack."""
    # The value stands in the params file: in a change set's own list, it is a parameter.
    value = two / "params/dev" / f"{name.split('/')[1]}.yaml"
    text = value.read_text()
    value.write_text(text.replace("{}", "{Seconds: '500'}"))
    theirs = content(reviewed(command, two, name))
    value.write_text(text)
    small(two, "one", "other", seconds=40)
    file = reviewed(command, two, "dev/one")
    waits = waiting(client, name.split("/")[1])

    def change(ours: Any) -> None:
        craft(ours, json.loads(json.dumps(theirs)))

    for words in ("execute", "discard"):
        code, _, err = command(words, crafted(file, change))
        assert code == 3, err
    assert seconds(client) == "30"
    assert waiting(client, name.split("/")[1]) == waits
    assert command("execute", str(file))[0] == 0
    assert seconds(client) == "40"


def test_a_change_set_of_somebody_else_is_not_discarded(
    two: Path, command: Run, client: Client
) -> None:
    small(two, "one", "other", seconds=40)
    file = reviewed(command, two, "dev/one")
    template = (two / "out/one.template.yaml").read_text()
    found = client("cloudformation").create_change_set(
        StackName="one", ChangeSetName="by-hand", TemplateBody=template
    )
    made = client("cloudformation").describe_change_set(ChangeSetName=found["Id"])

    def change(review: Any) -> None:
        review["change_set"] |= {"arn": found["Id"], "name": "by-hand", "description": ""}
        review["binding"] |= {"description": "", "tags": {}}
        review["change_set"]["created"] = made["CreationTime"].isoformat()

    for words in ("discard", "execute"):
        code, _, err = command(words, crafted(file, change))
        assert code == 3, err
    assert "by-hand" in waiting(client, "one")
    assert command("discard", "dev/one", "--yes")[0] == 0
    assert waiting(client, "one") == {"by-hand"}


def git(root: Path, *words: str) -> str:
    name = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    done = subprocess.run(
        ["git", "-C", str(root), *name, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_a_rollback_to_a_commit_that_nobody_merged_is_refused(
    checkout: Path, command: Run, client: Client
) -> None:
    small(checkout, "one")
    commit(checkout, "30 seconds")
    deploy(command, checkout)
    branch = git(checkout, "rev-parse", "--abbrev-ref", "HEAD")
    git(checkout, "checkout", "--quiet", "-b", "elsewhere")
    small(checkout, "one", seconds=500)
    evil = commit(checkout, "500 seconds")
    git(checkout, "checkout", "--quiet", branch)
    file = checkout / "back.json"
    assert command("rollback", "dev/one", "--to", evil, "--output", str(file))[0] == 2
    code, _, err = command("execute", str(file), committed=True)
    assert code == 3
    assert f"The commit {evil[:7]} is not in the history of this branch" in err
    git(checkout, "merge", "--quiet", "--ff-only", "elsewhere")
    code, _, err = command("execute", str(file), committed=True)
    assert (code, seconds(client)) == (0, "500"), err


def test_a_rollback_to_a_change_set_that_was_never_deployed_is_refused(
    checkout: Path, command: Run, client: Client
) -> None:
    """Whoever can make change sets, and execute none, names one as what was deployed before."""
    small(checkout, "one")
    deploy(command, checkout)
    small(checkout, "one", seconds=60)
    deploy(command, checkout)
    small(checkout, "one", seconds=500)
    file = reviewed(command, checkout, "dev/one")
    small(checkout, "one", seconds=60)

    def change(review: Any) -> None:
        review["binding"]["origin"] = f"change-set:{review['change_set']['arn']}"

    code, _, err = command("execute", crafted(file, change))
    assert code == 3, err
    assert "The review does not go back to what was deployed before" in err
    assert seconds(client) == "60"


def test_consent_is_taken_from_the_change_set_and_not_from_an_edited_file(
    checkout: Path, command: Run, client: Client
) -> None:
    small(checkout, "one", "other")
    template = checkout / "out/one.template.yaml"
    text = template.read_text()
    template.write_text(f"{text}  Old: {{Type: AWS::SQS::Queue}}\n")
    deploy(command, checkout)
    template.write_text(text)
    file, name = reviewed(command, checkout, "dev/one"), "deletes-stateful:Old"
    assert "Blocked by" in command("execute", str(file))[2]

    def change(review: Any) -> None:
        review["allowed"] = [{"finding": name, "by": review["where"]["caller"]}]

    code, _, err = command("execute", crafted(file, change))
    assert code == 3
    assert "the change set's description" in err
    code, _, err = command("review", "dev/one", "--allow", "deletes-stateful:Queue")
    assert code == 3
    assert "There is no blocking finding deletes-stateful:Queue" in err
    assert command("review", "dev", "--allow", name)[0] == 64
    let = reviewed(command, checkout, "dev/one", "--allow", name)
    assert [each["finding"] for each in content(let)["allowed"]] == [name]
    assert len(waiting(client, "one")) == 2
    assert command("execute", str(let))[0] == 0


@pytest.mark.parametrize(("template", "values"), [("0" * 8, None), (None, "0" * 8)])
def test_a_change_set_whose_name_tells_other_content_is_refused(
    template: str | None, values: str | None, checkout: Path, command: Run, client: Client
) -> None:
    """A later rollback would take it for something else."""
    small(checkout, "one")
    deploy(command, checkout)
    small(checkout, "one", seconds=40)
    file = reviewed(command, checkout, "dev/one")
    cloudformation, name = client("cloudformation"), content(file)["change_set"]["name"]
    told = cloudformation.describe_change_set(ChangeSetName=name, StackName="one")
    body = cloudformation.get_template(ChangeSetName=name, StackName="one")["TemplateBody"]
    before, of_template, of_values, _ = name.rsplit("-", 3)
    other = "-".join((before, template or of_template, values or of_values, "abcd"))
    arn = cloudformation.create_change_set(
        StackName="one", ChangeSetName=other, ChangeSetType="UPDATE", TemplateBody=body,
        Description=told["Description"], Parameters=told.get("Parameters", []),
        Tags=told["Tags"], Capabilities=told["Capabilities"],
    )["Id"]  # fmt: skip
    cloudformation.get_waiter("change_set_create_complete").wait(
        ChangeSetName=arn, WaiterConfig={"Delay": 1, "MaxAttempts": 10}
    )
    made = crafted(file, lambda review: review["change_set"].update(name=other, arn=arn))
    code, _, err = command("execute", made, "--yes")
    assert code == 3, err
    assert "the digests in the change set's name" in err
    assert seconds(client) == "30"
