"""Pseudo parameters: which there are, and what they are where a stack is.

Source: CloudFormation template reference, "Pseudo parameters"; AWS Fault Isolation Boundaries,
"Partitions".
"""

PSEUDO = {
    "AWS::AccountId": r"\d{12}",
    "AWS::Partition": r"[a-z-]+",
    "AWS::Region": r"[a-z0-9-]+",
    "AWS::StackName": r"[A-Za-z0-9-]+",
    "AWS::StackId": r"arn:[a-z-]+:cloudformation:[a-z0-9-]+:\d{12}:stack/[A-Za-z0-9-]+/[0-9a-f-]+",
    "AWS::URLSuffix": r"[a-z.]+",
    "AWS::NotificationARNs": r".*",
}
"""The pseudo parameters but AWS::NoValue, and what their values look like."""

PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}


def surroundings(account: str = "", region: str = "", stack_name: str = "") -> dict[str, str]:
    """Those that follow from account, region and name of a stack; only those that are known."""
    # Regions of the commercial partition have no start in common, so it is what is left.
    partition = next((p for start, p in PARTITIONS.items() if region.startswith(start)), "aws")
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    found = {
        "AWS::AccountId": account,
        "AWS::Region": region,
        "AWS::StackName": stack_name,
        "AWS::Partition": partition if region else "",
        "AWS::URLSuffix": suffix if region and partition != "aws-eusc" else "",
    }
    return {name: value for name, value in found.items() if value}
