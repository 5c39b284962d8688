"""Every example that AWS documents for alarms, steps, rounding, cooldown and metric math."""

from typing import TYPE_CHECKING, Any

import pytest

from workerstack.problem import Problem
from workerstack.simulator.autoscaling import (
    Invocation,
    Proposal,
    Refused,
    ScalableTarget,
    Situation,
    change_of,
    find_step,
)
from workerstack.simulator.cloudwatch import alarm_state
from workerstack.simulator.metric_math import compile_math
from workerstack.simulator.model import (
    Alarm,
    AlarmState,
    Metric,
    MissingData,
    Scaling,
    ScalingPolicy,
    SimulatedStep,
)
from workerstack.simulator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workerstack.simulator.metric_math import Evaluate

TREATMENTS: tuple[MissingData, ...] = ("missing", "ignore", "breaching", "notBreaching")
WORDS = {
    "OK": AlarmState.OK,
    "ALARM": AlarmState.ALARM,
    "INSUFFICIENT_DATA": AlarmState.INSUFFICIENT_DATA,
}
RETAIN = "Retain current state"

# CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data": the two tables,
# word for word. Columns: MISSING, IGNORE, BREACHING, NOT BREACHING. Evaluation range 5, N = 3.
THREE_OF_THREE = {
    "0 - X - X": ("OK", "OK", "OK", "OK"),
    "0 - - - -": ("OK", "OK", "OK", "OK"),
    "- - - - -": ("INSUFFICIENT_DATA", RETAIN, "ALARM", "OK"),
    "0 X X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "- - X - -": ("ALARM", RETAIN, "ALARM", "OK"),
}
TWO_OF_THREE = {
    "0 - X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 0 X 0 X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 - X - -": ("OK", "OK", "ALARM", "OK"),
    "- - - - 0": ("OK", "OK", "ALARM", "OK"),
    "- - - X -": ("ALARM", RETAIN, "ALARM", "OK"),
}
CELLS = [
    (needed, points, treatment, expected)
    for needed, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for points, row in table.items()
    for treatment, expected in zip(TREATMENTS, row, strict=True)
]


def marks(points: str) -> list[bool | None]:
    return [{"0": False, "X": True, "-": None}[each] for each in points.split()]


def test_the_two_tables_have_forty_cells() -> None:
    assert len(CELLS) == 40


@pytest.mark.parametrize("current", AlarmState)
@pytest.mark.parametrize(("needed", "points", "treatment", "expected"), CELLS)
def test_missing_data(
    needed: int, points: str, treatment: MissingData, expected: str, current: AlarmState
) -> None:
    state = alarm_state(marks(points), 3, needed, treatment, current)
    assert state == (current if expected == RETAIN else WORDS[expected])


@pytest.mark.parametrize("points", ["- - - - X", "- - - X -"])
def test_no_premature_alarm(points: str) -> None:
    # The same page, "Avoiding premature transitions to alarm state": with 3 of 3, "the alarm
    # does not go immediately into ALARM state when the data is either".
    assert alarm_state(marks(points), 3, 3, "missing", AlarmState.OK) == AlarmState.OK


GREATER, LESS = "GreaterThanOrEqualToThreshold", "LessThanOrEqualToThreshold"


@pytest.mark.parametrize(
    ("value", "operator", "found"),
    [
        (50, GREATER, True), (59.9, GREATER, True), (60, GREATER, False),
        (50, LESS, True), (40.1, LESS, True), (40, LESS, False),
    ],
)  # fmt: skip
def test_step_bounds_of_the_api_reference(value: float, operator: Any, found: bool) -> None:
    # StepAdjustment, alarm with a threshold of 50: "greater than or equal to 50 and less than 60
    # ... lower bound of 0 and an upper bound of 10"; "greater than 40 and less than or equal to
    # 50 ... lower bound of -10 and an upper bound of 0".
    step = SimulatedStep(0, 10, 1) if operator == GREATER else SimulatedStep(-10, 0, 1)
    assert bool(find_step([step], value, 50, operator)) is found


OUT = ScalingPolicy(
    name="Out",
    adjustment_type="PercentChangeInCapacity",
    steps=(SimulatedStep(0, 10, 0), SimulatedStep(10, 20, 10), SimulatedStep(20, None, 30)),
)
IN = ScalingPolicy(
    name="In",
    adjustment_type="PercentChangeInCapacity",
    steps=(SimulatedStep(None, -20, -30), SimulatedStep(-20, -10, -10), SimulatedStep(-10, 0, 0)),
)


@pytest.mark.parametrize(
    ("value", "percent"),
    [
        (10, -30), (30, -30), (30.5, -10), (40, -10), (40.5, 0), (49, 0),
        (50, 0), (59, 0), (60, 10), (69, 10), (70, 30), (1000, 30),
    ],
)  # fmt: skip
def test_step_bounds_of_the_user_guide(value: float, percent: int) -> None:
    # Application Auto Scaling User Guide, "Step scaling policies": the picture with -30 % up to
    # 30, -10 % up to 40, unchanged, +10 % from 60, +30 % from 70, around a threshold of 50.
    policy, operator = (OUT, GREATER) if value >= 50 else (IN, LESS)
    step = find_step(policy.steps, value, 50, operator)  # type: ignore[arg-type]
    assert step is not None
    assert step.adjustment == percent


@pytest.mark.parametrize(
    ("capacity", "percent", "after"), [(10, 10, 11), (11, 30, 14), (14, -10, 13), (13, -30, 10)]
)
def test_the_story_of_the_user_guide(capacity: int, percent: int, after: int) -> None:
    # The same page: from 10 to 11, 14, 13 and back to 10 tasks.
    policy = OUT if percent > 0 else IN
    assert capacity + change_of(policy, SimulatedStep(0, None, percent), capacity) == after


@pytest.mark.parametrize(
    ("capacity", "percent", "change"),
    [
        (127, 10, 12),  # 12.7 is rounded to 12
        (67, 1, 1),  # .67 is rounded to 1
        (58, -1, -1),  # -.58 is rounded to -1
        (667, -1, -6),  # -6.67 is rounded to -6
        (25, -1, -1),  # between 0 and -1
        (0, 50, 0),
    ],
)
def test_percent_rounding(capacity: int, percent: int, change: int) -> None:
    # Application Auto Scaling User Guide, "Scaling adjustment types".
    assert change_of(OUT, SimulatedStep(0, None, percent), capacity) == change


def test_min_adjustment_magnitude() -> None:
    # API, StepScalingPolicyConfiguration: "25 percent of 4 is 1. However, because you specified
    # a MinAdjustmentMagnitude of 2, Application Auto Scaling scales out the service by 2 tasks."
    policy = ScalingPolicy(
        name="Out",
        adjustment_type="PercentChangeInCapacity",
        steps=(SimulatedStep(0, None, 25),),
        min_adjustment_magnitude=2,
    )
    assert change_of(policy, policy.steps[0], 4) == 2


@pytest.mark.parametrize(
    ("kind", "before", "adjustment", "after"),
    [
        ("ChangeInCapacity", 3, 5, 8),
        ("ExactCapacity", 3, 5, 5),
        ("PercentChangeInCapacity", 10, 10, 11),
    ],
)
def test_adjustment_types(kind: Any, before: int, adjustment: int, after: int) -> None:
    # Application Auto Scaling User Guide, "Scaling adjustment types".
    policy = ScalingPolicy(
        name="P", adjustment_type=kind, steps=(SimulatedStep(0, None, adjustment),)
    )
    assert before + change_of(policy, policy.steps[0], before) == after


def alarm(policy: ScalingPolicy, operator: Any = GREATER, threshold: float = 50) -> Alarm:
    return Alarm(
        name=f"{policy.name}Alarm",
        metrics=(("m", Metric("ApproximateNumberOfMessagesVisible", "Maximum")),),
        returned="m",
        period=60,
        evaluation_periods=1,
        datapoints_to_alarm=1,
        threshold=threshold,
        operator=operator,
        actions=((AlarmState.ALARM, policy.name),),
    )


def target(
    *policies: ScalingPolicy, low: int = 0, high: int = 100, **switches: Any
) -> ScalableTarget:
    scaling = Scaling(
        name="Service", file="t", min_capacity=low, max_capacity=high, policies=policies,
        alarms=(), queue_name="q",
    )  # fmt: skip
    return ScalableTarget(scaling, Settings(**switches))


def ask(
    scaled: ScalableTarget, *asked: tuple[ScalingPolicy, float, Any], now: int, running: int,
    desired: int | None = None, deploying: bool = False,
) -> Proposal | Refused:  # fmt: skip
    invocations = [
        Invocation(policy, alarm(policy, operator), (value,)) for policy, value, operator in asked
    ]
    situation = Situation(now, running, running if desired is None else desired, deploying)
    winner, refused = scaled.decide(invocations, situation)
    return winner or refused[-1]


PLUS = ScalingPolicy(
    name="Plus",
    adjustment_type="ChangeInCapacity",
    steps=(SimulatedStep(0, 10, 2), SimulatedStep(10, None, 3)),
)
MINUS = ScalingPolicy(
    name="Minus", adjustment_type="ChangeInCapacity", steps=(SimulatedStep(None, 0, -1),)
)


def test_in_the_cooldown_only_the_difference_is_added() -> None:
    # User Guide, "Cooldown period": after +2, "a more aggressive step adjustment of 3 ...
    # Therefore, only 1 is added to the capacity."
    scaled = target(PLUS)
    first = ask(scaled, (PLUS, 50, GREATER), now=0, running=10)
    assert isinstance(first, Proposal)
    assert first.target == 12
    scaled.fulfil(60, [PLUS])
    again = ask(scaled, (PLUS, 50, GREATER), now=120, running=12)
    assert isinstance(again, Refused)
    assert again.code == "cooldown"
    more = ask(scaled, (PLUS, 60, GREATER), now=180, running=12)
    assert isinstance(more, Proposal)
    assert more.target == 13


def test_after_the_cooldown_all_is_added() -> None:
    scaled = target(PLUS, cooldown_from="decision")
    ask(scaled, (PLUS, 50, GREATER), now=0, running=10)
    assert isinstance(ask(scaled, (PLUS, 50, GREATER), now=299, running=12), Refused)
    after = ask(scaled, (PLUS, 50, GREATER), now=300, running=12)
    assert isinstance(after, Proposal)
    assert after.target == 14


def test_a_scale_out_cancels_the_cooldown_of_a_scale_in() -> None:
    # User Guide, "Cooldown period": "scales out the target immediately. In this case, the cooldown
    # period for the scale-in activity stops and doesn't complete."
    scaled = target(PLUS, MINUS, cooldown_from="decision")
    assert isinstance(ask(scaled, (MINUS, 40, LESS), now=0, running=10), Proposal)
    assert isinstance(ask(scaled, (MINUS, 40, LESS), now=60, running=9), Refused)
    assert isinstance(ask(scaled, (PLUS, 50, GREATER), now=120, running=9), Proposal)
    assert isinstance(ask(scaled, (MINUS, 40, LESS), now=180, running=11), Proposal)


def test_scale_in_during_a_scale_out_cooldown_is_a_switch() -> None:
    for blocked in (False, True):
        scaled = target(
            PLUS, MINUS, cooldown_from="decision", scale_in_blocked_by_scale_out=blocked
        )
        ask(scaled, (PLUS, 50, GREATER), now=0, running=10)
        answer = ask(scaled, (MINUS, 40, LESS), now=60, running=12)
        assert isinstance(answer, Refused) is blocked


def test_the_largest_capacity_wins() -> None:
    # API, PutScalingPolicy: "gives precedence to the policy that provides the largest capacity for
    # both scale out and scale in".
    big = ScalingPolicy(
        name="Big", adjustment_type="ChangeInCapacity", steps=(SimulatedStep(0, None, 10),)
    )
    scaled = target(PLUS, big, MINUS)
    answer = ask(
        scaled, (PLUS, 50, GREATER), (big, 50, GREATER), (MINUS, 40, LESS), now=0, running=10
    )
    assert isinstance(answer, Proposal)
    assert (answer.policy.name, answer.target) == ("Big", 20)


def test_the_running_count_is_where_it_starts() -> None:
    # ECS Developer Guide, "Service auto scaling": "the actual running task count ... as opposed to
    # the desired count".
    answer = ask(target(PLUS), (PLUS, 50, GREATER), now=0, running=3, desired=4)
    assert isinstance(answer, Proposal)
    assert answer.target == 5


@pytest.mark.parametrize(
    ("policy", "value", "operator", "running", "code"),
    [
        (PLUS, 50, GREATER, 100, "AlreadyAtMaxCapacity"),
        (MINUS, 40, LESS, 2, "AlreadyAtMinCapacity"),
        (MINUS, 55, GREATER, 9, "no step"),
    ],
)
def test_reasons_not_to_scale(
    policy: ScalingPolicy, value: float, operator: Any, running: int, code: str
) -> None:
    # User Guide, "Not scaled reasons"; the message of a missing step as alarm histories show it.
    answer = ask(target(policy, low=2), (policy, value, operator), now=0, running=running)
    assert isinstance(answer, Refused)
    assert answer.code == code
    if code == "no step":
        assert answer.reason == (
            "No step adjustment found for metric value [55] and breach threshold 50"
        )


def test_outside_the_bounds_a_policy_goes_to_the_edge() -> None:
    low = ask(target(PLUS, low=5), (PLUS, 50, GREATER), now=0, running=1)
    high = ask(target(MINUS, high=3), (MINUS, 40, LESS), now=0, running=9)
    assert isinstance(low, Proposal)
    assert isinstance(high, Proposal)
    assert (low.target, high.target) == (5, 3)


def test_no_scale_in_during_a_deployment() -> None:
    # ECS Developer Guide: "turns off scale-in processes while Amazon ECS deployments are in
    # progress. However, scale-out processes continue".
    scaled = target(PLUS, MINUS)
    assert isinstance(ask(scaled, (MINUS, 40, LESS), now=0, running=9, deploying=True), Refused)
    assert isinstance(ask(scaled, (PLUS, 50, GREATER), now=0, running=9, deploying=True), Proposal)


def calculated(expression: str, zero: bool = False, **values: float | None) -> float | None:
    metrics: Mapping[str, Evaluate] = {
        name: lambda given, name=name: given[name] for name in values  # type: ignore[misc]
    }  # fmt: skip
    return compile_math(expression, metrics, {}, zero=zero)(values)


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        # CloudWatch User Guide, "Using metric math": metric1 30, 20, 0, 0; metric2 20, -, 20, -.
        ("m1 < m2", (0, 0, 1, 0)),
        ("m1 >= 30", (1, 0, 0, 0)),
        ("m1 > 15 AND m2 > 15", (1, 0, 0, 0)),
        ("m1 > 15 && m2 > 15", (1, 0, 0, 0)),
    ],
)
def test_comparisons(expression: str, columns: tuple[float, ...]) -> None:
    pairs = zip((30, 20, 0, 0), (20, None, 20, None), strict=True)
    assert tuple(calculated(expression, m1=one, m2=two) for one, two in pairs) == columns


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        # The same page, "Using IF expressions", its three tables.
        ("IF(m1, m2, m3)", (30, 0, 20, None, None)),
        ("IF(m1, 5, m3)", (5, 5, 20, None, None)),
        ("IF(m1, m2, 5)", (30, 0, 5, 5, None)),
    ],
)
def test_if(expression: str, columns: tuple[float | None, ...]) -> None:
    rows = zip((1, 1, 0, 0, None), (30, None, 0, 0, 30), (0, 0, 20, None, 20), strict=True)
    found = tuple(calculated(expression, m1=one, m2=two, m3=three) for one, two, three in rows)
    assert found == columns


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 + 3 * 4 - 6 / 3", 12), ("(2 + 3) * -4", -20), ("2 ^ 3 ^ 2", 512), ("-2 ^ 2", -4),
        ("a / 0", None), ("a + none", None), ("FILL(none, 7) + a", 9), ("FILL(none, a)", 2),
        ("SUM([a, none, 3])", 5), ("AVG([a, none, 4])", 2), ("MAX([a, 3])", 3),
        ("MIN([none])", None),
        ("IF(a > 1, 10)", 10), ("IF(a > 2, 10)", None), ("ABS(-a) + CEIL(1.2) + FLOOR(1.8)", 5),
        ("SUM(METRICS())", 2), ("0 ^ -1", None),
    ],
)  # fmt: skip
def test_metric_math(expression: str, value: float | None) -> None:
    assert calculated(expression, a=2, none=None) == value


def test_a_missing_operand_is_a_switch() -> None:
    assert calculated("a + none", zero=True, a=2, none=None) == 2
    assert calculated("none - none", zero=True, none=None) is None


@pytest.mark.parametrize(
    "expression",
    [
        "RATE(a)", "AVG(a)", "b", "a +", "FILL(a, REPEAT)", "a $ 2", "SUM([a", "a 2", "",
        "(" * 190, "a" + "+a" * 900,
    ],
)  # fmt: skip
def test_other_metric_math_is_one_clear_error(expression: str) -> None:
    with pytest.raises(Problem, match="metric math"):
        calculated(expression, a=1)
