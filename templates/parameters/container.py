"""Which image runs, and the secrets that it is given."""

from troposphere import Parameter
from troposphere.constants import STRING

from templates.specification import Key, Secret, Worker

IMAGE_REFERENCE = r"^(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})$"
"""``:tag`` or ``@digest``, appended to the repository (OCI distribution, "tag")."""


def image_repository(worker: Worker) -> Parameter:
    """The repository, without registry and version."""
    return Parameter(
        "ImageRepository",
        Type=STRING,
        AllowedPattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$",
        ConstraintDescription="a repository's name without registry and tag",
        Default=worker.image_repository,
        Description="The ECR repository of the image, in this account and region.",
    )


def image_reference() -> Parameter:
    """The version, a tag or a digest."""
    return Parameter(
        "ImageReference",
        Type=STRING,
        AllowedPattern=IMAGE_REFERENCE,
        ConstraintDescription=":tag or @sha256:digest",
        Default=":latest",
        Description="The image's version, :tag or @sha256:digest. A tag is resolved"
        " once per deployment; a digest says which image that is.",
    )


def protector_repository() -> Parameter:
    """The repository of the sidecar, made from the folder protector/."""
    return Parameter(
        "ProtectorRepository",
        Type=STRING,
        AllowedPattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$",
        ConstraintDescription="a repository's name without registry and tag",
        Default="protector",
        Description="The ECR repository of the protector's image, in this account and region.",
    )


def protector_reference() -> Parameter:
    """The sidecar's version: a digest only, since it holds the worker's rights."""
    return Parameter(
        "ProtectorReference",
        Type=STRING,
        AllowedPattern=r"^@sha256:[0-9a-f]{64}$",
        ConstraintDescription="@sha256:digest",
        Description="The digest of the protector's image, @sha256:digest, as it was reviewed.",
    )


def secret_arn(secret: Secret) -> Parameter:
    """The secret's full ARN, which ECS and the execution role both need."""
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
    return Parameter(
        key.parameter,
        Type=STRING,
        AllowedPattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+$",
        ConstraintDescription="a key's ARN, not its alias",
        Description=f"The ARN of the key alias/{key.alias}, which encrypts the worker's"
        f" {key.protects}.",
    )
