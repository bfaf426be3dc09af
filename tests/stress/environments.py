"""Commands in hostile environments: kernel caches that fail, no home, odd umasks, file systems without locks."""

import errno
import fcntl
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tests.stress import jobs
from tests.stress.outcome import Outcome
from tests.stress.refusals import can_mount, mounted

_COSTS_TIME = "the command succeeds, with at most one warning, which names the folder; the set is sound"
_UNNOTICED = "the command succeeds without a warning"
_ENDED = 600  # seconds after which a command counts as hanging: it may compile all that it needs, on a busy machine
_AT_ONCE = 2
_CACHE_BYTES = 250_000  # more than all kernels take
_NOBODY = 12345  # a user without an entry in the password database
# What flock answers for a lock that is held, or that may be.
_TAKEN = {errno.EAGAIN, errno.EACCES, errno.EALREADY, errno.EINPROGRESS, errno.EINTR}

# Words before a command that set a limit or a mask for it: functions that subprocess calls in the child do not go
# with threads.
_LIMIT = "import os, resource, sys; n = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (n, n))"
_MASK = "import os, sys; os.umask(int(sys.argv[1]))"


def _under(setting: str, value: int) -> tuple[str, ...]:
    return (sys.executable, "-c", f"{setting}; os.execv(sys.argv[2], sys.argv[2:])", str(value))


@dataclass(frozen=True)
class _World:
    """A sound data set, a recipe of it, and a complete kernel cache.

    Attributes
    ----------
    scratch, recipe, dataset, filled : Path
        A folder for what is made, the recipe, the set that it makes, and the cache.
    """

    scratch: Path
    recipe: Path
    dataset: Path
    filled: Path

    def build(self, cache: Path) -> Iterator[str]:
        """Build with a cache; yield what is wrong with what comes out."""
        folder = self.scratch / "made"
        shutil.rmtree(folder, ignore_errors=True)
        yield from self._wrong(_run(["build", self.recipe, "--out", folder, "--quiet"], cache), cache)
        if jobs.contents(folder) != jobs.contents(self.dataset):
            yield "other files were made"

    def apart(self, name: str) -> "_World":
        """Return the same world with a folder of its own for what is made."""
        (self.scratch / name).mkdir()
        return replace(self, scratch=self.scratch / name)

    def verify(self, cache: Path, *before: str) -> Iterator[str]:
        """Verify the sound set with a cache; yield what is wrong with the answer."""
        yield from self._wrong(_run(["verify", self.dataset], cache, *before), cache)

    def _wrong(self, ended: "subprocess.CompletedProcess[str]", cache: Path) -> Iterator[str]:
        if ended.returncode != 0:
            yield f"it ended with {ended.returncode}: {ended.stdout[-200:]} {ended.stderr[-200:]}"
        told = [line for line in ended.stderr.splitlines() if "kernel cache" in line]
        if len(told) > 1 or any(str(cache) not in line for line in told):
            yield f"warnings: {ended.stderr[-400:]}"

    def copy(self) -> Path:
        """Return a copy of the complete cache."""
        folder = self.scratch / "cache"
        shutil.rmtree(folder, ignore_errors=True)
        return Path(shutil.copytree(self.filled, folder))


def _run(arguments: Sequence[object], cache: Path | None, *before: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **({} if cache is None else {"NUMBA_CACHE_DIR": str(cache)})}
    command = [*before, sys.executable, "-m", "augforge", *map(str, arguments)]
    try:
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_ENDED)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -1, "", f"it did not end within {_ENDED} s")


def run(cases: float, scratch: Path) -> Sequence[Outcome]:
    """Try each kind of environment, two at once; those that only root can make are left out for others."""
    world = _World(scratch, _prepare(scratch), scratch / "set", scratch / "filled")
    for arguments in (["build", world.recipe, "--out", world.dataset, "--quiet"], ["verify", world.dataset]):
        _run(arguments, world.filled).check_returncode()
    kinds: dict[str, Callable[[_World], Outcome]] = {
        "damaged": partial(_damaged, count=max(6, round(60 * cases))),
        "not private": partial(_not_private, count=max(1, round(3 * cases))),
        "limited": partial(_limited, count=max(2, round(10 * cases))),
        "umasks": _umasks,
        "at once": partial(_at_once, count=max(1, round(5 * cases))),
        "without locks": partial(_without_locks, cases=cases),
    }
    if can_mount(scratch):
        kinds["full"] = partial(_full, count=max(2, round(10 * cases)))
        kinds["read-only"] = _read_only
    else:
        print("environments: full and read-only disks left out: this process may not mount", flush=True)
    if os.geteuid() == 0 and shutil.which("setpriv"):
        kinds["nobody"] = _nobody
    else:
        print("environments: users without an entry left out: needs root and setpriv", flush=True)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda name: kinds[name](world.apart(name)), kinds))


def _prepare(scratch: Path) -> Path:
    """Write originals, and a recipe without the kernels that take long to compile; return the recipe's path."""
    path = jobs.prepare(scratch)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "rotate" not in line))
    return path


def _cut(path: Path, rng: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])


def _emptied(path: Path, _: random.Random) -> None:
    path.write_bytes(b"")


def _flipped(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
    path.write_bytes(data)


def _garbage(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.randbytes(rng.randrange(1, 100_000)))


def _folder(path: Path, _: random.Random) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path, _: random.Random) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def _damaged(world: _World, count: int) -> Outcome:
    rng, failures = random.Random(3), []
    damages = (_cut, _emptied, _flipped, _garbage, _folder, _pipe)
    for number in range(count):
        damage, cache = damages[number % len(damages)], world.copy()
        files = sorted(cache.glob("*/*.nbc"))
        builds = number // len(damages) % 2 == 0
        for path in rng.sample(files, rng.choice((1, 2))) if builds else files:
            damage(path, rng)
        found = [*(world.build if builds else world.verify)(cache)]
        failures += [f"{number} ({damage.__name__}): {what}" for what in found[:1]]
    return Outcome("kernel cache with damaged files", _COSTS_TIME, count, tuple(failures))


def _not_private(world: _World, count: int) -> Outcome:
    """Let others write to the cache or a parent of it, or own it."""
    modes, tried, failures = (0o777, 0o770, 0o1777, 0o707), 0, []
    for number in range(4 * count):
        cache = world.copy()
        (inner,) = cache.iterdir()
        place = (cache, inner)[number % 2]
        if os.geteuid() == 0 and number % 3 == 2:
            os.chown(place, _NOBODY, _NOBODY)
        elif modes[number % 4] == 0o1777 and place == cache:  # as /tmp, which will do
            inner.chmod(0o777)
        else:
            place.chmod(modes[number % 4])
        before, tried = jobs.contents(cache), tried + 1
        ended = _run(["verify", world.dataset], cache)
        found = [*world._wrong(ended, cache)]
        if "kernel cache" not in ended.stderr or jobs.contents(cache) != before:
            found.append(f"it was used: {ended.stderr[-200:]}")
        failures += [f"{number}: {what}" for what in found[:1]]
    promise = f"{_COSTS_TIME}; the cache is neither read nor written"
    return Outcome("kernel cache that others can change", promise, tried, tuple(failures))


def _limited(world: _World, count: int) -> Outcome:
    """Limit the size of files that a command may write, which ends writing as a full disk does."""
    failures: list[str] = []
    for number in range(count):
        size = 1000 + 90_000 * number // count
        limit = _under(_LIMIT, size)
        cache = world.scratch / f"limited-{number}"
        failures += [f"files of {size} bytes: {what}" for what in world.verify(cache, *limit)]
        left = [path.name for path in cache.rglob("*.tmp")]
        failures += [f"files of {size} bytes: left behind: {left}"] if left else []
        failures += [f"files of {size} bytes, full: {what}" for what in world.verify(world.filled, *limit)]
    return Outcome("kernel cache under a limit on the size of files", _COSTS_TIME, count, tuple(failures))


def _umasks(world: _World) -> Outcome:
    masks, failures = (0o000, 0o002, 0o077, 0o777), []
    for mask in masks:
        cache = world.scratch / f"umask-{mask:o}"
        for _ in range(2):
            ended = _run(["verify", world.dataset], cache, *_under(_MASK, mask))
            if ended.returncode or ended.stderr:
                failures.append(f"umask {mask:03o}: {ended.stdout[-200:]} {ended.stderr[-200:]}")
        if not list(cache.glob("*/*.nbc")):
            failures.append(f"umask {mask:03o}: nothing was kept")
    return Outcome("umask 000, 002, 077, 777", _UNNOTICED, len(masks), tuple(failures))


def _at_once(world: _World, count: int) -> Outcome:
    """Let four commands fill one cache."""
    failures: list[str] = []
    for number in range(count):
        cache = world.scratch / f"shared-{number}"
        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(_run, ["verify", world.dataset], cache) for _ in range(4)]
        ended = [one.result() for one in running]
        failures += [
            f"{number}: {one.returncode} {one.stderr[-200:]}" for one in ended if one.returncode or one.stderr
        ]
        failures += [f"{number}, afterwards: {what}" for what in world.verify(cache)]
    return Outcome("four commands that fill one kernel cache", _UNNOTICED, count, tuple(failures))


def _without_locks(world: _World, cases: float) -> Outcome:
    codes = sorted(set(errno.errorcode) - _TAKEN)
    codes = codes[:: max(1, round(1 / cases))]
    failures: list[str] = []
    for code in codes:
        folder = world.scratch / "unlocked"
        shutil.rmtree(folder, ignore_errors=True)
        ended = jobs.run(folder, ["build", world.recipe, "--out", folder, "--quiet"], prelude=_Answer(code))
        if ended.code != 0 or "has no locks" not in ended.said:
            failures.append(f"{errno.errorcode[code]}: {ended.code} {ended.said[-200:]}")
    promise = "a warning that there are no locks, and the build succeeds"
    return Outcome("flock that answers with any error", promise, len(codes), tuple(failures))


class _Answer:
    """Let flock fail with an error; it travels to the process of the job."""

    def __init__(self, code: int) -> None:
        self.code = code

    def __call__(self) -> None:
        def refuse(*_: object) -> None:
            raise OSError(self.code, os.strerror(self.code))

        fcntl.flock = refuse


def _full(world: _World, count: int) -> Outcome:
    failures: list[str] = []
    for number in range(count):
        size = 8192 + _CACHE_BYTES * number // count
        with mounted(world.scratch / "small", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs") as disk:
            doing = world.build if number % 3 == 0 else world.verify
            failures += [f"{size} bytes: {what}" for what in doing(disk)]
            (disk / "filling").write_bytes(b"")
            _fill(disk / "filling")
            failures += [f"{size} bytes, filled: {what}" for what in world.verify(disk)]
    return Outcome("kernel cache on a full disk (tmpfs)", _COSTS_TIME, count, tuple(failures))


def _fill(path: Path) -> None:
    try:
        with path.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        pass


def _read_only(world: _World) -> Outcome:
    """Mount a complete and an empty cache so that nobody can write to it."""
    failures: list[str] = []
    empty = world.scratch / "empty"
    empty.mkdir()
    for folder, is_complete in ((world.filled, True), (empty, False)):
        with mounted(world.scratch / "fixed", "--bind", str(folder)) as place:
            subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
            found = [*world.build(place)] if is_complete else [*world.verify(place)]
            ended = _run(["verify", world.dataset], place)
            if is_complete == bool(ended.stderr):
                found.append(f"{'complete' if is_complete else 'empty'}: {ended.stderr[-200:]!r}")
            failures += found
    promise = f"{_COSTS_TIME}; a complete one is used without a warning"
    return Outcome("kernel cache on a read-only disk", promise, 2, tuple(failures))


def _nobody(world: _World) -> Outcome:
    """Be a user whom the machine does not know, without HOME, who can read everything and write nowhere."""
    rights = "+dac_override,+dac_read_search"
    become = (
        *("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"),
        *(f"--inh-caps={rights}", f"--ambient-caps={rights}"),
        *("env", "-u", "HOME", "-u", "XDG_CACHE_HOME", "-u", "NUMBA_CACHE_DIR"),
    )
    failures: list[str] = []
    out = world.scratch / "nobody"
    commands = (
        ["info", world.dataset],
        ["verify", world.dataset],
        ["check", world.recipe],
        ["build", world.recipe, "--out", out, "--quiet"],
        ["fetch"],
    )
    for arguments in commands:
        ended = _run(arguments, None, *become)
        named = ended.stderr.count("the kernel cache ~/.cache/augforge/kernels cannot be used")
        unknown = arguments == ["fetch"] and "no home folder is known" in ended.stderr
        if (ended.returncode != 0 and not unknown) or named > 1 or "Traceback" in ended.stderr:
            failures.append(f"{arguments[0]}: {ended.returncode} {ended.stderr[-300:]}")
    promise = "the command succeeds, with at most one warning; `fetch` says that no home is known"
    return Outcome("no HOME and no passwd entry", promise, len(commands), tuple(failures))
