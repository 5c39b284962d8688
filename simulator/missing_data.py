"""An alarm's state from datapoints of which some are missing.

Source: CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data" and
"Avoiding premature transitions to alarm state".
"""

from collections.abc import Sequence

from simulator.model import AlarmState, MissingData


def alarm_state(
    breaching: Sequence[bool | None],
    evaluation_periods: int,
    datapoints_to_alarm: int,
    treatment: MissingData,
    current: AlarmState,
) -> AlarmState:
    """The state after one evaluation.

    ``breaching`` are the datapoints of the whole evaluation range, oldest first, None where one
    is missing. Real points are used wherever they are enough; ``treatment`` fills the rest.
    """
    real = [point for point in breaching if point is not None]
    if len(real) >= evaluation_periods:
        return _state(sum(real[-evaluation_periods:]) >= datapoints_to_alarm)
    if treatment == "breaching":
        missing = evaluation_periods - len(real)
        return _state(sum(real) + missing >= datapoints_to_alarm)
    if treatment == "notBreaching":
        return _state(sum(real) >= datapoints_to_alarm)
    return _unfilled(breaching, real, datapoints_to_alarm, treatment, current)


def _unfilled(
    breaching: Sequence[bool | None],
    real: Sequence[bool],
    datapoints_to_alarm: int,
    treatment: MissingData,
    current: AlarmState,
) -> AlarmState:
    """Too few points, and none is made up: what is there decides, if it can."""
    count = sum(real)
    if count < len(real) or count >= datapoints_to_alarm:
        return _state(count >= datapoints_to_alarm)
    if treatment == "ignore":
        return current
    if not real:
        return AlarmState.INSUFFICIENT_DATA
    return AlarmState.ALARM if _age(breaching) >= datapoints_to_alarm else current


def _state(alarm: bool) -> AlarmState:
    return AlarmState.ALARM if alarm else AlarmState.OK


def _age(breaching: Sequence[bool | None]) -> int:
    """How many datapoints ago the oldest real one is; the newest is 1."""
    return next(len(breaching) - i for i, point in enumerate(breaching) if point is not None)
