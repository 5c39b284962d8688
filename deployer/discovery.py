"""Writing params/ENV/ from what an account has: chosen where it is clear, said in any case."""

import re
from pathlib import Path

from deployer import params_files, surveying
from deployer.clients import Clients
from deployer.params_files import Found, Say
from deployments.template import Declared, declared_parameters, parse_template
from problem import Problem

FILL_IN = "Fill in what was not found, in the lines that begin with #."


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
    folder = params_files.folder_of(environment, root)
    templates = {
        path.name.removesuffix(".template.yaml"): declared_parameters(
            parse_template(path.read_text(encoding="utf-8"), path)
        )
        for path in sorted((root / "out").glob("*.template.yaml"))
    }
    params_files.refuse_existing(folder, ("target", *templates), force=force)
    caller_account, caller = clients.caller()
    say(f"Looking round in account {caller_account}, {clients.region}, as {caller}.")
    things = surveying.survey(clients, vpc)
    texts = {"target": params_files.target(caller_account, clients.region, {})}
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
        texts[name] = params_files.deployment(name, found, {"Environment": environment})
    params_files.write(folder, texts, say)
    if not complete:
        say(FILL_IN)
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
