"""GetMetricData in pages and newest first, as CloudWatch answers; MiniStack gives all at once.

Source: CloudWatch API reference, GetMetricData (ScanBy, MaxDatapoints, NextToken) and
MetricDataResult (StatusCode is PartialData until the last page). How the datapoints of a page are
divided among the metrics is not documented: here each has the same share.
"""

import json
from typing import Any

MOST = 100_800
"""Datapoints of one page, of all metrics together, unless fewer are asked for."""


def install(cloudwatch: Any) -> None:
    """Wraps the operation; doing it twice changes nothing."""
    original = cloudwatch._get_metric_data
    if original.__module__ == __name__:
        return

    def in_pages(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        answer = original(params, data, is_cbor, is_json)
        # botocore asks in JSON here; MiniStack reads CBOR with a library that we do not install.
        if not is_json:
            return answer
        return cloudwatch._json_ok(_page(json.loads(answer[2])["MetricDataResults"], data))

    cloudwatch._get_metric_data = in_pages


def _page(results: list[dict[str, Any]], asked: dict[str, Any]) -> dict[str, Any]:
    number = int(asked.get("NextToken") or 0)
    share = max(1, int(asked.get("MaxDatapoints") or MOST) // max(1, len(results)))
    upward = asked.get("ScanBy") == "TimestampAscending"
    more = any(len(each["Timestamps"]) > (number + 1) * share for each in results)
    page: dict[str, Any] = {"MetricDataResults": []}
    for each in results:
        points = list(zip(each["Timestamps"], each["Values"], strict=True))
        points = (points if upward else points[::-1])[number * share : (number + 1) * share]
        partial = more and each["StatusCode"] == "Complete"
        page["MetricDataResults"].append(
            each
            | {
                "Timestamps": [moment for moment, _ in points],
                "Values": [value for _, value in points],
                "StatusCode": "PartialData" if partial else each["StatusCode"],
            }
        )
    return page | ({"NextToken": str(number + 1)} if more else {})
