"""Service Quotas: what an account may have, as AWS has it by default.

Source: Service Quotas API reference, GetServiceQuota, GetAWSDefaultServiceQuota.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

DEFAULTS = {
    ("fargate", "L-3032A538"): ("Fargate On-Demand vCPU resource count", 4000.0),
    ("fargate", "L-36FBB829"): ("Fargate Spot vCPU resource count", 4000.0),
    ("vpc", "L-0EA8095F"): ("Inbound or outbound rules per security group", 60.0),
}
"""By service and code: the name, and the value of an account that nobody has limited."""


@cache
def _applied() -> Any:
    """The values of each account and region that are not the default."""
    from ministack.core.responses import AccountRegionScopedDict

    return AccountRegionScopedDict()


def forget() -> None:
    """Every account has the defaults."""
    _applied.cache_clear()


def limit(account: str, region: str, service: str, code: str, value: float) -> None:
    """From now on this account has another quota: there is no API that says so, AWS grants it."""
    _applied().set_scoped(account, region, f"{service}/{code}", value)


async def handle_request(
    _method: str, _path: str, headers: Mapping[str, str], body: bytes, _query: Any
) -> Any:
    """Answers one call of the API, by the action in its X-Amz-Target header."""
    from ministack.core.responses import error_response_json, json_response

    action = headers.get("x-amz-target", "").rpartition(".")[2]
    request = json.loads(body or b"{}")
    known = DEFAULTS.get((request.get("ServiceCode"), request.get("QuotaCode")))
    applied = _applied().get(f"{request.get('ServiceCode')}/{request.get('QuotaCode')}")
    if known is None or (action == "GetServiceQuota" and applied is None):
        message = "The request failed because the specified service quota does not exist."
        return error_response_json("NoSuchResourceException", message, 400)
    if action not in ("GetServiceQuota", "GetAWSDefaultServiceQuota"):
        return error_response_json("UnknownOperationException", f"{action} is not simulated")
    value = applied if action == "GetServiceQuota" else known[1]
    return json_response(
        {
            "Quota": {
                "ServiceCode": request["ServiceCode"], "QuotaCode": request["QuotaCode"],
                "QuotaName": known[0], "Value": value, "Adjustable": True, "Unit": "None",
            }
        }
    )  # fmt: skip
