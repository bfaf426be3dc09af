"""Builds, extensions and repairs, killed at every step that they take on disk, and at random moments."""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from augforge.building.replacement import files_of_dataset
from augforge.errors import AugforgeError
from augforge.forge import Forge
from augforge.format.layout import REPLACEMENT
from augforge.integrity.verification import Kind, verify
from augforge.reading.reader import ShardReader
from augforge.writing.shard_plan import ShardPlan
from tests.stress import jobs
from tests.stress.outcome import Outcome
from tests.stress.steps import Fault

_PROMISE = (
    "run again, it gives the same files as an undisturbed run; at no time a manifest over an incomplete set"
)
_LIKE_KILLED = -9


@dataclass(frozen=True)
class Job:
    """Something that is done to a folder.

    Attributes
    ----------
    name : str
        What, in a few words.
    arguments : tuple of str
        Of the command line; FOLDER stands for the folder.
    before : Path, optional
        The folder as it is before.
    after : Path
        The folder as it must be afterwards.
    holds : bool
        Whether the set that is there before stays sound until another one is complete, be it there or about to be
        moved there.
    prelude : callable, optional
        Called in the process first, to let the disk seem small, say.
    """

    name: str
    arguments: tuple[str, ...]
    before: Path | None
    after: Path
    holds: bool = False
    prelude: Callable[[], None] | None = None

    def words(self, folder: Path, workers: int = 1) -> tuple[str, ...]:
        """Return the arguments for a folder."""
        more = ("--workers", str(workers)) if self.arguments[0] == "build" else ()
        return (*(str(folder) if word == "FOLDER" else word for word in self.arguments), *more)


def jobs_of(scratch: Path) -> tuple[Job, ...]:
    """Make the data sets that jobs begin with and end with."""
    recipe = str(jobs.prepare(scratch))
    build = ("build", recipe, "--out", "FOLDER", "--quiet")
    extend = (*build, "--set", "variants=3")
    zstd = (*build, "--set", "output.compression=zstd")
    repair = ("verify", "FOLDER", "--repair")
    sets = {name: scratch / name for name in ("plain", "compressed", "extended", "other", "damaged", "lost")}
    for name, words in (("plain", build), ("compressed", zstd), ("other", (*build, "--set", "seed=8"))):
        _done(sets[name], words)
    shutil.copytree(sets["plain"], sets["extended"])
    _done(sets["extended"], extend)
    shutil.copytree(sets["plain"], sets["damaged"])
    os.truncate(sets["damaged"] / "shards" / "tiny-00000.h5", 5000)
    (sets["damaged"] / "receipts" / "00001.json").unlink()
    shutil.copytree(sets["compressed"], sets["lost"])
    (sets["lost"] / "shards" / "tiny-00001.h5").unlink()
    (sets["lost"] / "manifest.json").unlink()
    return (
        Job("build", build, None, sets["plain"]),
        Job("compressed build", zstd, None, sets["compressed"]),
        Job("extension", extend, sets["plain"], sets["extended"], holds=True),
        Job("repair", repair, sets["damaged"], sets["plain"]),
        Job("repair of a compressed set without manifest", repair, sets["lost"], sets["compressed"]),
        Job("replacing", (*build, "--overwrite"), sets["other"], sets["plain"], holds=True),
        Job(
            "replacing without room for both",
            (*build, "--overwrite"),
            sets["other"],
            sets["plain"],
            prelude=without_room_for_both,
        ),
    )


def without_room_for_both() -> None:
    """Let the disk seem to have room for one and a half data sets only."""
    from augforge.building import plan

    divide = plan.divide_into_shards
    sizes = []

    def divide_and_record(forge: Forge) -> ShardPlan:
        shards = divide(forge)
        sizes.append(shards.bytes)
        return shards

    def measure(folder: Path) -> int:
        return sizes[-1] * 3 // 2 - sum(one.stat().st_size for one in files_of_both(folder))

    plan.divide_into_shards = divide_and_record
    plan.measure_free_bytes = measure


def files_of_both(folder: Path) -> Iterator[Path]:
    """Yield the shards and receipts of a data set and of its replacement."""
    for place in (folder, folder / REPLACEMENT):
        yield from files_of_dataset(place)


def _done(folder: Path, words: Sequence[str]) -> None:
    ended = jobs.run(folder, [str(folder) if word == "FOLDER" else word for word in words])
    if ended.code != 0:
        raise RuntimeError(f"{words} ended with {ended.code}: {ended.said}")


def run(cases: float, scratch: Path) -> Sequence[Outcome]:
    """Kill jobs at all their steps, and builds at random moments."""
    listed = jobs_of(scratch)
    at_steps = [_at_steps(job, scratch / "set", cases) for job in listed]
    at_random = [
        _at_random(listed[0], scratch / "set", round(60 * cases), "threads", "threads"),
        _at_random(listed[1], scratch / "set", round(40 * cases), "threads", "threads, compressed"),
        _at_random(listed[2], scratch / "set", round(40 * cases), "threads", "threads, extension"),
        _at_random(listed[0], scratch / "set", round(20 * cases), "processes", "processes"),
    ]
    return [*at_steps, *(outcome for outcome in at_random if outcome.tried or outcome.failures)]


def _at_steps(job: Job, folder: Path, cases: float) -> Outcome:
    steps = undisturbed(job, folder)
    places = [(step, kind) for step in range(len(steps)) for kind in ("kill", "torn")]
    count = min(len(places), max(1, round(len(places) * cases)))
    failures: list[str] = []
    for at in range(count):
        step, kind = places[at * len(places) // count]
        begin(job, folder)
        ended = jobs.run(folder, job.words(folder), Fault(step, kind), prelude=job.prelude)
        found = list(_wrong_after(job, folder, ended))
        failures += [f"{job.name}, {kind} at step {step} ({steps[step]}): {what}" for what in found[:1]]
    return Outcome(f"SIGKILL at a step on disk: {job.name}", _PROMISE, count, tuple(failures))


def _at_random(job: Job, folder: Path, count: int, place: str, name: str) -> Outcome:
    rng = random.Random(7)
    failures: list[str] = []
    # Processes take most of the time to start.
    earliest, prelude = (0, None) if place == "threads" else (0.5, in_processes)
    begin(job, folder)
    started = time.monotonic()
    jobs.run(folder, job.words(folder, workers=2), prelude=prelude)
    seconds = time.monotonic() - started
    killed = 0
    for _ in range(20 * count):
        if killed == count:
            break
        begin(job, folder)
        after = seconds * rng.uniform(earliest, 1)
        ended = jobs.run(folder, job.words(folder, workers=2), after=after, prelude=prelude)
        killed += ended.code == _LIKE_KILLED  # it may have been quicker
        found = list(_wrong_after(job, folder, ended, may_finish=True))
        failures += [f"{name}, killed after {after:.4f} s: {what}" for what in found[:1]]
    if killed < count:
        failures.append(f"only {killed} of {count} were killed in time")
    return Outcome(f"SIGKILL at a random moment: build, {name}", _PROMISE, killed, tuple(failures))


def in_processes() -> None:
    """Let builds use processes for however little."""
    from augforge.building import job

    job._PROCESSES_ABOVE = 0


def undisturbed(job: Job, folder: Path) -> tuple[str, ...]:
    """Run a job, which must succeed; return its steps."""
    begin(job, folder)
    ended = jobs.run(folder, job.words(folder), prelude=job.prelude)
    if ended.code != 0 or not ended.steps:
        raise RuntimeError(f"{job.name} ended with {ended.code} after {len(ended.steps)} steps: {ended.said}")
    return ended.steps


def begin(job: Job, folder: Path) -> None:
    """Make a folder as it is before a job."""
    shutil.rmtree(folder, ignore_errors=True)
    if job.before is not None:
        shutil.copytree(job.before, folder)


def _wrong_after(job: Job, folder: Path, ended: jobs.Ended, *, may_finish: bool = False) -> Iterator[str]:
    """Yield what is wrong with a folder after a job was killed, and after it was run again."""
    if ended.code != _LIKE_KILLED and not (may_finish and ended.code == 0):
        yield f"it was not killed, but ended with {ended.code}: {ended.said}"
    if (folder / "manifest.json").exists():
        yield from wrong_with_set(job, folder)
    elif job.holds and not is_about_to_be_replaced(folder):
        yield "the set that was there is gone"
    again = jobs.run(folder, job.words(folder), prelude=job.prelude)
    if again.code != 0:
        yield f"run again, it ended with {again.code}: {again.said}"
    yield from differences(folder, job.after)


def is_about_to_be_replaced(folder: Path) -> bool:
    """Tell whether a complete set was just being moved into the place of another one."""
    return (folder / REPLACEMENT / "manifest.json").exists()


def differences(folder: Path, other: Path) -> Iterator[str]:
    """Yield in which files a folder differs from what it must be."""
    there, wanted = jobs.contents(folder), jobs.contents(other)
    if there != wanted:
        differ = sorted(name for name in there.keys() | wanted if there.get(name) != wanted.get(name))
        yield f"these differ: {', '.join(differ)}"


def wrong_with_set(job: Job, folder: Path) -> Iterator[str]:
    """Yield what is wrong with a set that has a manifest, beyond what was wrong before the job."""
    had_manifest = job.before is not None and (job.before / "manifest.json").exists()
    damaged = verify(job.before).damaged_shards if job.before and had_manifest else ()
    for defect in verify(folder).defects:
        if defect.kind is not Kind.STALE and defect.shard not in damaged:
            yield f"under a manifest: {defect}"
    if not damaged:
        try:
            reader = ShardReader(folder)
            reader.read([0, len(reader) - 1], ("image", "label"))
        except AugforgeError as error:
            yield f"not readable: {error}"
