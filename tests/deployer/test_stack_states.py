"""In which states a stack takes an update."""

from workerstack.deployer.stack_states import STATES, UPDATABLE


def test_each_state_that_takes_an_update_is_here_and_no_other() -> None:
    taken = {
        "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }  # fmt: skip
    assert set(UPDATABLE) == taken
    assert set(STATES) >= taken
