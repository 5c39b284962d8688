"""Where the work comes from: an imported queue, or one of the worker's own."""

from dataclasses import dataclass
from typing import Any

from awacs import sqs
from awacs.aws import Bool, Condition, Deny, PolicyDocument, Principal, Statement
from troposphere import (
    AWSHelperFn,
    FindInMap,
    Parameter,
    Ref,
    RetainExceptOnCreate,
    Select,
    Split,
    Sub,
)
from troposphere.cloudwatch import Metric, MetricDataQuery, MetricDimension, MetricStat
from troposphere.sqs import Queue, QueuePolicy, RedrivePolicy

from workerstack.specification import ImportedQueue, OwnQueue
from workerstack.specification.arns import here
from workerstack.specification.metadata import described, meant
from workerstack.specification.parameters import OwnQueueParameters

FOUR_DAYS = 345_600
"""For how long an unprocessed message is kept, in seconds: SQS's own default."""

FOURTEEN_DAYS = 1_209_600
"""The longest retention that SQS offers, in seconds."""

MINUTE = 60
"""The period of SQS's metrics, in seconds; a shorter one finds no data (SQS: metrics)."""


@dataclass(frozen=True)
class QueueReference:
    """How the rest of the template speaks of the queue.

    ``variable`` is how the container is told its URL, ``prefix`` what names of several begin with.
    """

    name: AWSHelperFn
    arn: AWSHelperFn
    url: AWSHelperFn
    variable: str
    prefix: str

    def metric(self, name: str) -> dict[str, Any]:
        """One of the queue's metrics, as an alarm names it."""
        return metric_of(self.name, name)

    def query(self, identifier: str, name: str, statistic: str) -> MetricDataQuery:
        """The same as a part of an alarm's expression."""
        metric = Metric(**self.metric(name))
        return MetricDataQuery(
            Id=identifier,
            MetricStat=MetricStat(Metric=metric, Period=MINUTE, Stat=statistic),
            ReturnData=False,
        )


def metric_of(queue: AWSHelperFn, name: str) -> dict[str, Any]:
    """A metric of SQS, which are the same for each queue."""
    dimension = MetricDimension(Name="QueueName", Value=queue)
    return {"Namespace": "AWS/SQS", "MetricName": name, "Dimensions": [dimension]}


def stand_in(queue: QueueReference, endpoint: str) -> AWSHelperFn:
    """The queue's URL at the sidecar: some SDKs take the host from it, not from their settings."""
    return Sub(f"{endpoint}/${{AWS::AccountId}}/${{Name}}", Name=queue.name)


def imported_queue(name: AWSHelperFn, specification: ImportedQueue) -> QueueReference:
    """A queue of this account and region, by its name."""
    return QueueReference(
        name=name,
        arn=here("sqs", "${Name}", Name=name),
        url=Sub(
            "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/${Name}",
            Name=name,
        ),
        variable=specification.variable,
        prefix=specification.prefix,
    )


def places(specification: ImportedQueue) -> tuple[str, dict[str, dict[str, str]]]:
    """The mapping of a queue that is given by its ARNs: Region -> account -> name.

    CloudFormation refuses to make a change set where it finds no entry.
    """
    return f"{specification.prefix}QueueOfRegionAndAccount", specification.places


def name_by_place(mapping: str) -> AWSHelperFn:
    """The name of the queue in the account and Region of the stack."""
    return FindInMap(mapping, Ref("AWS::Region"), Ref("AWS::AccountId"))


def own_queue(queue: Queue, specification: OwnQueue) -> QueueReference:
    """The queue of this very stack."""
    name = name_of(queue)
    return QueueReference(
        name=name,
        arn=here("sqs", "${Name}", Name=name),
        url=Ref(queue),
        variable=specification.variable,
        prefix=specification.prefix,
    )


def name_of(queue: Queue) -> AWSHelperFn:
    """The name of a queue of this stack.

    It is the end of its URL, ``https://sqs.REGION.amazonaws.com/ACCOUNT/NAME``, which is what Ref
    gives. The attribute QueueName would say the same, but CloudFormation lists all that refers to
    an attribute whenever any setting of the queue changes.
    """
    return Select(4, Split("/", Ref(queue)))


def _encrypted(key: Parameter | None) -> dict[str, Any]:
    """By a key of the customer's, or by SQS's own; it has one or the other."""
    return {"KmsMasterKeyId": Ref(key)} if key else {"SqsManagedSseEnabled": True}


def dead_letter_queue(prefix: str, key: Parameter | None, *, is_told: bool) -> Queue:
    """Messages that failed too often, kept as long as SQS can.

    ``is_told`` is whether an alarm tells of them; where none does, that is meant.
    """
    return Queue(
        f"{prefix}DeadLetterQueue",
        Metadata=described(
            "Messages that failed too often, kept for 14 days.",
            **({} if is_told else meant("E9214")),
        ),
        DeletionPolicy=RetainExceptOnCreate,
        UpdateReplacePolicy="Retain",
        MessageRetentionPeriod=FOURTEEN_DAYS,
        **_encrypted(key),
    )


def queue(
    prefix: str,
    parameters: OwnQueueParameters,
    dead_letters: Queue,
    key: Parameter | None,
) -> Queue:
    """The worker's queue; unnamed, so that it can be replaced."""
    return Queue(
        f"{prefix}Queue",
        Metadata=described("The messages that the worker processes."),
        DeletionPolicy=RetainExceptOnCreate,
        UpdateReplacePolicy="Retain",
        MessageRetentionPeriod=FOUR_DAYS,
        VisibilityTimeout=Ref(parameters.visibility_timeout),
        # Waiting for a message instead of asking again: fewer requests, no empty answers.
        ReceiveMessageWaitTimeSeconds=20,
        RedrivePolicy=RedrivePolicy(
            deadLetterTargetArn=here("sqs", "${Name}", Name=name_of(dead_letters)),
            maxReceiveCount=Ref(parameters.max_receive_count),
        ),
        **_encrypted(key),
    )


def encrypted_transport(title: str, sentence: str, queue: Queue) -> QueuePolicy:
    """Refuses whoever does not use TLS (SQS: "Security best practices")."""
    return QueuePolicy(
        title,
        Metadata=described(sentence),
        Queues=[Ref(queue)],
        PolicyDocument=PolicyDocument(
            Version="2012-10-17",
            Statement=[
                Statement(
                    Sid="RefusePlainText",
                    Effect=Deny,
                    Principal=Principal("*"),
                    Action=[sqs.Action("*")],
                    Resource=[here("sqs", "${Name}", Name=name_of(queue))],
                    Condition=Condition(Bool({"aws:SecureTransport": "false"})),
                )
            ],
        ),
    )
