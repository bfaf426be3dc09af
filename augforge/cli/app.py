"""The command ``augforge``: finds commands by name, and turns every end into an exit code.

Commands are loaded when they are asked for and import what is heavy inside themselves, so that
``augforge --help`` is immediate.
"""

import errno
import importlib
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Sequence
from io import StringIO
from typing import Any

import click

from augforge import __version__
from augforge.cli.exits import ExitCode
from augforge.cli.output import ReaderGoneError, finish, open_closed_streams, print_err
from augforge.errors import AugforgeError, RecipeError, did_you_mean

# In the order in which people use them; each is a module beside this one.
COMMANDS = (
    "check",
    "preview",
    "build",
    "info",
    "verify",
    "compare",
    "fetch",
    "normalize",
    "distortions",
    "schema",
)

# What the operating system refuses is no bug, wherever it happens to be noticed.
_REFUSALS = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
}


class _Commands(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"augforge.cli.commands.{cmd_name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(
                f"there is no command '{name}'.{did_you_mean(name, COMMANDS)} Commands: {', '.join(COMMANDS)}"
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # click takes any broken pipe for that of stdout and says nothing. Stdout's own is a `ReaderGoneError`.
            raise RuntimeError(f"a connection was lost: {error}") from error


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="augforge", message="%(prog)s %(version)s")
def app() -> None:
    """Turn a set of digits into a much larger one by realistic distortions.

    A recipe says which; `augforge check realistic` looks at the ready one.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of those of the process.

    Returns
    -------
    int
        0 ok, 1 a check found something, 2 wrong usage, recipe or data, 3 a bug (a log's path is printed),
        130 interrupted.
    """
    open_closed_streams()
    try:
        code = app.main(args=arguments, prog_name="augforge", standalone_mode=False)
        finish()
    except ReaderGoneError:
        return ExitCode.OK
    except click.ClickException as error:
        print_err(_usage_text(error))
        return ExitCode.USAGE
    except AugforgeError as error:
        print_err(_error_text(error))
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort) as error:
        print_err(str(error) or "interrupted")
        return ExitCode.INTERRUPTED
    except Exception as error:
        return _ended_by(error)
    return int(code or 0)


def _ended_by(error: Exception) -> int:
    """Say what came as no error of ours; return the exit code."""
    if _holds_interrupt(error):
        print_err("interrupted")
        return ExitCode.INTERRUPTED
    if isinstance(error, MemoryError):
        print_err("error: there is not enough memory" + (f": {error}" if str(error) else ""))
        return ExitCode.USAGE
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        print_err(f"error: {error.strerror}: {error.filename or 'no file named'}")
        return ExitCode.USAGE
    print_err(_bug_text(error))
    return ExitCode.BUG


def _holds_interrupt(error: BaseException | None) -> bool:
    """Tell whether Ctrl-C is behind an error: some libraries take it for one of theirs."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _usage_text(error: click.ClickException) -> str:
    text = StringIO()
    error.show(file=text)
    return text.getvalue().rstrip("\n")


def _error_text(error: AugforgeError) -> str:
    # A recipe's diagnostics begin with file, line and column, as editors like it.
    placed = isinstance(error, RecipeError) and ": error: " in str(error).partition("\n")[0]
    return str(error) if placed else f"error: {error}"


def _bug_text(error: Exception) -> str:
    """Write the traceback to a file; return the line that says so."""
    told = "".join(traceback.format_exception(error))
    what = f"error: this is a bug in augforge ({type(error).__name__})"
    about = (
        f"augforge {__version__}, Python {platform.python_version()}, {platform.platform()}\n{sys.argv}\n\n"
    )
    try:
        descriptor, path = tempfile.mkstemp(prefix="augforge-", suffix=".log", text=True)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(about + told)
    except OSError as problem:
        return f"{told}\n{what}; no log could be written: {problem}"
    return f"{what}; please report it with its log, {path}"
