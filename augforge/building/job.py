"""The whole way from a recipe to a complete data set."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from augforge.building import folders, local, replacing, tasks
from augforge.building.claiming import claimed
from augforge.building.expecting import check_expected, is_expected, raise_unexpected
from augforge.building.plan import BuildPlan, plan_build, refresh_plan
from augforge.building.remote import counted_threads, running_cluster
from augforge.building.running import WAITING_FACTOR, Progress, run
from augforge.building.versions import check_workers, needed, packages_in
from augforge.building.workers import Place
from augforge.distortions import PIXEL_VERSION
from augforge.errors import AugforgeError
from augforge.forge import Forge
from augforge.format.commit_records import publish_manifest, read_manifest
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

# From so many bytes on, processes are worth the seconds in which they start: threads wait for each other.
_LARGE = 2 << 30


def _say_nothing(_progress: Progress) -> None:
    pass


def build(
    recipe: Recipe | str | Path,
    out: str | Path | None = None,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    scheduler_file: str | Path | None = None,
    overwrite: bool = False,
    strict: bool = False,
    on_progress: Callable[[Progress], None] = _say_nothing,
) -> Manifest:
    """Make a data set; run again, go on where the last run stopped.

    The content never depends on how it is made: any number of workers, threads, processes or machines, and any
    interruption, give the same content hash.

    Parameters
    ----------
    recipe : Recipe, str or Path
        A recipe, or the file or ready name of one.
    out : str or Path, optional
        The data set's folder; by default ``out/NAME``, NAME being the recipe's.
    workers : int, optional
        How many shards are made at once; by default one for each processor core that this process may use, or for
        each thread of the cluster's workers.
    scheduler : str, optional
        Address of a running Dask scheduler, such as ``tcp://host:8786``; its workers must see `out` and the
        source under the same paths.
    scheduler_file : str or Path, optional
        The scheduler's file, in place of its address.
    overwrite : bool
        Replace a data set that is in the folder. It stays until the new one is complete. Without room for both on
        the disk it is removed first, and that is logged as a warning.
    strict : bool
        Raise `BuildError` before anything is built where what the recipe expects cannot be asked for, because it
        belongs to other settings or originals. Otherwise that is logged as a warning.
    on_progress : callable
        Called with a `Progress` a few times a second; from another thread, too.

    Returns
    -------
    Manifest
        Of the complete data set, as written to ``manifest.json``.

    Raises
    ------
    AugforgeError
        If something is wrong with recipe, source, folder, disk or workers. Published shards stay.
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
    on_progress: Callable[[Progress], None] = _say_nothing,
) -> Manifest:
    """Do what was planned; parameters, result and errors as in `build`."""
    if workers is not None and workers < 1:
        raise AugforgeError(f"workers must be at least 1, got {workers}")
    if scheduler is not None and scheduler_file is not None:
        raise AugforgeError("give either the scheduler's address or its file, not both")
    if plan.complete:
        manifest = read_manifest(plan.folder)
        folders.restore_recipe(plan.folder, plan.recipe, manifest)
        check_expected(plan.recipe, manifest)
        return manifest
    on_cluster = scheduler is not None or scheduler_file is not None
    at_once = (workers or 1) if on_cluster else plan.at_once(workers)
    plan.check_space(at_once)
    with claimed(plan.folder):
        plan = _plan_anew(plan)
        if plan.complete:
            manifest = read_manifest(plan.folder)
            check_expected(plan.recipe, manifest)
            return manifest
        # Workers first: the folder is left as it is where there is nobody to fill it.
        with _place(plan.at_work, workers, scheduler, scheduler_file) as (place, window):
            _prepare(plan, at_once)
            run(plan.at_work, place, window, on_progress)
        manifest = assemble_manifest(
            plan.workspace, plan.shards, about(plan.forge), folders.recipe_hash(plan.recipe)
        )
        _publish(plan, manifest)
        return manifest


def _plan_anew(plan: BuildPlan) -> BuildPlan:
    """Return the plan for what is in the folder, now that no other build can be at work there."""
    finished = replacing.finish(plan.folder)
    if finished is not None and plan.makes(finished):
        # Replacing was all but done when it was interrupted: now it is.
        plan = replace(plan, overwrite=False)
    folders.check(plan.folder, plan.forge, overwrite=plan.overwrite)
    return refresh_plan(plan)


def _prepare(plan: BuildPlan, at_once: int) -> None:
    """Make the folder ready in which the shards are made."""
    if plan.replaces:
        has_room = plan.has_room_for_both(at_once)
        if not has_room:
            _log.warning(
                "there is no room for both sets in %r: the one that is there is removed first",
                str(plan.folder),
            )
        folders.prepare_replacement(plan.folder, plan.recipe, plan.kept_shards, remove_first=not has_room)
    elif plan.extends:
        # The set that is there stays one until the larger one is complete.
        check_shared_leaves(plan.folder, plan.shards, plan.kept)
        sweep(plan.folder)
    else:
        folders.prepare(plan.folder, plan.recipe)


def _publish(plan: BuildPlan, manifest: Manifest) -> None:
    """Complete the set, in the place of any that was there; raise `BuildError` if it is not the expected one."""
    if not is_expected(plan.recipe, manifest):
        raise_unexpected(plan.recipe, manifest, _leave_unexpected(plan, manifest))
    folders.publish_recipe(plan.workspace, plan.recipe)
    publish_manifest(plan.workspace, manifest)
    if plan.replaces:
        replacing.take_over(plan.folder)
    else:
        replacing.remove_others(plan.folder, plan.shards)
        replacing.discard(plan.folder)


def _leave_unexpected(plan: BuildPlan, manifest: Manifest) -> str:
    """Leave a set that is not the expected one beside the one that is there; return where, in words."""
    take = "`--set expect=null` accepts it"
    if plan.extends:
        return f"the set of {plan.extends:,} samples in {plan.folder} is unchanged; {take}"
    if not plan.replaces:
        return (
            f"its shards are kept in {plan.folder}, without a manifest; {take}, and makes none of them again"
        )
    text = folders.recipe_text(replace(plan.recipe, expect=None)).encode()
    place = replacing.set_aside(plan.folder, text, manifest)
    if place == plan.workspace:
        return f"its shards are kept in {place}; {take}, and makes none of them again"
    old = "the old set is unchanged" if folders.is_ours(plan.folder) else "there is no data set"
    return f"the new set is complete in {place}, to be used or removed; in {plan.folder} {old}; {take}"


def about(forge: Forge) -> Provenance:
    """Return what the manifest of a set says that no receipt knows."""
    packages = packages_in(forge)
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
def _place(
    plan: BuildPlan, workers: int | None, scheduler: str | None, scheduler_file: str | Path | None
) -> Iterator[tuple[Place, Callable[[], int]]]:
    """Give a place for the tasks, and what says how many to hand out to it at once."""
    if scheduler is not None or scheduler_file is not None:
        with running_cluster(scheduler, scheduler_file) as place:
            check_workers(place.client, needed(plan.forge))
            threads = counted_threads(place.client)
            try:
                yield place, lambda: workers or WAITING_FACTOR * threads()
            finally:
                # Workers that were killed could not clean up behind them. One that is at work yet, on what another
                # made in its stead or nobody wants any more, fails unheard.
                sweep(plan.folder)
        return
    count = max(1, plan.at_once(workers))
    holds_gil = any(step.distortion.holds_gil for step in plan.forge.steps)
    in_processes = holds_gil or (count > 1 and plan.bytes_to_write >= _LARGE)
    try:
        with (
            tasks.at_hand(plan.forge),
            (local.processes if in_processes else local.threads)(count) as place,
        ):
            yield place, lambda: WAITING_FACTOR * count
    except BaseException:
        # Processes that were ended in the middle could not clean up behind them.
        sweep(plan.folder)
        raise
