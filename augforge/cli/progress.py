"""How far something is, for people: a bar on a terminal; of a build also a line now and then elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from augforge.cli.output import format_seconds, make_console, print_err

if TYPE_CHECKING:
    from rich.console import Console

    from augforge.building import BuildPlan, Progress

# A line comes when a tenth more is done or so many seconds have passed, but not twice in a second.
_LINE_EVERY = 30.0
_LINE_NOT_WITHIN = 1.0
_LINE_PERCENT = 10
_COMPILING = "compiling kernels (once)"


class CompilingNotice:
    """Announce compiling, which may take half a minute, once for each command."""

    def __init__(self, say: Callable[[str], None] = print_err) -> None:
        self._say = say
        self._is_said = False

    def __call__(self) -> None:
        """Print the notice, unless it was printed."""
        if not self._is_said:
            self._is_said = True
            self._say(_COMPILING)


@contextmanager
def announce_compiling(*, quiet: bool = False) -> Iterator[CompilingNotice]:
    """Announce when this thread starts compiling; give the notice, for other threads to share."""
    from augforge._platform.compile_events import report_compiling

    notice = CompilingNotice(_nothing if quiet else print_err)
    with report_compiling(notice):
        yield notice


@contextmanager
def show_build_progress(
    plan: "BuildPlan", *, quiet: bool, notice: CompilingNotice | None = None
) -> Iterator[Callable[["Progress"], None]]:
    """Give what is to be called with a build's progress; it may be called from any thread."""
    console = make_console()
    if quiet:
        yield _nothing
    elif _shows_bars(console):
        with _bar(console, plan) as on_progress:
            yield on_progress
    else:
        yield Lines(notice=notice).show


class Lines:
    """Progress as plain lines on stderr, few of them."""

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
        """Say how far the build is, if it is time to."""
        with self._lock:
            now, percent = self._now(), 100 * progress.samples // progress.total_samples
            if self._shown is None:
                # The first report comes before anything is made.
                self._shown = now, percent
            if progress.compiling:
                self._notice()
            then, before = self._shown
            due = percent - before >= _LINE_PERCENT or now - then >= _LINE_EVERY
            if due and now - then >= _LINE_NOT_WITHIN:
                self._shown = now, percent
                self._say(format_progress(progress))


def format_progress(progress: "Progress") -> str:
    """Return how far a build is in one line."""
    percent = 100 * progress.samples // progress.total_samples
    head = f"{percent:3} %  {progress.samples:,} of {progress.total_samples:,} samples"
    return ", ".join([head, *_speed_texts(progress)])


def _speed_texts(progress: "Progress") -> tuple[str, ...]:
    """Format the rate and the time left, once they are known."""
    left = progress.seconds_left
    return () if left is None else (f"{progress.rate:,.0f} samples/s", f"{format_seconds(left)} left")


def _nothing(*_progress: object) -> None:
    pass


def _shows_bars(console: "Console") -> bool:
    return console.is_terminal and not console.is_dumb_terminal


@contextmanager
def show_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give what is to be called with how much is done, and of how much: a bar on a terminal, nothing elsewhere."""
    console = make_console()
    if not _shows_bars(console):
        yield _nothing
        return
    from rich import progress as rich_progress

    columns = (
        rich_progress.TextColumn(what, markup=False),
        rich_progress.BarColumn(),
        rich_progress.TaskProgressColumn(),
    )
    with rich_progress.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


@contextmanager
def _bar(console: "Console", plan: "BuildPlan") -> Iterator[Callable[["Progress"], None]]:
    from rich import progress as rich_progress

    columns = (
        rich_progress.TextColumn(plan.recipe.name, markup=False),
        rich_progress.BarColumn(),
        rich_progress.TaskProgressColumn(),
        rich_progress.TextColumn("{task.completed:,.0f} of {task.total:,.0f} samples", markup=False),
        rich_progress.TextColumn("{task.fields[speed]}", markup=False),
    )
    with rich_progress.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=plan.samples, completed=plan.kept_samples, speed="")

        def on_progress(progress: "Progress") -> None:
            speed = _COMPILING if progress.compiling else ", ".join(_speed_texts(progress))
            bar.update(task, completed=progress.samples, speed=speed)

        yield on_progress
