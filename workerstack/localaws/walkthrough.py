"""The main job once, on one machine: the web-serving stack becomes the worker; then day two.

``python -m workerstack.localaws.walkthrough`` runs the very commands that a person would run,
against the embedded endpoint, in a folder of its own; nothing is left running or behind but
what they printed.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from workerstack import localaws
from workerstack.localaws import pushing, surroundings

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION = "111122223333", "us-west-2"
STACK = "webordinary-edit"
TAG = "2026-11-28"
CHANGES = 2
WEB_SERVING = Path(__file__).parent / "web-serving.template.yaml"


KEPT = ROOT / ".demo"
"""What each command printed, whole; git ignores it."""


def main() -> None:
    """Walks through it, and ends as soon as a command does not end as it should."""
    started = time.monotonic()
    _say(
        "Local demo: no AWS account is used.",
        "It turns a web service into a worker, ships an image, and goes back.",
    )
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir()
    _step(1, "Generate", _run("generate", "generate.py")[-1])
    with localaws.start() as endpoint, tempfile.TemporaryDirectory() as folder:
        isolate(endpoint.url)
        checkout = Path(folder)
        shutil.copytree(ROOT / "out", checkout / "out")
        (checkout / ".gitignore").write_text(".reviews/\n", encoding="utf-8")
        _git(checkout, "init", "--quiet")
        things = surroundings.create(lambda name: client(name, endpoint.url), REGION)
        deploy_web_serving(client("cloudformation", endpoint.url), things)
        _step(2, "Fake AWS", f"{endpoint.url}, with the web-serving stack in it")
        name, review = f"dev/{STACK}", str(checkout / ".reviews/review.json")
        said = _run("init", "deploy.py", "init", "dev", "--vpc", "webordinary", root=checkout)
        values = sum(each.startswith("  ") for each in said)
        _commit(checkout, "Add dev")
        _step(3, "Init", f"params/dev/ written: {values} values found")
        said = _run(
            "review", "deploy.py", "review", name, "--output", review,
            root=checkout, expected=CHANGES,
        )  # fmt: skip
        _step(4, "Review", *_summary(said, Path(review)))
        said = _run("execute", "deploy.py", "execute", review, "--yes", root=checkout)
        _step(5, "Execute", _first(said, ENDED))
        _verify(6, name, checkout)
        _run("unchanged", "deploy.py", "review", name, root=checkout)
        _day_two(name, checkout, endpoint.url)
        _verify(10, name, checkout)
    _say(
        f"Done in {time.monotonic() - started:.0f} s; {KEPT.name}/ has all that was printed.",
        "The same with your account: ./deploy.py init ENV, then ./deploy.py review ENV/STACK",
    )


def _verify(number: int, name: str, checkout: Path) -> None:
    said = _run(f"verify-{number}", "deploy.py", "verify", name, root=checkout)
    checks = Counter(each.split(" ", 1)[0] for each in said if each[:4] in VERDICTS)
    shown = ", ".join(f"{checks[each]} {each}" for each in VERDICTS if checks[each])
    _step(number, "Verify", shown)


def _day_two(name: str, checkout: Path, url: str) -> None:
    """A new image is shipped, proved, and gone back from, as git has it then."""
    pushing.push(client("ecr", url), surroundings.REPOSITORY, TAG)
    said = _run("ship", "deploy.py", "ship", name, TAG, root=checkout, expected=CHANGES)
    counts = _first(said, COUNTS).partition(";")[0]
    _commit(checkout, f"Ship {TAG}")
    _execute("ship", _review_file(said), checkout)
    _step(7, "Ship", f"{TAG}: {counts}")
    said = _run("prove", "deploy.py", "prove", name, root=checkout)
    _step(8, "Prove", *(shortened(each) for each in said))
    said = _run("rollback", "deploy.py", "rollback", name, root=checkout, expected=CHANGES)
    done = _execute("rollback", _review_file(said), checkout)
    for line in done:
        if line.startswith("    git "):
            _git(checkout, *shlex.split(line)[1:])
    _step(9, "Roll back", shortened(_first(said, "Going back ")))


COUNTS, ENDED = " to replace, ", f"{STACK} is "
"""What the lines have that are shown: of a review its counts, of an execution how it ended."""


def _first(said: Sequence[str], part: str) -> str:
    return next(each for each in said if part in each)


def _review_file(said: Sequence[str]) -> str:
    return _first(said, "deploy.py execute ").split()[-1]


def _execute(name: str, review: str, checkout: Path) -> list[str]:
    return _run(f"{name}-execute", "deploy.py", "execute", review, "--yes", root=checkout)


def _commit(checkout: Path, message: str) -> None:
    _git(checkout, "add", "--all")
    _git(checkout, "commit", "--quiet", "--message", message)


def _git(checkout: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=checkout, check=True, stdout=subprocess.DEVNULL)


STEPS = 10
VERDICTS = ("PASS", "FAIL", "SKIP")


def _summary(said: Sequence[str], file: Path) -> list[str]:
    """What a review comes to, and its warnings; the review itself is kept."""
    found = json.loads(file.read_text(encoding="utf-8"))["review"]["findings"]
    loud = [each for each in found if each["level"] != "note"]
    return [
        f"{_first(said, COUNTS).partition(';')[0]}   ({KEPT.name}/review.txt)",
        *(f"{each['level']}: {shortened(each['what'])}" for each in loud),
    ]


def shortened(sentence: str) -> str:
    """A sentence in one line of the first screen."""
    return textwrap.shorten(sentence, MOST, placeholder=" ...")


MOST = 72
"""Columns of a sentence, so that a line has 100 at most."""


def _step(number: int, name: str, *said: str) -> None:
    first, *rest = said
    head = f"[{number}/{STEPS}]"
    _say(f"{head:<7} {name:<10}  {first}", *(f"{'':20}{each}" for each in rest))


def isolate(url: str) -> None:
    """From here on, this process and those it starts reach the endpoint and nothing else."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(credentials(url))
    # Nor what git is told for somebody's other work, such as to sign.
    os.environ.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")
    for who in ("AUTHOR", "COMMITTER"):
        os.environ.update({f"GIT_{who}_NAME": "demo", f"GIT_{who}_EMAIL": "demo@example.com"})


def credentials(url: str) -> dict[str, str]:
    """An environment in which AWS's clients reach the endpoint and no real account."""
    return {
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": url,
        # A proxy does not know the way to this machine's loopback interface.
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def client(service: str, url: str, account: str = ACCOUNT) -> Any:
    """A client of the endpoint, in the account that is named."""
    return _session().client(
        service,
        endpoint_url=url,
        aws_access_key_id=account,
        aws_secret_access_key="not-a-secret",  # noqa: S106 - the endpoint takes any
    )


@cache
def _session() -> Any:
    """Kept, since each new one reads the services' models again."""
    import boto3

    return boto3.Session(region_name=REGION)


def deploy_web_serving(cloudformation: Any, things: surroundings.Surroundings) -> None:
    """Deploys the stack that serves HTTP, as its owners' tool would have."""
    values = {
        "VpcId": things.vpc_id,
        "VpcCidr": surroundings.CIDR,
        "SubnetIds": ",".join(things.subnet_ids),
        "FileSystemId": things.file_system_id,
        "AccessPointId": things.access_point_id,
        "FileSystemSecurityGroupId": things.file_system_security_group_id,
        "GitHubTokenSecretArn": things.secret_arn,
        "ListenerArn": things.listener_arn,
        "LoadBalancerSecurityGroupId": things.load_balancer_security_group_id,
    }
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=WEB_SERVING.read_text(encoding="utf-8"),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in values.items()
        ],
        Tags=[{"Key": "Environment", "Value": "dev"}],
        Capabilities=["CAPABILITY_IAM"],
    )
    waiter = cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def _run(name: str, *command: str, root: Path | None = None, expected: int = 0) -> list[str]:
    """Runs a command on the checkout in ``root``, and keeps and gives the lines that it printed.

    Where it does not end as it should, all of them are shown, and the walk ends.
    """
    where = ("--root", str(root)) if root else ()
    done = subprocess.run(
        [sys.executable, *command, *where], cwd=ROOT, check=False, text=True, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    shown = f"$ ./{' '.join(part.removeprefix(f'{root}/') for part in command)}"
    (KEPT / f"{name}.txt").write_text(f"{shown}\n{done.stdout}", encoding="utf-8")
    if done.returncode != expected:
        _say(shown, done.stdout.rstrip("\n"))
        _say(f"That ended with {done.returncode} where {expected} was expected.")
        sys.exit(1)
    return done.stdout.rstrip("\n").split("\n")


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{each}\n" for each in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
