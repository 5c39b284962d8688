"""How each command ends: data and talk apart, mistakes as sentences, exit codes as agreed."""

import logging
import os
import signal
import sys
import traceback
from pathlib import Path

import click

from workerstack.installation import ACTIVATE, EXTRAS, environment, with_extra
from workerstack.output import Lost, say
from workerstack.problem import Problem

WRONG_USAGE = 64
INTERRUPTED = 130


def run(command: click.Command, root: Path | None = None) -> None:
    """Runs a click command and ends the process with its exit code.

    ``root`` is the project's folder, where the program lies in it. The codes are 0 and what the
    command returns; a Problem's own code; 64 for wrong usage; 130 when interrupted. The only place
    where a process is ended.
    """
    logging.basicConfig(handlers=[_Said()], format="%(message)s")
    logging.captureWarnings(capture=True)
    try:
        code = _ended(command, root)
    except Lost:  # nor can the reason be said: the exit code is all that is left
        code = Lost.code
    if code:
        _drop_unwritten()
    sys.exit(code)


def project() -> Path:
    """The project that is worked in: the program's own, or found as git finds its repository."""
    context = click.get_current_context(silent=True)
    own = context.find_object(Path) if context else None
    if own:
        return own
    here = Path.cwd()
    return next((each for each in (here, *here.parents) if (each / "params").is_dir()), here)


def _ended(command: click.Command, root: Path | None) -> int:
    try:
        return command.main(standalone_mode=False, obj=root) or 0
    except Problem as problem:
        say(str(problem))
        return problem.code
    except click.ClickException as error:
        say(*_usage(error))
        return WRONG_USAGE
    except (click.Abort, KeyboardInterrupt):
        # Whoever presses Ctrl-C again wants the same, and no traceback of what still runs.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        say("Interrupted.")
        return INTERRUPTED
    except Exception as error:
        known = _refused(error) if isinstance(error, OSError) else _missing(error)
        say(*([str(known)] if known else traceback.format_exc().splitlines()))
        return Problem.code


def _missing(error: Exception) -> Problem | None:
    """What to install, where the error is a library of an extra that is not there."""
    library = error.name.partition(".")[0] if isinstance(error, ImportError) and error.name else ""
    if library not in EXTRAS:
        return None
    return Problem(
        f"This command needs {library}",
        f"it is not installed, and belongs to the extra `{EXTRAS[library]}`",
        f"Enter the project's environment, which has it: `. {ACTIVATE}`"
        if environment(Path.cwd())
        else f"Install it: `{with_extra(EXTRAS[library])}`",
    )


def _usage(error: click.ClickException) -> list[str]:
    """What click says; what was typed, however it is typed, stays within its one line."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    usage = context.get_usage().split("\n") if context else []
    hint = [f"Try '{context.command_path} --help' for help.", ""] if context else []
    return [*usage, *hint, f"Error: {error.format_message()}"]


def _refused(error: OSError) -> Problem:
    """What the operating system refused, where nobody nearer could say more of it."""
    name = error.filename if isinstance(error.filename, str) else "A file"
    if isinstance(error, FileNotFoundError) and error.filename is None:
        name = "The working directory"  # Path.cwd() alone says no name
    return Problem(
        f"{name} cannot be used",
        error.strerror or str(error) or type(error).__name__,
        "Fix that, or run the command where it can be used",
    )


def _drop_unwritten() -> None:
    """What a full disk did not take would be tried once more at the end, and complained of."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Said(logging.Handler):
    """What libraries log and warn of, which quotes AWS and files as well."""

    def emit(self, record: logging.LogRecord) -> None:
        say(*self.format(record).splitlines())
