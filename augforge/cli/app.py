"""The command ``augforge``: dispatch commands, and map errors to exit codes.

Commands load on demand and import heavy packages inside their functions, so ``augforge --help`` is immediate.
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
from augforge.cli.output import ReaderGoneError, flush_stdout, open_closed_streams, print_err
from augforge.errors import AugforgeError, RecipeError, did_you_mean

# In the order of use; each is a module of `augforge.cli.commands`.
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

# The system's refusals are no bugs, wherever they surface.
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
    """Group that imports its commands on demand."""

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
                f"unknown command '{name}'.{did_you_mean(name, COMMANDS)} Commands: {', '.join(COMMANDS)}"
            )
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # click takes any broken pipe for stdout's and exits silently. Stdout's own raises `ReaderGoneError`.
            raise RuntimeError(f"a connection was lost: {error}") from error


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="augforge", message="%(prog)s %(version)s")
def app() -> None:
    """Generate augmented image data sets from recipes, deterministically and fast.

    A recipe lists the distortions; `augforge check realistic` examines a ready one.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Command-line arguments; by default those of this process.

    Returns
    -------
    int
        Exit code: 0 success, 1 a check found something, 2 wrong usage, recipe or data, 3 a bug (with the path of
        a log on stderr), 130 interrupted.
    """
    open_closed_streams()
    try:
        code = app.main(args=arguments, prog_name="augforge", standalone_mode=False)
        flush_stdout()
    except ReaderGoneError:
        return ExitCode.OK
    except click.ClickException as error:
        print_err(_format_usage(error))
        return ExitCode.USAGE
    except AugforgeError as error:
        print_err(_format_error(error))
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort) as error:
        print_err(str(error) or "interrupted")
        return ExitCode.INTERRUPTED
    except Exception as error:
        return _handle_other(error)
    return int(code or 0)


def _handle_other(error: Exception) -> int:
    """Report an error of another package; return the exit code."""
    if _holds_interrupt(error):
        print_err("interrupted")
        return ExitCode.INTERRUPTED
    if isinstance(error, MemoryError):
        print_err("error: not enough memory" + (f": {error}" if str(error) else ""))
        return ExitCode.USAGE
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        print_err(f"error: {error.strerror}: {error.filename or 'unknown file'}")
        return ExitCode.USAGE
    print_err(_log_bug(error))
    return ExitCode.BUG


def _holds_interrupt(error: BaseException | None) -> bool:
    """Check whether Ctrl-C caused an error; some libraries wrap it in their own."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _format_usage(error: click.ClickException) -> str:
    text = StringIO()
    error.show(file=text)
    return text.getvalue().rstrip("\n")


def _format_error(error: AugforgeError) -> str:
    # A recipe's diagnostics begin with file, line and column, so editors can jump there.
    has_position = isinstance(error, RecipeError) and ": error: " in str(error).partition("\n")[0]
    return str(error) if has_position else f"error: {error}"


def _log_bug(error: Exception) -> str:
    """Write a log with the traceback; return a message that names it."""
    trace = "".join(traceback.format_exception(error))
    message = f"error: this is a bug in augforge ({type(error).__name__})"
    system = f"augforge {__version__}, Python {platform.python_version()}, {platform.platform()}"
    try:
        descriptor, path = tempfile.mkstemp(prefix="augforge-", suffix=".log", text=True)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{system}\n{sys.argv}\n\n{trace}")
    except OSError as problem:
        return f"{trace}\n{message}; cannot write a log: {problem}"
    return f"{message}; please report it with its log, {path}"
