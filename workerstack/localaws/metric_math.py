"""Alarms on metric math, which MiniStack's CloudFormation refuses, and PutMetricAlarm forgets.

They are never evaluated.
"""

from typing import Any

Properties = dict[str, Any]

OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit")
"""What an alarm has instead of `Metrics` (CloudWatch: PutMetricAlarm)."""


def install(provisioners: Any, cloudwatch: Any) -> None:
    """Wraps the function that turns a template's alarm into a stored one, and the API's."""
    _install_api(cloudwatch)
    original = provisioners._cw_metric_alarm_record
    if original.__module__ == __name__:
        return

    def record(name: str, properties: Properties) -> Properties:
        metrics = properties.get("Metrics")
        if not metrics:
            return dict(original(name, properties))
        bare = {key: value for key, value in properties.items() if key != "Metrics"}
        alarm = original(name, {**bare, "MetricName": "-", "Namespace": "-"})
        kept = {key: value for key, value in alarm.items() if key not in OF_ONE_METRIC}
        return {**kept, "Metrics": [_typed(query) for query in metrics]}

    provisioners._cw_metric_alarm_record = record


def _install_api(cloudwatch: Any) -> None:
    put = cloudwatch._put_metric_alarm
    if put.__module__ == __name__:
        return

    def put_with_metrics(params: Any, data: Properties, *protocol: Any) -> Any:
        answer = put(params, data, *protocol)
        metrics = (data or {}).get("Metrics")
        if metrics and data["AlarmName"] in cloudwatch._alarms:
            alarm = cloudwatch._alarms[data["AlarmName"]]
            kept = {key: value for key, value in alarm.items() if key not in OF_ONE_METRIC}
            cloudwatch._alarms[data["AlarmName"]] = {
                **kept, "Metrics": [_typed(query) for query in metrics],
            }  # fmt: skip
        return answer

    cloudwatch._put_metric_alarm = put_with_metrics


def _typed(query: Properties) -> Properties:
    """Numbers and booleans as such: a template may give them as text."""
    typed = dict(query)
    if "ReturnData" in typed:
        typed["ReturnData"] = str(typed["ReturnData"]).lower() == "true"
    if "MetricStat" in typed:
        statistic = typed["MetricStat"]
        typed["MetricStat"] = {**statistic, "Period": int(statistic["Period"])}
    return typed
