"""What each state of a stack means, and what to do about it. Offered, never done by itself.

Source: CloudFormation API reference, Stack, StackStatus; user guide, "Stack status codes".
"""

from typing import NamedTuple


class State(NamedTuple):
    """One state: what it means, and the next step; ``{}`` stands for ENV/STACK."""

    meaning: str
    next_step: str


WATCH = "`deploy.py watch {}`"
OF_FILE = " --stack "
"""What is in the name of a deployment outside params/: it need not be a worker's."""

VERIFY = "Verify it: `deploy.py verify {}`"
REVIEW = "Fix the cause, then `deploy.py review {}`"
DELETE = (
    "See why (`deploy.py watch {}`). Delete it with `deploy.py discard {} --stack`, which asks, and"
    " deletes only what this tool created. Fix the cause, then `deploy.py review {}`"
)

STATES = {
    "ABSENT": State("there is no such stack", "Create it: `deploy.py review {}`"),
    "REVIEW_IN_PROGRESS": State(
        "it was never created: a change set proposes it",
        "Execute its review, or delete it with `deploy.py discard {}`, which does not touch a"
        " change set of another tool",
    ),
    "CREATE_IN_PROGRESS": State("it is being created", f"See {WATCH}"),
    "CREATE_COMPLETE": State("it was created", VERIFY),
    "CREATE_FAILED": State(
        "creation failed, and rollback is off: its resources are still there",
        "Roll it back with `deploy.py rollback {}`, which asks, or delete it with"
        " `deploy.py discard {} --stack`. Fix the cause, then `deploy.py review {}`",
    ),
    "ROLLBACK_IN_PROGRESS": State("creation failed, rolling back", f"See {WATCH}"),
    "ROLLBACK_COMPLETE": State(
        "creation failed and was rolled back; it is empty and takes no update", DELETE
    ),
    "ROLLBACK_FAILED": State("creation failed, and so did the rollback", DELETE),
    "DELETE_IN_PROGRESS": State("it is being deleted", f"See {WATCH}, then review again"),
    "DELETE_COMPLETE": State("it was deleted", "Create it again: `deploy.py review {}`"),
    "DELETE_FAILED": State(
        "its deletion failed; some resources are left",
        "See what failed (`deploy.py watch {}`), then"
        " `deploy.py discard {} --stack --retain LOGICAL_ID`, which asks;"
        " delete what is retained yourself",
    ),
    "UPDATE_IN_PROGRESS": State("it is being updated", f"See {WATCH}"),
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": State(
        "updated; what it no longer needs is being deleted", f"See {WATCH}"
    ),
    "UPDATE_COMPLETE": State("it was updated", VERIFY),
    "UPDATE_FAILED": State(
        "an update failed, and rollback is off: some resources are new, some old",
        "Roll it back with `deploy.py rollback {}`, which asks",
    ),
    "UPDATE_ROLLBACK_IN_PROGRESS": State("an update failed, rolling back", f"See {WATCH}"),
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": State(
        "a failed update was rolled back; what it had created is being deleted", f"See {WATCH}"
    ),
    "UPDATE_ROLLBACK_COMPLETE": State(
        "a failed or cancelled update was rolled back; all is as before",
        "See what failed (`deploy.py watch {}`; a cancelled update has no cause), fix it, then"
        " `deploy.py review {}`",
    ),
    "UPDATE_ROLLBACK_FAILED": State(
        "an update failed, and so did its rollback",
        "Fix the cause that the events name, then continue: `deploy.py rollback {} --continue`,"
        " with `--skip LOGICAL_ID` for what cannot be fixed",
    ),
    "IMPORT_IN_PROGRESS": State("resources are being imported", f"See {WATCH}"),
    "IMPORT_COMPLETE": State("resources were imported", VERIFY),
    "IMPORT_ROLLBACK_IN_PROGRESS": State("an import failed, rolling back", f"See {WATCH}"),
    "IMPORT_ROLLBACK_COMPLETE": State("a failed import was rolled back", REVIEW),
    "IMPORT_ROLLBACK_FAILED": State(
        "an import failed, and so did its rollback",
        "Fix the cause that the events name, delete what the import left, then"
        " `deploy.py review {}`",
    ),
}
"""Every state that DescribeStacks can answer, and ABSENT."""

ROLLED_BACK = "UPDATE_ROLLBACK_COMPLETE"


def after_cancelling(deployment: str) -> str:
    """What to do about an update that was cancelled: there is no cause to fix."""
    return (
        "It was cancelled, and all is as before. To deploy it after all:"
        f" `deploy.py review {deployment}`"
    )


GONE = frozenset({"DELETE_COMPLETE", "DELETE_SKIPPED"})
"""The states of a resource that its stack no longer has."""

UPDATABLE = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
"""The states in which a stack takes a change set of type UPDATE."""

SHELL = "REVIEW_IN_PROGRESS"
"""An empty stack that a change set of type CREATE has made, and none was executed in."""

NEW = frozenset({"ABSENT", SHELL})
"""No stack, or only the shell that a change set of type CREATE has made."""

CHANGED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
"""The end states of a change that went well. A rolled-back one is none, whatever botocore's
waiters say."""

TAKEN_BACK = frozenset({"ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
"""The end states of a rollback that somebody asked for."""

DELETED = frozenset({"DELETE_COMPLETE"})
"""The end states of a deletion that went well."""

LEFT = frozenset({"DELETE_FAILED", "DELETE_SKIPPED"})
"""The states of a resource that was not deleted when it should be, or is kept by its policy."""

BEGINNINGS = frozenset(
    {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS"}
)
"""The states with which an operation begins, whatever the reason; a rollback may be its end."""

STUCK = "UPDATE_ROLLBACK_FAILED"
"""Where ContinueUpdateRollback goes on (API reference)."""

FAILED = frozenset({"CREATE_FAILED", "UPDATE_FAILED", STUCK})
"""The states that CloudFormation rolls back when it is told to (API reference: RollbackStack)."""

NEVER_LIVED = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})
"""The states of a stack that was never whole, or no longer is, and takes no update."""


def next_step(status: str, deployment: str) -> str:
    """What to do about a state; a state of a newer API is looked at by a person."""
    state = STATES.get(status)
    if state is None:
        return "This state is new. Look at the stack in the console"
    if state.next_step == VERIFY and OF_FILE in deployment:
        return "See later whether it was changed by hand: `deploy.py drift {}`".replace(
            "{}", deployment
        )
    return state.next_step.replace("{}", deployment)
