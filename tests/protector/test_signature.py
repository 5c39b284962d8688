"""The protector's signature is botocore's, byte for byte."""

from datetime import UTC, datetime
from unittest import mock

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from protector.protector import signed

WORD = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)
SPACED = st.lists(WORD, min_size=1, max_size=3).map("  ".join)
# No queue is named "." or "..": botocore would take such a step out of the path before it signs.
PATH = st.text(st.sampled_from("abcXYZ019-_.~%"), max_size=20).filter(
    lambda path: path not in {".", ".."}
)
MOMENT = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1))


@given(
    path=PATH,
    headers=st.dictionaries(
        st.sampled_from(["Content-Type", "X-Amz-Target", "x-amz-anything", "User-Agent"]), SPACED
    ),
    body=st.binary(max_size=300),
    key=WORD,
    secret=WORD,
    token=WORD,
    region=st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"]),
    at=MOMENT,
)
def test_it_is_botocores(
    path: str, headers: dict[str, str], body: bytes, key: str, secret: str, token: str,
    region: str, at: datetime,
) -> None:  # fmt: skip
    url = f"https://sqs.{region}.amazonaws.com/123456789012/{path}"
    by = {"AccessKeyId": key, "SecretAccessKey": secret, "Token": token}
    ours = signed(url, headers, body, by, region, at.strftime("%Y%m%dT%H%M%SZ"))
    request = AWSRequest("POST", url, dict(headers), body)
    signer = SigV4Auth(Credentials(key, secret, token), "sqs", region)
    with mock.patch("botocore.auth.get_current_datetime", return_value=at.replace(tzinfo=UTC)):
        signer.add_auth(request)
    theirs = {name.lower(): value for name, value in request.headers.items()}
    assert ours["authorization"] == theirs["authorization"]
    assert ours["x-amz-date"] == theirs["x-amz-date"]
    assert ours["x-amz-security-token"] == theirs["x-amz-security-token"]
