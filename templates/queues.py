"""Where the work comes from: an imported queue, or one of the worker's own."""

from dataclasses import dataclass

from awacs import sqs
from awacs.aws import Bool, Condition, Deny, PolicyDocument, Principal, Statement
from troposphere import (
    AWSHelperFn,
    If,
    NoValue,
    Parameter,
    Ref,
    RetainExceptOnCreate,
    Select,
    Split,
    Sub,
)
from troposphere.cloudwatch import Alarm, MetricDimension
from troposphere.sqs import Queue, QueuePolicy, RedrivePolicy

from templates.description import described
from templates.parameters import OwnQueueParameters

ALARM_HAS_TOPIC = "AlarmHasTopic"
"""The condition under which the dead-letter alarm tells somebody."""

FOUR_DAYS = 345_600
"""For how long an unprocessed message is kept, in seconds: SQS's own default."""

FOURTEEN_DAYS = 1_209_600
"""The longest retention that SQS offers, in seconds."""


@dataclass(frozen=True)
class QueueReference:
    """How the rest of the template speaks of the queue."""

    name: AWSHelperFn
    arn: AWSHelperFn
    url: AWSHelperFn


def stand_in(queue: QueueReference, endpoint: str) -> AWSHelperFn:
    """The queue's URL at the sidecar: some SDKs take the host from it, not from their settings."""
    return Sub(f"{endpoint}/${{AWS::AccountId}}/${{Name}}", Name=queue.name)


def imported_queue(name: Parameter) -> QueueReference:
    """A queue of this account and region, by its name."""
    return QueueReference(
        name=Ref(name),
        arn=_arn(Ref(name)),
        url=Sub(
            "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/${Name}",
            Name=Ref(name),
        ),
    )


def own_queue(queue: Queue) -> QueueReference:
    """The queue of this very stack.

    Its name is the end of its URL, ``https://sqs.REGION.amazonaws.com/ACCOUNT/NAME``, which is
    what Ref gives. The attribute QueueName would say the same, but CloudFormation lists all that
    refers to an attribute whenever any setting of the queue changes.
    """
    name = Select(4, Split("/", Ref(queue)))
    return QueueReference(name=name, arn=_arn(name), url=Ref(queue))


def _arn(name: AWSHelperFn) -> Sub:
    return Sub("arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${Name}", Name=name)


def dead_letter_queue() -> Queue:
    """Messages that failed too often, kept as long as SQS can."""
    return Queue(
        "DeadLetterQueue",
        Metadata=described("Messages that failed too often, kept for 14 days."),
        DeletionPolicy=RetainExceptOnCreate,
        UpdateReplacePolicy="Retain",
        MessageRetentionPeriod=FOURTEEN_DAYS,
        SqsManagedSseEnabled=True,
    )


def queue(parameters: OwnQueueParameters, dead_letters: Queue) -> Queue:
    """The worker's queue; unnamed, so that it can be replaced."""
    return Queue(
        "Queue",
        Metadata=described("The messages that the worker processes."),
        DeletionPolicy=RetainExceptOnCreate,
        UpdateReplacePolicy="Retain",
        MessageRetentionPeriod=FOUR_DAYS,
        VisibilityTimeout=Ref(parameters.visibility_timeout),
        # Waiting for a message instead of asking again: fewer requests, no empty answers.
        ReceiveMessageWaitTimeSeconds=20,
        RedrivePolicy=RedrivePolicy(
            deadLetterTargetArn=own_queue(dead_letters).arn,
            maxReceiveCount=Ref(parameters.max_receive_count),
        ),
        SqsManagedSseEnabled=True,
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
                    Resource=[own_queue(queue).arn],
                    Condition=Condition(Bool({"aws:SecureTransport": "false"})),
                )
            ],
        ),
    )


def dead_letter_alarm(dead_letters: Queue, topic: Parameter) -> Alarm:
    """One dead letter is already news.

    Missing data is no breach: a queue without messages sends none (SQS: metrics).
    """
    return Alarm(
        "DeadLetterAlarm",
        Metadata=described("Tells when a message has failed too often."),
        AlarmDescription="A message failed too often and waits in the dead-letter queue.",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[MetricDimension(Name="QueueName", Value=own_queue(dead_letters).name)],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        Threshold=1,
        TreatMissingData="notBreaching",
        AlarmActions=If(ALARM_HAS_TOPIC, [Ref(topic)], NoValue),
    )
