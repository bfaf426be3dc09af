"""The command ``augforge build``."""

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from augforge.cli.exits import stop_cleanly
from augforge.cli.options import NamedPath, json_option, recipe_argument, set_option
from augforge.cli.output import (
    display_path,
    find_own_command,
    format_bytes,
    format_pairs,
    format_seconds,
    pluralize,
    print_err,
    print_json,
    print_out,
)
from augforge.cli.progress import CompilingNotice, announce_compiling, show_build_progress
from augforge.errors import DatasetError

if TYPE_CHECKING:
    from augforge.building import BuildPlan
    from augforge.format.models import Manifest


@click.command("build")
@recipe_argument
@click.option(
    "--out",
    metavar="DIR",
    type=NamedPath(),
    help="Folder of the data set; by default out/NAME.",
)
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(min=1),
    help="Number of workers; by default one per core, within affinity and CPU quota.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Address of a Dask scheduler, such as tcp://host:8786.")
@click.option(
    "--scheduler-file",
    metavar="FILE",
    type=NamedPath(),
    help="Scheduler file of a Dask scheduler, instead of --scheduler.",
)
@set_option
@click.option("--dry-run", is_flag=True, help="Print the plan, and write nothing.")
@click.option("--quiet", "-q", is_flag=True, help="Print only errors.")
@json_option
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace an existing, different data set; if space allows, it stays until the new one is complete.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Fail if the recipe's 'expect' belongs to other settings or originals.",
)
def command(
    recipe: str,
    out: Path | None,
    workers: int | None,
    scheduler: str | None,
    scheduler_file: Path | None,
    overrides: tuple[str, ...],
    dry_run: bool,
    quiet: bool,
    as_json: bool,
    overwrite: bool,
    strict: bool,
) -> None:
    """Build a data set, or resume an interrupted build.

    RECIPE is a file, or the name of a ready recipe.
    """
    if scheduler is not None and scheduler_file is not None:
        raise click.UsageError("give either --scheduler or --scheduler-file, not both")
    from augforge.building import plan_build
    from augforge.recipe import load_recipe

    with announce_compiling(quiet=quiet) as notice:  # planning normalizes the originals
        plan = plan_build(load_recipe(recipe, overrides), out, overwrite=overwrite, strict=strict)
        warnings = plan.forge.warnings()
    if plan.not_applied and not quiet:
        print_err(f"warning: {plan.not_applied}")
    for warning in warnings if not quiet else ():
        print_err(f"warning: {warning}")
    on_cluster = scheduler is not None or scheduler_file is not None
    if dry_run:
        at_once = (workers or 1) if on_cluster else plan.count_workers(workers)
        _print_plan(plan, at_once, warnings, as_json)
        plan.check_space(at_once)
        return
    if not quiet and not on_cluster:
        _hint_at_few_shards(plan, workers)
    result = _run(plan, quiet, notice, workers, scheduler, scheduler_file)
    if as_json:
        print_json({**result.to_dict(), "warnings": list(warnings)})
    elif not quiet:
        print_err(result.format())


@dataclass(frozen=True)
class _Result:
    """A finished build: its initial plan, manifest, and duration in seconds."""

    plan: "BuildPlan"
    manifest: "Manifest"
    was_complete: bool
    seconds: float

    @property
    def made(self) -> int:
        """Samples made by this run."""
        return self.plan.samples - self.plan.kept_samples

    def to_dict(self) -> dict[str, Any]:
        """Convert to JSON values."""
        from augforge.recipe.expect import plain_expect

        return {
            "name": self.manifest.name,
            "out": str(self.plan.folder),
            "complete_before": self.was_complete,
            "samples": self.manifest.samples,
            "samples_made": self.made,
            "shards": len(self.manifest.shards),
            "shards_made": len(self.manifest.shards) - len(self.plan.kept) if self.made else 0,
            "bytes": self.manifest.total_bytes,
            "seconds": round(self.seconds, 3),
            "samples_per_second": round(self.made / self.seconds, 1) if self.made else 0.0,
            "content_hash": self.manifest.content_hash,
            "expected": self.plan.recipe.expect is not None,
            "expect": plain_expect(self.manifest.content_hash, self.plan.of),
            "pixel_digest": self.manifest.pixel_digest,
        }

    def format(self) -> str:
        """Format the summary."""
        from augforge.building import format_expect

        is_expected = self.plan.recipe.expect is not None
        folder = display_path(self.plan.folder)
        shards = pluralize(len(self.manifest.shards), "shard")
        loading = f"from augforge.torch import ShardDataset; dataset = ShardDataset({folder!r})"
        pairs = [
            (
                "already complete" if self.was_complete else "complete",
                folder + (", moved into place by this run" if self.plan.finishes else ""),
            ),
            ("samples", f"{self.manifest.samples:,} in {shards}, {format_bytes(self.manifest.total_bytes)}"),
            ("made now", self._format_made()),
            ("content hash", self.manifest.content_hash + (", as expected" if is_expected else "")),
            ("look at it", f"{find_own_command()} info {shlex.quote(folder)}"),
            ("train from it", loading),
        ]
        if not is_expected:
            pairs.append(("to expect it", format_expect(self.manifest, self.plan.of)))
        return format_pairs(pairs)

    def _format_made(self) -> str:
        if not self.made:
            return "nothing: all shards existed"
        rate = f"{self.made / self.seconds:,.0f} samples/s"
        kept = f"; {pluralize(len(self.plan.kept), 'shard')} kept" if self.plan.kept else ""
        return f"{pluralize(self.made, 'sample')} in {format_seconds(self.seconds)}, {rate}{kept}"


def _run(
    plan: "BuildPlan",
    quiet: bool,
    notice: CompilingNotice,
    workers: int | None,
    scheduler: str | None,
    scheduler_file: Path | None,
) -> _Result:
    from augforge.building import carry_out
    from augforge.reading.manifest_watch import manifest_stamp

    was_complete, start, before = plan.complete, time.monotonic(), manifest_stamp(plan.folder)
    try:
        with stop_cleanly(), show_build_progress(plan, quiet=quiet, notice=notice) as on_progress:
            manifest = carry_out(
                plan,
                workers=workers,
                scheduler=scheduler,
                scheduler_file=scheduler_file,
                on_progress=on_progress,
            )
    except KeyboardInterrupt:
        is_new = manifest_stamp(plan.folder) not in (before, None)
        raise click.Abort(f"interrupted{_describe_interruption(plan, is_new)}") from None
    return _Result(plan, manifest, was_complete, time.monotonic() - start)


def _describe_interruption(plan: "BuildPlan", has_new_manifest: bool) -> str:
    """Describe the state after an interruption, and how to resume."""
    from augforge.building import refresh_plan

    folder = display_path(plan.folder)
    try:
        now = refresh_plan(plan)
    except DatasetError as error:
        return f"; cannot determine what is published: {error}"
    manifest = now.state.manifest
    if has_new_manifest and manifest is not None and plan.matches(manifest):
        return f", but the data set is complete in {folder}"
    if now.state.moving_in is not None:
        more = "" if now.finishes else ", then resumes this build"
        return f" while moving a complete new set into {folder}; the same command finishes the move{more}"
    old = f"; the set in {folder} is unchanged" if manifest is not None else ""
    if not now.kept and not now.workspace.folder.is_dir():
        return f" before anything was written{old}"
    return (
        f": {len(now.kept):,} of {pluralize(len(now.shards), 'shard')} are published and kept in "
        f"{display_path(now.workspace.folder)}{old}; the same command resumes the build"
    )


def _print_plan(plan: "BuildPlan", at_once: int, warnings: tuple[str, ...], as_json: bool) -> None:
    """Print a plan for a number of shards in flight."""
    if as_json:
        print_json({**_plan_to_dict(plan, at_once), "warnings": list(warnings)})
    else:
        print_out(_format_plan(plan, at_once))


def _hint_at_few_shards(plan: "BuildPlan", workers: int | None) -> None:
    """Suggest smaller shards if there are fewer shards than workers."""
    from augforge._platform.cores import usable_cores
    from augforge.format.layout import LEAF

    # A set's shard size is fixed once one is published, and the smallest shards cannot be smaller.
    if plan.kept or plan.shards.largest.samples <= LEAF or plan.shards_to_make >= (workers or usable_cores()):
        return
    print_err(
        f"{pluralize(plan.shards_to_make, 'shard')}, so {pluralize(plan.count_workers(workers), 'worker')}; "
        "lower output.shard_size to use more"
    )


def _plan_to_dict(plan: "BuildPlan", at_once: int) -> dict[str, Any]:
    from augforge.recipe.expect import EXPECT_KIND

    return {
        "name": plan.recipe.name,
        "out": str(plan.folder),
        "complete": plan.complete,
        "extends": plan.extends,
        "finishes": plan.finishes,
        "replaces": plan.replaces and not plan.finishes,
        "keeps_old": plan.replaces and not plan.finishes and plan.has_room_for_both(at_once),
        "samples": plan.samples,
        "samples_kept": plan.kept_samples,
        "shards": len(plan.shards),
        "shards_kept": len(plan.kept),
        "bytes": plan.shards.bytes,
        "bytes_to_write": plan.bytes_to_write,
        "bytes_exact": plan.recipe.output.compression == "none",
        "bytes_free": plan.bytes_free,
        "of": f"{EXPECT_KIND}{plan.of}",
        "expects": None if plan.recipe.expect is None else f"{EXPECT_KIND}{plan.recipe.expect}",
    }


def _format_plan(plan: "BuildPlan", at_once: int) -> str:
    from augforge.recipe.expect import EXPECT_KIND

    at_most = "" if plan.recipe.output.compression == "none" else "at most "
    pairs = [
        ("data set", display_path(plan.folder) + (", already complete" if plan.complete else "")),
        ("samples", f"{plan.samples:,}, {plan.kept_samples:,} of them kept"),
        ("shards", f"{len(plan.shards):,}, {len(plan.kept):,} of them kept"),
    ]
    if plan.extends:
        pairs.append(("extends", f"the existing set of {plan.extends:,} samples"))
    if plan.finishes:
        pairs.append(("finishes", "an interrupted replacement: moves the complete new set into place"))
    elif plan.replaces:
        pairs.append(("replaces", _describe_replacement(plan, at_once)))
    pairs += [
        ("on disk", at_most + _format_size(plan.shards.bytes)),
        ("to write", at_most + _format_size(plan.bytes_to_write)),
        ("free", _format_size(plan.bytes_free)),
        ("of", f"{EXPECT_KIND}{plan.of}"),
    ]
    if plan.recipe.expect:
        pairs.append(("expects", f"{EXPECT_KIND}{plan.recipe.expect}"))
    return format_pairs(pairs)


def _describe_replacement(plan: "BuildPlan", at_once: int) -> str:
    if plan.state.moving_in is not None:
        return "the complete set in .replacement, which is first moved into place"
    if plan.has_room_for_both(at_once):
        return "the existing set, which stays until the new one is complete"
    return "the existing set, which is removed first: there is no room for both"


def _format_size(count: int) -> str:
    return f"{count:,} bytes ({format_bytes(count)})"
