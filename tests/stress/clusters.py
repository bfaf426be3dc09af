"""Builds on a cluster on loopback whose workers and scheduler are killed at random."""

import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from distributed import Client

import augforge
from augforge.building import cluster_executor, plan_build
from augforge.errors import BuildError
from augforge.format.layout import SHARDS
from augforge.integrity.verification import Kind, verify
from augforge.recipe import Recipe
from tests.building.conftest import Cluster, until
from tests.stress.outcome import Outcome

TEXT = """
version: 1
name: stressed
source: {{dataset: mnist-10k, split: test}}
variants: {variants}
distort: [rotate: {{degrees: [-12, 12]}}, pixel_noise: {{fraction: [0, 0.05], value: [128, 255]}}]
guard: {{min_ink_kept: 0.95}}
output: {{shard_size: {shard_size}, compression: {compression}}}
"""

# No shard can lose more workers than Dask allows: it gives up at the fourth.
MOST_KILLS = 3

# Returns how often it did harm.
Harm = Callable[[Cluster, random.Random, threading.Event], int]


def run(cases: float, scratch: Path) -> Sequence[Outcome]:
    """Try each kind of fault."""
    promise = "the content hash of an undisturbed build, and no temporary file"
    after = "a clear error, published shards stay, and the build goes on to the same hash"
    return (
        Outcome(
            "workers of a cluster killed",
            promise,
            *_tried(20, cases, scratch / "killed", _kill_workers, fails=False),
        ),
        Outcome(
            "workers of a cluster that leave and come all the time",
            promise,
            *_tried(5, cases, scratch / "leaving", _retire_workers, fails=False),
        ),
        Outcome(
            "scheduler killed",
            after,
            *_tried(5, cases, scratch / "scheduler", _kill_scheduler, fails=True),
        ),
    )


def _tried(
    count: int, cases: float, scratch: Path, harm: Harm, *, fails: bool
) -> tuple[int, tuple[str, ...]]:
    """Build until so many builds were disturbed; return how many, and what was wrong."""
    scratch.mkdir()
    wanted, tried = max(1, round(count * cases)), 0
    failures: list[str] = []
    for seed in range(5 * wanted):
        if tried == wanted:
            break
        disturbed, wrong = _one(scratch / str(seed), seed, harm, fails)
        tried += disturbed or wrong is not None  # it may have been quicker
        failures += [f"seed {seed}: {wrong}"] if wrong else []
    if tried < wanted:
        failures.append(f"only {tried} of {wanted} builds were disturbed")
    return tried, tuple(failures)


def _one(scratch: Path, seed: int, harm: Harm, fails: bool) -> tuple[bool, str | None]:
    """Build once while harm is done; return whether it was, and what was wrong, if anything."""
    chance = random.Random(seed)
    recipe = _recipe(chance)
    scratch.mkdir()
    expected = augforge.build(recipe, scratch / "expected", workers=1).content_hash
    folder, told = scratch / "set", "the build was over before"
    done: list[int] = []
    with Cluster(scratch) as cluster, _harming(cluster, chance, harm, done):
        for _ in range(2):
            cluster.add_worker()
        try:
            augforge.build(recipe, folder, scheduler=cluster.address)
        except BuildError as error:
            told = str(error)
    if not done:
        return True, "what was to disturb the build failed itself"
    return done[0] > 0, _wrong_after(recipe, folder, expected, told, fails)


def _wrong_after(recipe: Recipe, folder: Path, expected: str, told: str, fails: bool) -> str | None:
    """Return what is wrong with a data set after a build was disturbed, if anything."""
    if not (folder / "manifest.json").exists() and not (
        fails and told.startswith("the connection to the scheduler")
    ):
        return told
    if (folder / "manifest.json").exists():
        wrong = [defect for defect in verify(folder).defects if defect.kind is not Kind.STALE]
        if wrong:
            return f"under a manifest: {wrong[0]}"
    plan = plan_build(recipe, folder)
    published = [folder / SHARDS / plan.shards[index].file_name for index in plan.kept]
    before = [path.stat().st_mtime_ns for path in published]
    found = augforge.build(recipe, folder, workers=1).content_hash
    if found != expected:
        return f"content hash {found}, not {expected}"
    if before != [path.stat().st_mtime_ns for path in published]:
        return "published shards were made again"
    left = [path.name for path in folder.rglob("*.tmp")]
    return f"{left} left behind" if left else None


def _recipe(chance: random.Random) -> Recipe:
    text = TEXT.format(
        variants=chance.randint(60, 120),
        shard_size=1024 * chance.randint(1, 12),
        compression=chance.choice(("none", "gzip")),
    )
    return augforge.parse_recipe(text)


@contextlib.contextmanager
def _harming(cluster: Cluster, chance: random.Random, harm: Harm, done: list[int]) -> Iterator[None]:
    over = threading.Event()
    thread = threading.Thread(target=lambda: done.append(harm(cluster, chance, over)), daemon=True)
    waited, cluster_executor._CONNECT_SECONDS = cluster_executor._CONNECT_SECONDS, 5
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        cluster_executor._CONNECT_SECONDS = waited


def _kill_workers(cluster: Cluster, chance: random.Random, over: threading.Event) -> int:
    until(cluster.workers)
    killed = 0
    with Client(cluster.address) as client:
        for _ in range(chance.randint(1, MOST_KILLS)):
            if over.wait(chance.uniform(0.1, 2.5)):
                break
            found = client.run(os.getpid, on_error="ignore")
            if found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(list(found.values())), signal.SIGKILL)
                    killed += 1
    return killed


def _retire_workers(cluster: Cluster, chance: random.Random, over: threading.Event) -> int:
    """Let workers end in good order, and others come in their place, as at the end of their lifetime."""
    until(lambda: len(cluster.workers()) == 2)
    retired = 0
    with Client(cluster.address) as client:
        while not over.wait(chance.uniform(0.1, 1.5)):
            leaving = chance.choice(list(client.nthreads()))
            cluster.add_worker()
            until(lambda: len(client.nthreads()) == 3 or over.is_set())
            client.retire_workers([leaving], close_workers=True)
            retired += 1
    return retired


def _kill_scheduler(cluster: Cluster, chance: random.Random, over: threading.Event) -> int:
    until(cluster.workers)
    if over.wait(chance.uniform(0.1, 4)):
        return 0
    cluster.kill_scheduler()
    return 1
