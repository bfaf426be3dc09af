"""Progress on stderr: bars on a terminal, and lines of builds elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from augforge.callbacks import ignore
from augforge.cli.output import format_seconds, make_console, print_err

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

    from augforge.building import BuildPlan, Progress

# Print a line after each tenth, or after this many seconds, but at most one a second.
_LINE_PERCENT = 10
_LINE_EVERY = 30.0
_LINE_NOT_WITHIN = 1.0
_COMPILING = "compiling kernels (once)"


class CompilingNotice:
    """Notice that kernels compile (up to half a minute), once a command."""

    def __init__(self, say: Callable[[str], None] = print_err) -> None:
        self._say = say
        self._is_said = False

    def __call__(self) -> None:
        """Print the notice on the first call."""
        if not self._is_said:
            self._is_said = True
            self._say(_COMPILING)


@contextmanager
def announce_compiling(*, quiet: bool = False) -> Iterator[CompilingNotice]:
    """Announce when this thread compiles; yield the notice for other threads."""
    from augforge._platform.compile_events import report_compiling

    notice = CompilingNotice(ignore if quiet else print_err)
    with report_compiling(notice):
        yield notice


@contextmanager
def show_build_progress(
    plan: "BuildPlan", *, quiet: bool, notice: CompilingNotice | None = None
) -> Iterator[Callable[["Progress"], None]]:
    """Show a build's progress; yield a thread-safe callback."""
    console = make_console()
    if quiet:
        yield ignore
    elif can_show_bars(console):
        with _show_bar(console, plan) as on_progress:
            yield on_progress
    else:
        yield BuildLines(notice=notice).show


class BuildLines:
    """Progress of a build as a few lines of text."""

    def __init__(
        self,
        say: Callable[[str], None] = print_err,
        now: Callable[[], float] = time.monotonic,
        notice: CompilingNotice | None = None,
    ) -> None:
        self._say = say
        self._now = now
        self._lock = threading.Lock()
        self._shown: tuple[float, int] | None = None
        self._notice = notice or CompilingNotice(say)

    def show(self, progress: "Progress") -> None:
        """Print a line, if one is due."""
        with self._lock:
            now, percent = self._now(), 100 * progress.samples // progress.total_samples
            if self._shown is None:
                # The first report comes before any sample is made.
                self._shown = now, percent
            if progress.compiling:
                self._notice()
            then, before = self._shown
            due = percent - before >= _LINE_PERCENT or now - then >= _LINE_EVERY
            if due and now - then >= _LINE_NOT_WITHIN:
                self._shown = now, percent
                self._say(format_progress(progress))


def format_progress(progress: "Progress") -> str:
    """Format a build's progress as one line."""
    percent = 100 * progress.samples // progress.total_samples
    head = f"{percent:3} %  {progress.samples:,} of {progress.total_samples:,} samples"
    return ", ".join([head, *_format_speed(progress)])


def _format_speed(progress: "Progress") -> tuple[str, ...]:
    """Format rate and time left; empty while unknown."""
    left = progress.seconds_left
    return () if left is None else (f"{progress.rate:,.0f} samples/s", f"{format_seconds(left)} left")


def can_show_bars(console: "Console") -> bool:
    """Check whether a console can draw progress bars."""
    return console.is_terminal and not console.is_dumb_terminal


@contextmanager
def show_progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal; yield a callback of done and total."""
    console = make_console()
    if not can_show_bars(console):
        yield ignore
        return
    with _open_bar(console, title) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _show_bar(console: "Console", plan: "BuildPlan") -> Iterator[Callable[["Progress"], None]]:
    counts = "{task.completed:,.0f} of {task.total:,.0f} samples"
    with _open_bar(console, plan.recipe.name, counts, "{task.fields[speed]}") as bar:
        task = bar.add_task("", total=plan.samples, completed=plan.kept_samples, speed="")

        def on_progress(progress: "Progress") -> None:
            speed = _COMPILING if progress.compiling else ", ".join(_format_speed(progress))
            bar.update(task, completed=progress.samples, speed=speed)

        yield on_progress


def _open_bar(console: "Console", title: str, *texts: str) -> "Bar":
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn(title, markup=False), BarColumn(), TaskProgressColumn())
    more = (TextColumn(text, markup=False) for text in texts)
    return Progress(*columns, *more, console=console, transient=True)
