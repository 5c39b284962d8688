"""A share of what ``python -m bench scaling`` measures: a protected worker on fresh seeds."""

from bench.scaling import PROTECTED, SHARE, Total, random_loads, scaling_of, total
from templates.workers import EDIT
from workerstack.simulator.loads import LOADS
from workerstack.simulator.settings import Settings
from workerstack.simulator.warn import warn


def test_the_step_table_of_the_specification_kills_nothing_and_costs_less() -> None:
    loads = (*LOADS.values(), *random_loads(6))
    protected, default = (
        total(scaling_of(worker), loads, range(5_000, 5_003)) for worker in (PROTECTED, EDIT)
    )
    assert PROTECTED.steps == EDIT.steps
    assert (protected.killed, protected.left) == (0, 0)
    assert protected.cost <= SHARE * default.cost
    assert default.killed > 0, "it shows that these loads can kill"


def test_what_is_left_is_counted() -> None:
    suspended = scaling_of(PROTECTED)
    nobody = total(
        type(suspended)(**{**vars(suspended), "max_capacity": 0}), (("job:service=3m",),), (1,)
    )
    assert isinstance(nobody, Total)
    assert (nobody.left, nobody.messages) == (1, 1)


def test_a_protected_worker_is_warned_of_nothing_but_the_sleeping_queue() -> None:
    found = warn(scaling_of(PROTECTED), Settings(heartbeat=60))
    assert [each.id for each in found] == ["queue-wakes-late"]
