"""All commands around change sets, as one command with subcommands."""

import click

from workerstack.commands.late import LateGroup

COMMANDS = {
    "init": "Create params/ENV/ from the account or from an existing stack.",
    "adopt": "Take over another tool's stack, in place.",
    "preflight": "Check that what a stack needs exists.",
    "review": "Make change sets and show them; exit 2 on changes.",
    "diff": "Predict the change set from OLD to NEW, without AWS.",
    "ship": "Write an image's digest into params/, and review exactly that.",
    "execute": "Execute the change set of a review file, and follow it.",
    "discard": "Delete pending change sets, or a stack whose creation failed.",
    "watch": "Follow a stack operation, or show how the last one ended.",
    "prove": "Start one task, see that it stays up, stop it.",
    "rollback": "Make a change set that restores an earlier deployment.",
    "verify": "Check that what runs is correct, and that it is committed.",
    "smoke": "Start one task, have it process a message, and put all back.",
    "drift": "Show what was changed by hand; exit 2 if anything was.",
    "status": "Show what is deployed, what runs and waits, and what to do next.",
    "logs": "Show what the tasks write, each line with its task.",
    "doctor": "Check what the tool needs here, and say the next step.",
    "rights": "Show the IAM policies that this tool needs.",
}
"""Each command with the first sentence of its help, which importing it would tell too late."""

deploy = LateGroup(
    name="deploy",
    late=COMMANDS,
    context_settings={"max_content_width": 80},
    help="""Review, execute and verify change sets for the stacks of params/.

    Exit codes: 0 done or nothing to change, 1 an error, 2 there are changes (adopt, review, diff,
    ship, rollback, drift), 3 refused, 4 stopped watching while AWS continues, 64 wrong usage.
    """,
)

deploy = click.version_option(package_name="fargate-worker-stack", prog_name="workerstack")(deploy)
