"""The workers of another team, which between them use everything that a specification has.

INVOICES owns its queues and runs mostly on Spot; REPORTS takes a queue, roles and a log router
that exist already. docs/worker.md explains each field.
"""

from awacs import ses
from awacs.aws import Allow, Condition, Statement, StringEquals
from troposphere import Ref, Sub, Template

from workerstack.specification import (
    Alarms,
    Bucket,
    CachedImage,
    Egress,
    Errors,
    HealthCheck,
    ImportedQueue,
    Key,
    LogRouter,
    Network,
    OtherRepository,
    OwnQueue,
    ParameterPath,
    PublicImage,
    Right,
    Roles,
    Scheduled,
    Secret,
    SendTo,
    Sidecar,
    Spot,
    Step,
    StoredParameter,
    Table,
    Topic,
    Ulimit,
    UseKey,
    Varying,
    Worker,
)


def with_shell(template: Template, worker: Worker) -> None:
    """Lets people run a command in a task (ECS Exec), which the specification does not know."""
    template.resources["Service"].EnableExecuteCommand = True


COLLECTOR = Sidecar(
    name="otel-collector",
    image=PublicImage(
        name="public.ecr.aws/aws-observability/aws-otel-collector",
        digest="sha256:" + "c3" * 32,
    ),
    memory=256,
    cpu=128,
    command=("--config=/etc/ecs/ecs-default-config.yaml",),
    environment={"LOG_LEVEL": "warn"},
    health_check=HealthCheck(command=("CMD", "/healthcheck"), start_period=10),
    worker_waits="HEALTHY",
    waits_for={"migrate": "SUCCESS"},
    stop_timeout=30,
)
MIGRATE = Sidecar(
    name="migrate",
    image=CachedImage(prefix="docker-hub", name="example/invoices-schema"),
    memory=128,
    worker_waits="SUCCESS",
    secrets=(Secret(variable="DATABASE_URL", name="invoices/database", json_key="url"),),
    user="1000",
)

INVOICES = Worker(
    name="invoices",
    description="Writes invoices: takes orders from two queues, urgent ones among them.",
    image=OtherRepository(name="billing/invoices", account="444455556666", region="eu-central-1"),
    queue=OwnQueue(visibility_timeout=900, max_receive_count=4),
    more_queues=(OwnQueue(label="urgent", visibility_timeout=300, max_receive_count=3),),
    steps=(
        Step(upper=0, change=-2),
        Step(lower=1, change=+1),
        Step(lower=20, change=+3),
    ),
    cpu=1024,
    memory=2048,
    ephemeral_storage=40,
    architecture="ARM64",
    spot=Spot(on_demand_base=1),
    command=("run", "--batch", "10"),
    entry_point=("/usr/bin/tini", "--"),
    working_directory="/app",
    ulimits=(Ulimit(name="nofile", soft=4096, hard=8192),),
    docker_labels={"team": "billing"},
    health_check=HealthCheck(command=("CMD-SHELL", "test -e /tmp/alive || exit 1")),
    environment={
        "COUNTRY": "no",
        "CUSTOMER": "012345678901",
        "LOG_LEVEL": Varying(
            parameter="LogLevel",
            description="How much the program says.",
            default="info",
            allowed=("debug", "info", "warn"),
        ),
        "CLOSES_AT": Varying(
            parameter="ClosesAt",
            description="When the books close, HH:MM.",
            pattern="[0-2][0-9]:[0-5][0-9]",
        ),
    },
    secrets=(
        Secret(variable="DATABASE_URL", name="invoices/database", json_key="url"),
        Secret(
            variable="SIGNING_TOKEN",
            name="invoices/signing",
            parameter="SigningTokenArn",
            version_stage="AWSPREVIOUS",
        ),
        StoredParameter(variable="VAT_RATES", name="/invoices/vat-rates"),
        StoredParameter(
            variable="BANK_ACCOUNT", name="/billing/bank-account", parameter="BankAccountArn"
        ),
    ),
    keys=(
        Key(parameter="SecretsKeyArn", alias="billing/secrets", protects="secrets"),
        Key(parameter="ParametersKeyArn", alias="billing/parameters", protects="parameters"),
        Key(parameter="QueueKeyArn", alias="billing/queues", protects="queue"),
        Key(parameter="MailKeyArn", alias="mail/queues", protects="destinations"),
        Key(parameter="EventsKeyArn", alias="billing/events", protects="topics"),
        Key(parameter="BucketKeyArn", alias="billing/archive", protects="buckets"),
        Key(parameter="LogsKeyArn", alias="billing/logs", protects="logs"),
    ),
    buckets=("billing-work",),
    rights=(
        Bucket(name="billing-templates", may="read"),
        Bucket(name="billing-archive", may="write"),
        Bucket(name="billing-downloads", may="publish"),
        Table(name="customers", may="read"),
        Table(name="invoices", may="write"),
        SendTo(queue="mail"),
        Topic(name="invoices-written"),
        UseKey(parameter="SealKeyArn", alias="billing/seal", may="sign"),
        ParameterPath(path="/invoices/live"),
    ),
    statements=(
        Right(
            intent="Tells customers by mail, from the one address of the team.",
            statement=Statement(
                Sid="MailCustomers",
                Effect=Allow,
                Action=[ses.SendEmail],
                Resource=[
                    Sub(
                        "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}"
                        ":identity/billing.example"
                    )
                ],
                Condition=Condition(StringEquals({"aws:ResourceAccount": Ref("AWS::AccountId")})),
            ),
        ),
    ),
    roles=Roles(path="/workers/", bounded=True),
    network=Network(
        egress=(
            Egress(description="AWS and the bank", port=443, cidr="0.0.0.0/0"),
            Egress(description="AWS and the bank by IPv6", port=443, cidr="::/0"),
            Egress(description="S3", prefix_list="S3PrefixListId"),
            Egress(description="The database", port=5432, security_group="DatabaseGroupId"),
            Egress(
                description="Metrics", port=8125, last_port=8126, protocol="udp", cidr="10.0.0.0/8"
            ),
        ),
        security_groups=("DatabaseClientGroupId",),
        endpoints=("sqs", "s3"),
    ),
    sidecars=(MIGRATE, COLLECTOR),
    user="1000:1000",
    read_only_root=True,
    scratch_paths=("/tmp",),
    max_tasks=10,
    schedule=(
        Scheduled(
            name="office-opens",
            schedule="cron(0 8 ? * MON-FRI *)",
            timezone="Europe/Berlin",
            min_tasks=1,
        ),
        Scheduled(
            name="office-closes",
            schedule="cron(0 18 ? * MON-FRI *)",
            timezone="Europe/Berlin",
            min_tasks=0,
        ),
    ),
    drained_minutes=20,
    stop_timeout=110,
    alarms=Alarms(oldest_message=3600, nothing_processed=60),
    errors=Errors(pattern="?ERROR ?Traceback", at_least=5, minutes=10),
    log_retention_days=30,
    tags={"Team": "billing", "CostCenter": "0815"},
    protection="worker",
    longest_job=600,
    customize=with_shell,
)

REPORTS = Worker(
    name="reports",
    description="Writes the reports of the month, on Spot alone.",
    image=PublicImage(name="ghcr.io/example/reports", digest="sha256:" + "ab" * 32),
    queue=ImportedQueue(
        arns=(
            "arn:aws:sqs:us-west-2:111122223333:reports",
            "arn:aws:sqs:eu-central-1:444455556666:monthly-reports",
        )
    ),
    steps=(Step(upper=0, change=-1), Step(lower=1, change=+1)),
    memory=1024,
    spot=Spot(),
    network=Network(ipv6=True),
    roles=Roles(ready_made_task_role=True, ready_made_execution_role=True),
    log_router=LogRouter(
        image="aws-for-fluent-bit",
        options={"Name": "firehose", "region": "us-west-2", "delivery_stream": "reports"},
        secret_options=(Secret(variable="http_Passwd", name="reports/log-sink"),),
        configuration={"enable-ecs-log-metadata": "true"},
        memory=64,
    ),
    alarms=None,
    names="generated",
    protection="none",
    unprotected="A report takes a few seconds, and is written again when it was interrupted.",
)

ALL = (INVOICES, REPORTS)
