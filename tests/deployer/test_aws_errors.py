"""What AWS says no with, as a sentence."""

import pytest

from workerstack.deployer.aws_errors import explained
from workerstack.problem import Problem, Refusal


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationError", "Stack:arn:x is in UPDATE_IN_PROGRESS state and can not be updated."),
        ("ValidationError", "Stack [x] is in DELETE_IN_PROGRESS state and cannot be updated"),
        ("OperationInProgressException", "An operation is in progress"),
    ],
)
def test_who_was_slower_is_refused(code: str, message: str) -> None:
    from botocore.exceptions import ClientError

    error = ClientError({"Error": {"Code": code, "Message": message}}, "CreateChangeSet")
    with pytest.raises(Refusal, match="Another operation is under way") as refused, explained():
        raise error
    assert refused.value.code == 3
    other = ClientError(
        {"Error": {"Code": "ValidationError", "Message": "No updates are to be performed."}}, "x"
    )
    with pytest.raises(Problem) as problem, explained():
        raise other
    assert problem.value.code == 1
