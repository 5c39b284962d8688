"""Writing params/ENV/ from what an account has: chosen where it is clear, said in any case."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployer import surveying
from deployer.clients import Clients
from deployments.template import Declared, declared_parameters, parse_template
from problem import Problem, Refusal

Say = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """A parameter's value and why it was chosen; without one, ``why`` says what is missing."""

    value: str | tuple[str, ...] | None
    why: str


def region_of(given: str | None, profile: str | None) -> str:
    """The region that is named, or the one of the profile or the environment."""
    import boto3

    region = given or boto3.Session(profile_name=profile).region_name
    if not region:
        raise Problem(
            "No region is known",
            "neither --region nor the AWS environment names one",
            "Give --region",
        )
    return str(region)


def initialize(
    environment: str, vpc: str | None, clients: Clients, root: Path, *, force: bool, say: Say
) -> bool:
    """Writes target.yaml and a file for each template of out/; False if values are missing."""
    if not re.fullmatch(r"[a-z][a-z0-9-]*", environment):
        raise Problem(
            f"{environment!r} is no name for an environment",
            "it becomes a folder",
            "Use lower-case letters, digits and hyphens",
        )
    folder = root / "params" / environment
    templates = {
        path.name.removesuffix(".template.yaml"): declared_parameters(
            parse_template(path.read_text(encoding="utf-8"), path)
        )
        for path in sorted((root / "out").glob("*.template.yaml"))
    }
    existing = [name for name in ("target", *templates) if (folder / f"{name}.yaml").exists()]
    if existing and not force:
        raise Refusal(
            f"params/{environment}/{existing[0]}.yaml exists",
            "it may hold what somebody thought about",
            "Remove it, or give --force",
        )
    caller_account, caller = clients.caller()
    say(f"Looking round in account {caller_account}, {clients.region}, as {caller}.")
    things = surveying.survey(clients, vpc)
    texts = {"target": _target(caller_account, clients.region)}
    complete = True
    for name, declared in templates.items():
        found = {
            parameter: _find(parameter, each, things, clients)
            for parameter, each in declared.items()
            if each.default is None or parameter in things.values
        }
        for parameter, each in found.items():
            say(f"  {name}: {parameter}: {each.why}")
        complete &= all(each.value is not None for each in found.values())
        texts[name] = _deployment(name, environment, found)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        say(f"wrote params/{environment}/{name}.yaml")
    if not complete:
        say("Fill in what was not found, in the lines that begin with #.")
    return complete


def _find(parameter: str, declared: Declared, things: surveying.Things, clients: Clients) -> Found:
    if parameter in things.values:
        return Found(things.values[parameter], things.reasons[parameter])
    if parameter in things.reasons:
        return Found(None, things.reasons[parameter])
    secret = re.search(r"the secret ([A-Za-z0-9/_+=.@-]+)", declared.description)
    if secret:
        return Found(*surveying.find_secret(clients, secret[1].rstrip(",.")))
    return Found(None, "not found: nothing in the account tells")


def _target(account_id: str, region: str) -> str:
    return (
        "# yaml-language-server: $schema=../target.schema.json\n"
        f'account: "{account_id}"\nregion: {region}\n'
    )


def _deployment(name: str, environment: str, found: Mapping[str, Found]) -> str:
    lines = [
        f"# yaml-language-server: $schema=../{name}.schema.json",
        f"template-file-path: out/{name}.template.yaml",
        "parameters:",
    ]
    for parameter, each in found.items():
        lines += _lines(parameter, each)
    return "\n".join([*lines, "tags:", f"  Environment: {environment}", ""])


def _lines(parameter: str, found: Found) -> list[str]:
    value: Any = found.value
    if value is None:
        return [f"  # {parameter}: {found.why}"]
    if isinstance(value, tuple):
        return [f"  {parameter}:", *(f"    - {item}" for item in value)]
    return [f"  {parameter}: {value}"]
