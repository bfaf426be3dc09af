"""Build a complete data set from a recipe."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from augforge.building import cluster_executor, folders, local_executors, replacement, tasks
from augforge.building.executor import Executor
from augforge.building.expectation import check_expected, is_expected, raise_unexpected
from augforge.building.folder_lock import folder_lock
from augforge.building.folder_state import read_without_replacement
from augforge.building.plan import BuildPlan, plan_build, refresh_plan
from augforge.building.progress import Progress
from augforge.building.recipe_file import recipe_hash, recipe_text
from augforge.building.submission import IN_FLIGHT_PER_THREAD, run
from augforge.building.versions import check_workers, find_packages, required_versions
from augforge.callbacks import ignore
from augforge.distortions import PIXEL_VERSION
from augforge.errors import AugforgeError
from augforge.forge import Forge
from augforge.format.commit_records import publish_manifest
from augforge.format.models import Manifest
from augforge.format.publishing import sweep
from augforge.recipe import Recipe, load_recipe
from augforge.writing.manifest_assembly import (
    SAME_EVERYWHERE,
    SAME_WITH_THESE_LIBRARIES,
    Provenance,
    assemble_manifest,
    check_shared_leaves,
    library_versions,
)

_log = logging.getLogger(__name__)

# Above this many bytes, processes repay the seconds of their start: threads wait for each other.
_PROCESSES_ABOVE = 2 << 30


def build(
    recipe: Recipe | str | Path,
    out: str | Path | None = None,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    scheduler_file: str | Path | None = None,
    overwrite: bool = False,
    strict: bool = False,
    on_progress: Callable[[Progress], None] = ignore,
) -> Manifest:
    """Build a data set, or resume an interrupted build.

    The content does not depend on how it is made: any number of workers, threads, processes or machines, and any
    interruption, give the same content hash.

    Parameters
    ----------
    recipe : Recipe, str or Path
        A recipe, its file or the name of a ready recipe.
    out : str or Path, optional
        The data set's folder; by default ``out/NAME`` with the recipe's name.
    workers : int, optional
        Number of shards made at the same time; by default one for each processor core that this process may use,
        or for each thread of the cluster's workers.
    scheduler : str, optional
        Address of a running Dask scheduler, such as ``tcp://host:8786``; its workers must see `out` and the
        source under the same paths.
    scheduler_file : str or Path, optional
        The scheduler's file, instead of its address.
    overwrite : bool
        Replace a data set in the folder. It stays until the new one is complete. If the disk cannot hold both, it
        is removed first, and a warning is logged.
    strict : bool
        Raise `BuildError` before building if the recipe's expectation belongs to other settings or originals.
        Otherwise a warning is logged.
    on_progress : callable
        Called with a `Progress` a few times a second, possibly from another thread.

    Returns
    -------
    Manifest
        The manifest of the complete data set, as written to ``manifest.json``.

    Raises
    ------
    AugforgeError
        If recipe, source, folder, disk or workers fail. Published shards stay.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    plan = plan_build(recipe, out, overwrite=overwrite, strict=strict)
    if plan.not_applied:
        _log.warning("%s", plan.not_applied)
    return carry_out(
        plan, workers=workers, scheduler=scheduler, scheduler_file=scheduler_file, on_progress=on_progress
    )


def carry_out(
    plan: BuildPlan,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    scheduler_file: str | Path | None = None,
    on_progress: Callable[[Progress], None] = ignore,
) -> Manifest:
    """Carry out a plan; parameters, result and errors as in `build`."""
    if workers is not None and workers < 1:
        raise AugforgeError(f"workers must be at least 1, got {workers}")
    if scheduler is not None and scheduler_file is not None:
        raise AugforgeError("give either the scheduler's address or its file, not both")
    if plan.finished_manifest is not None and not plan.lacks_recipe:
        return _confirm(plan.recipe, plan.finished_manifest)
    on_cluster = scheduler is not None or scheduler_file is not None
    concurrency = (workers or 1) if on_cluster else plan.count_workers(workers)
    plan.check_space(concurrency)
    with folder_lock(plan.folder):
        plan = _refresh_locked(plan)
        if plan.finished_manifest is not None:
            if plan.lacks_recipe:
                folders.publish_recipe(plan.folder, plan.recipe)
            return _confirm(plan.recipe, plan.finished_manifest)
        # Connect first: without workers the folder stays as it is.
        with _connect(plan, workers, scheduler, scheduler_file) as (executor, window):
            _prepare(plan, concurrency)
            run(plan, executor, window, on_progress)
        manifest = assemble_manifest(
            plan.workspace.folder, plan.shards, describe_provenance(plan.forge), recipe_hash(plan.recipe)
        )
        _publish(plan, manifest)
        return manifest


def _confirm(recipe: Recipe, manifest: Manifest) -> Manifest:
    """Return the manifest of a finished set; raise `BuildError` unless the recipe expects it."""
    check_expected(recipe, manifest)
    return manifest


def _refresh_locked(plan: BuildPlan) -> BuildPlan:
    """Finish an interrupted replacement and re-plan, now that no other build can change the folder."""
    finished = replacement.finish(plan.folder)
    overwrite = plan.overwrite and (finished is None or not plan.matches(finished))
    return refresh_plan(plan, overwrite=overwrite)


def _prepare(plan: BuildPlan, concurrency: int) -> None:
    """Prepare the folder for the shards."""
    if plan.replaces:
        has_room = plan.has_room_for_both(concurrency)
        if not has_room:
            _log.warning(
                "the disk has no room for both sets in %r: the old one is removed first", str(plan.folder)
            )
        folders.prepare_replacement(plan.folder, plan.recipe, plan.kept_shards, remove_first=not has_room)
    elif plan.extends:
        # The smaller set stays complete until the larger one is.
        check_shared_leaves(plan.folder, plan.shards, plan.kept)
        sweep(plan.folder)
    else:
        folders.prepare(plan.folder, plan.recipe)


def _publish(plan: BuildPlan, manifest: Manifest) -> None:
    """Complete the set, replacing an old one; raise `BuildError` if it is not the expected one."""
    if not is_expected(plan.recipe, manifest):
        raise_unexpected(plan.recipe, manifest, _keep_unexpected(plan, manifest))
    folders.publish_recipe(plan.workspace.folder, plan.recipe)
    publish_manifest(plan.workspace.folder, manifest)
    if plan.replaces:
        replacement.take_over(plan.folder)
    else:
        replacement.remove_others(plan.folder, plan.shards)
        replacement.discard(plan.folder)


def _keep_unexpected(plan: BuildPlan, manifest: Manifest) -> str:
    """Keep an unexpected set apart from the one in the folder; return its location in words."""
    accept = "`--set expect=null` accepts it"
    if plan.extends:
        return f"the set of {plan.extends:,} samples in {plan.folder} is unchanged; {accept}"
    if not plan.replaces:
        return f"its shards are kept in {plan.folder}, without a manifest; {accept} without making them again"
    text = recipe_text(replace(plan.recipe, expect=None))
    location = replacement.set_aside(plan.folder, text, manifest)
    if location == plan.workspace.folder:
        return f"its shards are kept in {location}; {accept} without making them again"
    has_old = read_without_replacement(plan.folder).is_ours
    old = "the old set is unchanged" if has_old else "there is no data set"
    return f"the new set is complete in {location}, to be used or removed; in {plan.folder} {old}; {accept}"


def describe_provenance(forge: Forge) -> Provenance:
    """Collect the fields of a manifest that no receipt has."""
    packages = find_packages(forge)
    return Provenance(
        pixel_version=PIXEL_VERSION,
        source_digest=forge.source.digest,
        originals=len(forge.source),
        seed=forge.recipe.seed,
        class_names=forge.source.class_names,
        shard_size=forge.recipe.output.shard_size,
        sameness=SAME_WITH_THESE_LIBRARIES if packages else SAME_EVERYWHERE,
        versions=library_versions(*packages),
    )


@contextlib.contextmanager
def _connect(
    plan: BuildPlan, workers: int | None, scheduler: str | None, scheduler_file: str | Path | None
) -> Iterator[tuple[Executor, Callable[[], int]]]:
    """Connect to workers; yield their executor and a function that returns the tasks to keep in flight."""
    if scheduler is not None or scheduler_file is not None:
        with cluster_executor.connect(scheduler, scheduler_file) as executor:
            check_workers(executor.client, required_versions(plan.forge))
            count_threads = cluster_executor.thread_counter(executor.client)
            try:
                yield executor, lambda: workers or IN_FLIGHT_PER_THREAD * count_threads()
            finally:
                # Killed workers left temporary files. A worker that is still at work on a shard nobody needs any
                # more fails without a report.
                sweep(plan.workspace.folder)
        return
    count = max(1, plan.count_workers(workers))
    holds_gil = any(step.distortion.holds_gil for step in plan.forge.steps)
    in_processes = holds_gil or (count > 1 and plan.bytes_to_write >= _PROCESSES_ABOVE)
    start = local_executors.start_processes if in_processes else local_executors.start_threads
    try:
        with tasks.lend_forge(plan.forge), start(count) as executor:
            yield executor, lambda: IN_FLIGHT_PER_THREAD * count
    except BaseException:
        sweep(plan.workspace.folder)  # killed processes left temporary files
        raise
