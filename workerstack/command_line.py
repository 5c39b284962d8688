"""How each command ends: data and talk apart, mistakes as sentences, exit codes as agreed."""

import signal
import sys

import click

from workerstack.problem import Problem

WRONG_USAGE = 64
INTERRUPTED = 130


def run(command: click.Command) -> None:
    """Runs a click command and ends the process with its exit code.

    0 and what the command returns; a Problem's own code; 64 for wrong usage; 130 when
    interrupted (DESIGN, "Commands"). The only place where a process is ended.
    """
    try:
        code = command.main(standalone_mode=False)
    except Problem as problem:
        click.echo(str(problem), err=True)
        sys.exit(problem.code)
    except click.UsageError as error:
        error.show()
        sys.exit(WRONG_USAGE)
    except (click.Abort, KeyboardInterrupt):
        # Whoever presses Ctrl-C again wants the same, and no traceback of what still runs.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        click.echo("Interrupted.", err=True)
        sys.exit(INTERRUPTED)
    sys.exit(code or 0)
