"""Writing params/ENV/ from what an account has: chosen where it is clear, said in any case."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workerstack.adopter import params_files
from workerstack.adopter.params_files import FoundValue, Say
from workerstack.cloudformation import declared_parameters, read
from workerstack.deployer import credentials
from workerstack.deployer.aws import Clients
from workerstack.problem import Problem


@dataclass
class Things:
    """Values by parameter, with the reason of each choice, or of each failure to choose."""

    values: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def choose(self, parameter: str, value: str | tuple[str, ...], why: str) -> None:
        """Notes a value that is clear."""
        self.values[parameter] = value
        shown = ", ".join(value) if isinstance(value, tuple) else value
        self.reasons[parameter] = f"{shown}, {why}"

    def miss(self, parameters: Iterable[str], why: str) -> None:
        """Notes that these are not to be had, or not clear."""
        self.reasons |= dict.fromkeys(parameters, why)


def survey(clients: Clients, vpc: str | None) -> Things:
    """Looks for a VPC with public subnets and for a file system in it."""
    things = Things()
    network = _vpc(clients("ec2"), vpc)
    vpc_id = network["VpcId"]
    things.choose("VpcId", vpc_id, f"the VPC {vpc}" if vpc else "the default VPC")
    things.choose("VpcCidr", network["CidrBlock"], "its address range")
    subnets = _public_subnets(clients("ec2"), vpc_id)
    if subnets:
        things.choose("SubnetIds", subnets, "its subnets with a route to the internet")
    else:
        things.miss(
            ["SubnetIds"], f"not found: {vpc_id} has no subnet with a route to the internet"
        )
    _file_system(clients("efs"), vpc_id, things)
    return things


def find_secret(clients: Clients, name: str) -> tuple[str | None, str]:
    """The ARN of a secret by its name, and what to say of it."""
    from botocore.exceptions import ClientError

    try:
        answer = clients("secretsmanager").describe_secret(SecretId=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None, f"not found: there is no secret {name}"
    return answer["ARN"], f"{answer['ARN']}, the secret {name}"


def _vpc(ec2: Any, wanted: str | None) -> Mapping[str, Any]:
    if wanted is None:
        filters = [{"Name": "is-default", "Values": ["true"]}]
    elif wanted.startswith("vpc-"):
        filters = [{"Name": "vpc-id", "Values": [wanted]}]
    else:
        filters = [{"Name": "tag:Name", "Values": [wanted]}]
    found = ec2.describe_vpcs(Filters=filters)["Vpcs"]
    if len(found) == 1:
        return dict(found[0])
    every = ec2.describe_vpcs()["Vpcs"]
    raise Problem(
        f"{len(found) or 'No'} VPCs are called {wanted}" if wanted else "There is no default VPC",
        f"the account has {', '.join(_named(each) for each in every) or 'none'}",
        "Name one with --vpc, by id or Name tag",
    )


def _named(vpc: Mapping[str, Any]) -> str:
    names = [tag["Value"] for tag in vpc.get("Tags", ()) if tag["Key"] == "Name"]
    return f"{vpc['VpcId']} ({names[0]})" if names else str(vpc["VpcId"])


def _public_subnets(ec2: Any, vpc_id: str) -> tuple[str, ...]:
    """Subnets whose route table, their own or the VPC's main one, leads to a gateway."""
    in_vpc = [{"Name": "vpc-id", "Values": [vpc_id]}]
    tables = ec2.describe_route_tables(Filters=in_vpc)["RouteTables"]
    by_subnet: dict[str | None, bool] = {}
    for table in tables:
        public = any(
            str(route.get("GatewayId", "")).startswith("igw-") for route in table["Routes"]
        )
        for association in table.get("Associations", ()):
            key = None if association.get("Main") else association.get("SubnetId")
            by_subnet[key] = public
    subnets = ec2.describe_subnets(Filters=in_vpc)["Subnets"]
    main = by_subnet.get(None, False)
    return tuple(
        sorted(each["SubnetId"] for each in subnets if by_subnet.get(each["SubnetId"], main))
    )


def _file_system(efs: Any, vpc_id: str, things: Things) -> None:
    wanted = ("FileSystemId", "AccessPointId", "FileSystemSecurityGroupId")
    targets = {
        each["FileSystemId"]: efs.describe_mount_targets(FileSystemId=each["FileSystemId"])
        for each in efs.describe_file_systems()["FileSystems"]
    }
    here = {
        name: [target for target in answer["MountTargets"] if target.get("VpcId", vpc_id) == vpc_id]
        for name, answer in targets.items()
    }
    here = {name: mounted for name, mounted in here.items() if mounted}
    if len(here) != 1:
        things.miss(wanted, unclear("file system", here, f"with mount targets in {vpc_id}"))
        return
    [(file_system, mounted)] = here.items()
    things.choose("FileSystemId", file_system, "the only one with mount targets in the VPC")
    points = efs.describe_access_points(FileSystemId=file_system)["AccessPoints"]
    ids = [point["AccessPointId"] for point in points]
    if len(ids) == 1:
        things.choose("AccessPointId", ids[0], "its only access point")
    else:
        things.miss(["AccessPointId"], unclear("access point", ids, f"of {file_system}"))
    groups = {
        group
        for target in mounted
        for group in efs.describe_mount_target_security_groups(
            MountTargetId=target["MountTargetId"]
        )["SecurityGroups"]
    }
    if len(groups) == 1:
        things.choose("FileSystemSecurityGroupId", groups.pop(), "its mount targets' only group")
    else:
        things.miss(["FileSystemSecurityGroupId"], unclear("group", groups, "of its mount targets"))


def unclear(kind: str, found: Iterable[str], which: str) -> str:
    """Why none of several was chosen, or that there is none."""
    names = sorted(found)
    return (
        f"not clear: several {kind}s {which}, {', '.join(names)}"
        if names
        else f"not found: no {kind} {which}"
    )


FILL_IN = (
    "Fill in what was not found, in the lines that begin with #, or delete such a line to take the"
    " default: nothing is reviewed before."
)


def region_of(given: str | None, profile: str | None) -> str:
    """The region that is named, or the one of the profile or the environment."""
    import boto3

    with credentials.obtained():
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
        path.name.removesuffix(".template.yaml"): read(path.read_text(encoding="utf-8"), path).data
        for path in sorted((root / "out").glob("*.template.yaml"))
    }
    params_files.refuse_existing(folder, ("target", *templates), force=force)
    caller_account, caller = clients.caller()
    say(f"Reading account {caller_account}, {clients.region}, as {caller}.")
    things = survey(clients, vpc)
    texts = {"target": params_files.target(caller_account, clients.region, {})}
    complete = True
    for name, template in templates.items():
        stand_for = stands_for(template)
        found = {
            parameter: _find(parameter, stand_for.get(parameter, {}), things, clients)
            for parameter, each in declared_parameters(template).items()
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


def stands_for(template: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
    """Which thing each parameter stands for, by kind and name: ``{"Secret": "team/token"}``.

    From the template's Metadata, under ``Parameters``; what is malformed there says nothing.
    """
    metadata = template.get("Metadata")
    found = metadata.get("Parameters") if isinstance(metadata, Mapping) else None
    return {
        name: {kind: thing for kind, thing in each.items() if isinstance(thing, str)}
        for name, each in (found.items() if isinstance(found, Mapping) else ())
        if isinstance(each, Mapping)
    }


def find_key(clients: Clients, alias: str) -> tuple[str | None, str]:
    """The ARN of a KMS key by its alias, and what to say of it."""
    from botocore.exceptions import ClientError

    try:
        answer = clients("kms").describe_key(KeyId=alias)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
        return None, f"not found: there is no key {alias}"
    arn = answer["KeyMetadata"]["Arn"]
    return arn, f"{arn}, the key {alias}"


def _find(
    parameter: str, stands_for: Mapping[str, str], things: Things, clients: Clients
) -> FoundValue:
    if parameter in things.values:
        return FoundValue(things.values[parameter], things.reasons[parameter])
    if parameter in things.reasons:
        return FoundValue(None, things.reasons[parameter])
    if "Secret" in stands_for:
        return FoundValue(*find_secret(clients, stands_for["Secret"]))
    if "Key" in stands_for:
        return FoundValue(*find_key(clients, stands_for["Key"]))
    return FoundValue(None, "not found: nothing in the account tells")
