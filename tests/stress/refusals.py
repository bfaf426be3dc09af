"""Builds, extensions and repairs of which the operating system refuses one step, or all from one on."""

import errno
import os
import random
import resource
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from augforge.format.commit_records import read_manifest
from augforge.integrity.verification import verify
from augforge.temporaries import is_temporary
from tests.stress import jobs
from tests.stress.kills import (
    Job,
    begin,
    differences,
    is_about_to_be_replaced,
    jobs_of,
    undisturbed,
    wrong_with_set,
)
from tests.stress.outcome import Outcome
from tests.stress.steps import Fault

_PROMISE = (
    "an error with its cause, no temporary file; run again, it gives the same files as an undisturbed run"
)
_CODES = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.ENOENT)


def run(cases: float, scratch: Path) -> Sequence[Outcome]:
    """Refuse steps, one or all from one on, and let disks be full."""
    listed = jobs_of(scratch)
    outcomes = [_refused(job, scratch / "set", cases) for job in listed]
    outcomes += [_gone(job, scratch / "set", cases) for job in listed]
    outcomes.append(_short_writes(listed, scratch / "set"))
    outcomes.append(_large_files(listed[:2], scratch / "set", max(2, round(30 * cases))))
    if can_mount(scratch):
        outcomes.append(_full_disks(listed[:3], scratch, max(2, round(40 * cases))))
    else:
        print("refusals: full disks left out: this process may not mount", flush=True)
    return outcomes


def _refused(job: Job, folder: Path, cases: float) -> Outcome:
    steps = undisturbed(job, folder)
    rng = random.Random(11)
    places = [(step, lasting) for step in range(len(steps)) for lasting in (False, True)]
    count = min(len(places), max(1, round(len(places) * cases)))
    failures: list[str] = []
    for at in range(count):
        step, lasting = places[at * len(places) // count]
        code = rng.choice(_CODES)
        begin(job, folder)
        ended = jobs.run(
            folder, job.words(folder), Fault(step, "refused", code, lasting), prelude=job.prelude
        )
        removing = steps[step].startswith(("unlink", "rmdir"))
        # A folder that is there already need not be made.
        harmless = removing or steps[step].startswith("mkdir")
        found = ["it went on as if nothing had been"] if ended.code == 0 and not harmless else []
        found += wrong_after(job, folder, ended, os.strerror(code), removing=removing)
        refused = f"{errno.errorcode[code]}{' from' if lasting else ' at'} step {step} ({steps[step]})"
        failures += [f"{job.name}, {refused}: {what}" for what in found[:1]]
    return Outcome(f"a step on disk refused: {job.name}", _PROMISE, count, tuple(failures))


def _gone(job: Job, folder: Path, cases: float) -> Outcome:
    """Remove the whole folder under a build."""
    steps = undisturbed(job, folder)
    count = max(2, round(len(steps) * cases))
    failures: list[str] = []
    for step in range(0, len(steps), -(-len(steps) // count)):
        begin(job, folder)
        ended = jobs.run(folder, job.words(folder), Fault(step, "gone"), prelude=job.prelude)
        # What was published before is looked for at the end, and what is to be repaired at the beginning.
        causes = ("is missing", "holds no data set", "no such folder", os.strerror(errno.ENOENT))
        cause = next((one for one in causes if one in ended.said), causes[-1])
        # A repair that is refused says once more what is wrong, if the folder is still there.
        codes = (2,) if job.arguments[0] == "build" else (1, 2)
        found = list(wrong_with_end(ended, cause, codes))
        # With its manifest in place a set is complete, whatever becomes of it afterwards.
        if ended.code == 0 and "replace /manifest.json" not in steps[:step]:
            found += _other_samples(folder, job.after)
        if job.before is not None:
            begin(job, folder)
        if jobs.run(folder, job.words(folder)).code != 0:
            found.append("it could not be run again")
        found += differences(folder, job.after)
        failures += [f"{job.name}, folder gone at step {step} ({steps[step]}): {what}" for what in found[:1]]
    promise = "an error with its cause; run again, it gives the same files as an undisturbed run"
    return Outcome(f"folder removed under a running job: {job.name}", promise, count, tuple(failures))


def _other_samples(folder: Path, other: Path) -> Iterator[str]:
    """Yield what is wrong with a set that was made from nothing: its shards may end elsewhere."""
    found = verify(folder)
    if not found.sound or found.manifest is None:
        yield f"it went on as if nothing had been, and {len(found.defects)} files are wrong"
    elif found.manifest.content_hash != read_manifest(other).content_hash:
        yield "other samples were made"


def wrong_after(
    job: Job, folder: Path, ended: jobs.Ended, cause: str, *, removing: bool = False
) -> Iterator[str]:
    """Yield what is wrong after something was refused, and after the job was run again.

    Where it was removing a temporary file that was refused, the job may do as if nothing had been.
    """
    yield from wrong_with_end(ended, cause, (2,) if job.arguments[0] == "build" else (1,))
    left = [path.name for path in folder.rglob("*") if is_temporary(path)]
    if left and not removing:
        yield f"left behind: {', '.join(left)}"
    if (folder / "manifest.json").exists():
        yield from wrong_with_set(job, folder)
    elif job.holds and not is_about_to_be_replaced(folder):
        yield "the set that was there is gone"
    again = jobs.run(folder, job.words(folder), prelude=job.prelude)
    if again.code != 0:
        yield f"run again, it ended with {again.code}: {again.said}"
    yield from differences(folder, job.after)


def wrong_with_end(ended: jobs.Ended, cause: str, codes: Sequence[int]) -> Iterator[str]:
    """Yield what is wrong with how a job ended that was refused something."""
    if ended.code == 0:
        return
    if ended.code not in codes:
        yield f"it ended with {ended.code}: {ended.said}"
    if cause not in ended.said:
        yield f"it does not say '{cause}': {ended.said}"
    if "Traceback" in ended.said:
        yield f"a traceback: {ended.said}"


def _short_writes(listed: Sequence[Job], folder: Path) -> Outcome:
    failures: list[str] = []
    for job in listed:
        begin(job, folder)
        ended = jobs.run(folder, job.words(folder), prelude=write_little)
        if ended.code != 0:
            failures.append(f"{job.name}: {ended.said}")
        failures += [f"{job.name}: {what}" for what in differences(folder, job.after)]
    promise = "as if they were whole"
    return Outcome("short writes", promise, len(listed), tuple(failures))


def write_little() -> None:
    """Let each call write at most 1,000 bytes."""
    pwrite = os.pwrite
    os.pwrite = lambda descriptor, data, offset: pwrite(descriptor, data[:1000], offset)


def _large_files(listed: Sequence[Job], folder: Path, count: int) -> Outcome:
    """Limit the size of files (ulimit -f), as some batch systems do."""
    failures: list[str] = []
    refused = 0
    for number in range(count):
        job = listed[number % len(listed)]
        begin(job, folder)
        limit = _Limit(1000 + 120_000 * number // count)
        ended = jobs.run(folder, job.words(folder), prelude=limit)
        refused += ended.code != 0
        found = list(wrong_after(job, folder, ended, os.strerror(errno.EFBIG)))
        failures += [f"{job.name}, files of {limit.size} bytes: {what}" for what in found[:1]]
    if not refused:
        failures.append("no limit was met")
    return Outcome("a limit on the size of files", _PROMISE, refused, tuple(failures))


class _Limit:
    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, self.size))


def _full_disks(listed: Sequence[Job], scratch: Path, count: int) -> Outcome:
    failures: list[str] = []
    full = 0
    for number in range(count):
        job = listed[number % len(listed)]
        before = sum(len(data) for data in jobs.contents(job.before).values()) if job.before else 0
        size = before + 16_384 + 160_000 * number // count
        with mounted(scratch / "disk", "-t", "tmpfs", "-o", f"size={size}", "tmpfs") as disk:
            folder = disk / "set"
            try:
                begin(job, folder)
            except (OSError, shutil.Error):
                continue  # not even what is there before fits
            ended = jobs.run(folder, job.words(folder), prelude=_believe_in_space)
            full += ended.code != 0
            subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
            found = list(wrong_after(job, folder, ended, os.strerror(errno.ENOSPC)))
            failures += [f"{job.name}, a disk of {size} bytes: {what}" for what in found[:1]]
    if not full:
        failures.append("no disk became full")
    return Outcome("a full disk (tmpfs)", _PROMISE, full, tuple(failures))


def _believe_in_space() -> None:
    """Leave out the look at free space, as if the disk had been filled by somebody else afterwards."""
    from augforge.building.plan import BuildPlan

    BuildPlan.check_space = lambda *_: None  # type: ignore[method-assign]


def can_mount(scratch: Path) -> bool:
    """Tell whether this process may mount."""
    try:
        with mounted(scratch / "trial", "-t", "tmpfs", "tmpfs"):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@contextmanager
def mounted(place: Path, *how: str) -> Iterator[Path]:
    """Mount something for a while."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", *how, place], check=True, capture_output=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
