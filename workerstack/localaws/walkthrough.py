"""The main job once, on one machine: the web-serving stack becomes the worker.

``python -m workerstack.localaws.walkthrough`` runs the very commands that a person would run,
against the embedded endpoint, in a folder of its own; nothing is left running or behind.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

from workerstack import localaws
from workerstack.localaws import surroundings

ROOT = Path(__file__).parents[2]
ACCOUNT, REGION = "111122223333", "us-west-2"
STACK = "webordinary-edit"
CHANGES = 2
CONSENT = ("--yes", "--uncommitted")
"""Nobody is there to answer, and the parameters were written a second ago."""

WEB_SERVING = Path(__file__).parent / "web-serving.template.yaml"


def main() -> None:
    """Walks through it, and ends as soon as a command does not end as it should."""
    started = time.monotonic()
    _run("generate.py")
    with localaws.start() as endpoint, tempfile.TemporaryDirectory() as folder:
        isolate(endpoint.url)
        checkout = Path(folder)
        shutil.copytree(ROOT / "out", checkout / "out")
        _say("An account with a VPC, a file system, a queue, a secret, a repository ...")
        things = surroundings.create(lambda name: client(name, endpoint.url), REGION)
        _say("... and with the stack as it is today, which serves HTTP")
        deploy_web_serving(client("cloudformation", endpoint.url), things)
        name, review = f"dev/{STACK}", str(checkout / "review.json")
        _run("deploy.py", "init", "dev", "--vpc", "webordinary", root=folder)
        _run("deploy.py", "review", name, "--output", review, root=folder, expected=CHANGES)
        _run("deploy.py", "execute", review, *CONSENT, root=folder)
        _run("deploy.py", "verify", name, root=folder)
        _run("deploy.py", "review", name, root=folder)
    _say(f"The worker is deployed and verified, in {time.monotonic() - started:.1f} s.")


def isolate(url: str) -> None:
    """From here on, this process and those it starts reach the endpoint and nothing else."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(credentials(url))


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


def _run(*command: str, root: str | None = None, expected: int = 0) -> None:
    """Shows the command as one types it in a checkout, and runs it on the one in ``root``."""
    _say(f"$ ./{' '.join(part.removeprefix(f'{root}/') for part in command)}")
    where = ("--root", root) if root else ()
    code = subprocess.run([sys.executable, *command, *where], cwd=ROOT, check=False).returncode
    if code != expected:
        _say(f"That ended with {code} where {expected} was expected.")
        sys.exit(1)


def _say(text: str) -> None:
    sys.stdout.write(f"\n{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
