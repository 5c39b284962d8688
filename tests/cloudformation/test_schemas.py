"""What the provider schemas say, and that the file is what cfn-lint's schemas say."""

import pytest

from workerstack.cloudformation import schemas
from workerstack.lint import provider_schemas


def test_the_file_is_current() -> None:
    assert schemas.written().decode() == provider_schemas.text(), (
        "Run `python -m workerstack.lint.provider_schemas` and commit"
    )


@pytest.mark.parametrize(
    ("kind", "names", "answer"),
    [
        ("AWS::SQS::Queue", ("QueueName",), "Always"),
        ("AWS::SQS::Queue", ("VisibilityTimeout",), "Never"),
        ("AWS::ECS::TaskDefinition", ("Volumes", "Name"), "Always"),
        ("AWS::ECS::Service", ("Cluster",), "Always"),
        ("AWS::RDS::DBInstance", ("AvailabilityZone",), "Conditionally"),
        ("AWS::No::Such", ("X",), "Conditionally"),
    ],
)
def test_recreation(kind: str, names: tuple[str, ...], answer: str) -> None:
    assert schemas.recreation(kind, names) == answer


def test_custom_resources_have_the_schema_of_all_custom_resources() -> None:
    assert schemas.read("Custom::Anything") == schemas.read("AWS::CloudFormation::CustomResource")
