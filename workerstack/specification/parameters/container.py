"""Which images run, and the secrets and variables that they are given."""

from dataclasses import dataclass
from typing import Any

from troposphere import Parameter, Ref, Sub
from troposphere.constants import STRING

from workerstack.specification.environment import Varying
from workerstack.specification.images import CachedImage, Image, OtherRepository, PublicImage
from workerstack.specification.secrets import Key, Secret, StoredParameter

IMAGE_REFERENCE = r"^(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})$"
"""``:tag`` or ``@digest``, appended to the repository (OCI distribution, "tag")."""

DIGEST = r"^@sha256:[0-9a-f]{64}$"


@dataclass(frozen=True)
class ImageParameters:
    """An image: its repository and version, and where that is, if not here."""

    repository: Parameter
    reference: Parameter
    account: Parameter | None = None
    region: Parameter | None = None
    is_public: bool = False
    is_cached: bool = False

    @property
    def parameters(self) -> list[Parameter]:
        """All of them."""
        given = (self.repository, self.reference, self.account, self.region)
        return [each for each in given if each]

    @property
    def uri(self) -> Sub:
        """What ECS pulls."""
        given: dict[str, Any] = {
            "Repository": Ref(self.repository),
            "Reference": Ref(self.reference),
        }
        if self.is_public:
            return Sub("${Repository}${Reference}", **given)
        account, region = self._place
        registry = f"{account}.dkr.ecr.{region}.${{AWS::URLSuffix}}"
        return Sub(f"{registry}/${{Repository}}${{Reference}}", **given, **self._elsewhere)

    @property
    def repository_arn(self) -> Sub:
        """The repository of ECR, in this account and Region unless parameters say otherwise."""
        account, region = self._place
        return Sub(
            f"arn:${{AWS::Partition}}:ecr:{region}:{account}:repository/${{Name}}",
            Name=Ref(self.repository),
            **self._elsewhere,
        )

    @property
    def _place(self) -> tuple[str, str]:
        return (
            "${Account}" if self.account else "${AWS::AccountId}",
            "${Region}" if self.region else "${AWS::Region}",
        )

    @property
    def _elsewhere(self) -> dict[str, Any]:
        given = {"Account": self.account, "Region": self.region}
        return {name: Ref(each) for name, each in given.items() if each}


def image(source: str | Image, prefix: str = "Image", whose: str = "image") -> ImageParameters:
    """The parameters of an image: a repository of this account and region, or one elsewhere."""
    if isinstance(source, PublicImage):
        return ImageParameters(
            _public(source, prefix, whose),
            Parameter(
                f"{prefix}Reference",
                Type=STRING,
                AllowedPattern=DIGEST,
                ConstraintDescription="@sha256:digest",
                Default=f"@{source.digest}",
                Description=f"The version of the {whose}, @sha256:digest: others may move a tag.",
            ),
            is_public=True,
        )
    if isinstance(source, OtherRepository):
        return ImageParameters(
            _repository(source.name, prefix, f"The ECR repository of the {whose}."),
            _reference(prefix, whose),
            _place(f"{prefix}Account", r"^\d{12}$", source.account, f"account of the {whose}"),
            _place(f"{prefix}Region", r"^[a-z0-9-]+$", source.region, f"Region of the {whose}")
            if source.region
            else None,
        )
    if isinstance(source, CachedImage):
        return ImageParameters(
            _repository(
                f"{source.prefix}/{source.name}",
                prefix,
                f"The ECR repository of the {whose}, filled by the pull-through cache rule"
                f" {source.prefix}.",
            ),
            _reference(prefix, whose),
            is_cached=True,
        )
    return ImageParameters(
        _repository(
            source, prefix, f"The ECR repository of the {whose}, in this account and region."
        ),
        _reference(prefix, whose),
    )


def _repository(name: str, prefix: str, description: str) -> Parameter:
    """The repository, without registry and version."""
    return Parameter(
        f"{prefix}Repository",
        Type=STRING,
        AllowedPattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$",
        ConstraintDescription="a repository's name without registry and tag",
        Default=name,
        Description=description,
    )


def _public(source: PublicImage, prefix: str, whose: str) -> Parameter:
    return Parameter(
        f"{prefix}Repository",
        Type=STRING,
        AllowedPattern=r"^[a-z0-9.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$",
        ConstraintDescription="a registry and a repository, without tag",
        Default=source.name,
        Description=f"The registry and repository of the {whose}, open to everybody.",
    )


def _reference(prefix: str, whose: str) -> Parameter:
    """The version, a tag or a digest."""
    return Parameter(
        f"{prefix}Reference",
        Type=STRING,
        AllowedPattern=IMAGE_REFERENCE,
        ConstraintDescription=":tag or @sha256:digest",
        Default=":latest",
        Description=f"The {whose}'s version, :tag or @sha256:digest. A tag is resolved"
        " once per deployment; a digest says which image that is.",
    )


def _place(title: str, pattern: str, default: str, what: str) -> Parameter:
    return Parameter(
        title,
        Type=STRING,
        AllowedPattern=pattern,
        Default=default,
        Description=f"The {what}, whose repository policy lets this account pull.",
    )


def protector_image() -> ImageParameters:
    """The sidecar, made from the folder protector/: a digest only, since it holds rights."""
    return ImageParameters(
        Parameter(
            "ProtectorRepository",
            Type=STRING,
            AllowedPattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$",
            ConstraintDescription="a repository's name without registry and tag",
            Default="protector",
            Description="The ECR repository of the protector's image, in this account and region.",
        ),
        Parameter(
            "ProtectorReference",
            Type=STRING,
            AllowedPattern=DIGEST,
            ConstraintDescription="@sha256:digest",
            Description="The digest of the protector's image, @sha256:digest, as it was reviewed.",
        ),
    )


def secret_arn(secret: Secret | StoredParameter) -> Parameter:
    """The secret's full ARN, which ECS and the execution role both need."""
    if isinstance(secret, StoredParameter):
        return Parameter(
            secret.parameter,
            Type=STRING,
            AllowedPattern=r"^arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:parameter/[A-Za-z0-9/_.-]+$",
            ConstraintDescription="the ARN of a parameter of Parameter Store",
            Description=f"The ARN of the stored parameter {secret.name}, given to the container"
            f" as {secret.variable}.",
        )
    return Parameter(
        secret.parameter,
        Type=STRING,
        AllowedPattern=r"^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:"
        r"[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}$",
        ConstraintDescription="a secret's full ARN, with the six characters at its end",
        Description=f"The ARN of the secret {secret.name}, given to the container as"
        f" {secret.variable}.",
    )


def key_arn(key: Key) -> Parameter:
    """The ARN of a key, since rights on an alias do not count (KMS: "Aliases")."""
    return called_key(key.parameter, key.alias, f"encrypts the worker's {key.protects}")


def called_key(title: str, alias: str, what: str) -> Parameter:
    """The ARN of a key that does something."""
    return Parameter(
        title,
        Type=STRING,
        AllowedPattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+$",
        ConstraintDescription="a key's ARN, not its alias",
        Description=f"The ARN of the key alias/{alias}, which {what}.",
    )


def varying(value: Varying) -> Parameter:
    """A variable's value that differs between environments."""
    given: dict[str, object] = {}
    if value.default is not None:
        given["Default"] = value.default
    if value.allowed:
        given["AllowedValues"] = list(value.allowed)
    if value.pattern:
        given["AllowedPattern"] = f"^({value.pattern})$"
    return Parameter(value.parameter, Type=STRING, Description=value.description, **given)


def role_arn(title: str, what: str) -> Parameter:
    """The ARN of a role that exists."""
    return Parameter(
        title,
        Type=STRING,
        AllowedPattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/[A-Za-z0-9+=,.@_/-]+$",
        ConstraintDescription="a role's ARN",
        Description=what,
    )


def boundary_arn() -> Parameter:
    """The policy beyond which the roles may nothing."""
    return Parameter(
        "PermissionsBoundaryArn",
        Type=STRING,
        AllowedPattern=r"^arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$",
        ConstraintDescription="a managed policy's ARN",
        Description="The managed policy that bounds what the worker's roles may do.",
    )
