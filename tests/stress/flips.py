"""Data sets that are damaged at random, verified and repaired."""

import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from augforge.building import build
from augforge.integrity import repair
from augforge.integrity.verification import verify
from augforge.recipe import load_recipe
from tests.stress import jobs
from tests.stress.kills import jobs_of
from tests.stress.outcome import Outcome

_NAMED = "verify names exactly the damaged files"
_REPAIRED = "the set is as it was, to the bit"
_SECONDS = 10  # that no case may take
_PAGE = 4096

# The files of a data set, by their paths from its folder.
Files = dict[str, bytes]


def flipped(rng: random.Random, files: Files, _other: Files) -> Files:
    """Change one byte."""
    name = _one_of(rng, files)
    data = bytearray(files[name])
    data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
    return {name: bytes(data)}


def truncated(rng: random.Random, files: Files, _other: Files) -> Files:
    """Cut a file off somewhere."""
    name = _one_of(rng, files)
    return {name: files[name][: rng.randrange(len(files[name]))]}


def appended(rng: random.Random, files: Files, _other: Files) -> Files:
    """Add bytes, or the file itself, to a file."""
    name = _one_of(rng, files)
    return {
        name: files[name] + rng.choice([rng.randbytes(rng.randrange(1, 9000)), b"\0", b"\n", files[name]])
    }


def swapped(rng: random.Random, files: Files, _other: Files) -> Files:
    """Let two shards, or two receipts, change places."""
    place = rng.choice(["shards/", "receipts/"])
    one, other = rng.sample(sorted(name for name in files if name.startswith(place)), 2)
    return {one: files[other], other: files[one]}


def of_another_set(rng: random.Random, _files: Files, other: Files) -> Files:
    """Put files of another data set in place of those of the same names: a shard, its receipt or both."""
    shard = rng.choice(sorted(name for name in other if name.startswith("shards/")))
    receipt = f"receipts/{shard[-8:-3]}.json"
    return {name: other[name] for name in rng.choice([(shard,), (receipt,), (shard, receipt)])}


def zeroed(rng: random.Random, files: Files, _other: Files) -> Files:
    """Fill one page of a file with zeros."""
    name = _one_of(rng, files)
    begin = rng.randrange(0, len(files[name]), _PAGE)
    page = files[name][begin : begin + _PAGE]
    return {name: files[name][:begin] + bytes(len(page)) + files[name][begin + len(page) :]}


def _one_of(rng: random.Random, files: Files) -> str:
    """Choose a file, each kind of them as often."""
    kinds = sorted({name.partition("/")[0] for name in files})
    kind = rng.choice(kinds)
    return rng.choice(sorted(name for name in files if name.partition("/")[0] == kind))


_DAMAGES: dict[str, tuple[Callable[[random.Random, Files, Files], Files], int]] = {
    "one byte flipped": (flipped, 6000),
    "a file cut off": (truncated, 1500),
    "bytes appended": (appended, 500),
    "a page zeroed": (zeroed, 1000),
    "shards or receipts swapped": (swapped, 300),
    "files of another data set": (of_another_set, 400),
}


def run(cases: float, scratch: Path) -> Sequence[Outcome]:
    """Damage uncompressed, compressed and extended sets."""
    made = {job.name: job.after for job in jobs_of(scratch)}
    sets = [made["build"], made["compressed build"], made["extension"]]
    trial = _Trial(scratch, sets, scratch / "other")
    rng = random.Random(13)
    outcomes = []
    for what, (damage, count) in _DAMAGES.items():
        tried = max(3, round(count * cases))
        failures = [wrong for number in range(tried) for wrong in trial.verified(rng, number, damage)]
        outcomes.append(Outcome(f"damage: {what}", _NAMED, tried, tuple(failures)))
    tried = max(6, round(120 * cases))
    damages = [damage for damage, _ in _DAMAGES.values()]
    failures = [
        wrong
        for number in range(tried)
        for wrong in trial.repaired(rng, number, damages[number % len(damages)])
    ]
    outcomes.append(Outcome("damage, then `verify --repair`", _REPAIRED, tried, tuple(failures)))
    return outcomes


class _Trial:
    """Sets to be damaged, kept in memory to be put back."""

    def __init__(self, scratch: Path, sets: Sequence[Path], other: Path) -> None:
        self._folders = [Path(shutil.copytree(one, scratch / f"{one.name} damaged")) for one in sets]
        self._files = [jobs.contents(folder) for folder in self._folders]
        self._other = jobs.contents(other)

    def verified(
        self, rng: random.Random, number: int, damage: Callable[[random.Random, Files, Files], Files]
    ) -> Iterator[str]:
        """Damage a set and put it back; yield what verifying did not find as it is."""
        which = number % len(self._folders)
        folder, files, changed = self._damaged(rng, which, damage)
        begun = time.monotonic()
        try:
            found = {defect.file for defect in verify(folder).defects}
        except Exception as error:  # whatever it is
            yield f"{self._said(which, number, changed)}: {error!r}"
        else:
            if found != changed.keys():
                yield f"{self._said(which, number, changed)}: found were {sorted(found)}"
        if time.monotonic() - begun > _SECONDS:
            yield f"{self._said(which, number, changed)}: it took {time.monotonic() - begun:.0f} s"
        for name in changed:
            (folder / name).write_bytes(files[name])

    def repaired(
        self, rng: random.Random, number: int, damage: Callable[[random.Random, Files, Files], Files]
    ) -> Iterator[str]:
        """Damage a set and repair it; yield what is not as it was."""
        # Damages change from case to case: each kind meets each set.
        which = number // len(_DAMAGES) % len(self._folders)
        folder, files, changed = self._damaged(rng, which, damage)
        try:
            done = repair(folder)
            if {defect.file for defect in done.after.defects} != changed.keys() & {"recipe.yaml"}:
                yield f"{self._said(which, number, changed)}: it says {done.after.defects}"
            if not done.after.sound:
                self._build_again(which, folder)
        except Exception as error:  # whatever it is
            yield f"{self._said(which, number, changed)}: {error!r}"
        if jobs.contents(folder) != files:
            yield f"{self._said(which, number, changed)}: it is not as it was"
            shutil.rmtree(folder)
            for name, data in files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(data)

    def _build_again(self, which: int, folder: Path) -> None:
        """Put the recipe back, which nothing but a build can."""
        overrides = ((), ("output.compression=zstd",), ("variants=3",))[which]
        build(load_recipe(folder.parent / "tiny.yaml", overrides), folder)

    def _damaged(
        self, rng: random.Random, which: int, damage: Callable[[random.Random, Files, Files], Files]
    ) -> tuple[Path, Files, Files]:
        folder, files = self._folders[which], self._files[which]
        changed: Files = {}
        while not changed:  # a page may hold zeros already
            changed = {
                name: data for name, data in damage(rng, files, self._other).items() if data != files[name]
            }
        for name, data in changed.items():
            (folder / name).write_bytes(data)
        return folder, files, changed

    def _said(self, which: int, number: int, changed: Files) -> str:
        return f"{self._folders[which].name}, case {number}, {', '.join(changed)}"
