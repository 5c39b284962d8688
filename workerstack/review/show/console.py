"""Where the AWS console shows a change set."""

from urllib.parse import quote

from workerstack.review.model import Review

CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}


def console_link(review: Review) -> str:
    """The change set's page in the AWS console of the stack's partition."""
    partition = review.where.stack_id.split(":")[1] if ":" in review.where.stack_id else "aws"
    host = CONSOLES.get(partition, CONSOLES["aws"])
    region = _quoted(review.where.region)  # or what stands there could be another host
    return (
        f"https://{region}.{host}/cloudformation/home?region={region}#/stacks/changesets/changes"
        f"?stackId={_quoted(review.where.stack_id)}"
        f"&changeSetId={_quoted(review.change_set.arn)}"
    )


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="backslashreplace")
