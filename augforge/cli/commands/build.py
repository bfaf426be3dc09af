"""``augforge build``."""

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
    help="The data set's folder; by default out/NAME.",
)
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(min=1),
    help="Shards made at once; by default one for each core that affinity and quota allow.",
)
@click.option("--scheduler", metavar="ADDRESS", help="A running Dask scheduler, such as tcp://host:8786.")
@click.option(
    "--scheduler-file",
    metavar="FILE",
    type=NamedPath(),
    help="The file of a running Dask scheduler, in place of its address.",
)
@set_option
@click.option("--dry-run", is_flag=True, help="Say what would be made, and make nothing.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
@json_option
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace the data set that is in the folder; it stays until the new one is complete.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Build nothing if the recipe's 'expect' belongs to other settings or originals.",
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
    """Make the data set; run again, it goes on where it stopped.

    RECIPE is a file, or the name of a ready recipe.
    """
    if scheduler is not None and scheduler_file is not None:
        raise click.UsageError("give either --scheduler or --scheduler-file, not both")
    from augforge.building import plan_build
    from augforge.recipe import load_recipe

    with announce_compiling(quiet=quiet) as notice:  # originals are normalized for the plan
        plan = plan_build(load_recipe(recipe, overrides), out, overwrite=overwrite, strict=strict)
        warnings = plan.forge.warnings()
    if plan.not_applied and not quiet:
        print_err(f"warning: {plan.not_applied}")
    for warning in warnings if not quiet else ():
        print_err(f"warning: {warning}")
    on_cluster = scheduler is not None or scheduler_file is not None
    if dry_run:
        at_once = (workers or 1) if on_cluster else plan.count_workers(workers)
        _tell_plan(plan, at_once, warnings, as_json)
        plan.check_space(at_once)
        return
    if not quiet and not on_cluster:
        _tell_few_shards(plan, workers)
    result = _carry_out(plan, quiet, notice, workers, scheduler, scheduler_file)
    if as_json:
        print_json({**result.plain(), "warnings": list(warnings)})
    elif not quiet:
        print_err(result.text())


_FINISHES = "an interrupted replacement: the new set is complete, and is only moved in"


@dataclass(frozen=True)
class _Result:
    """A finished build: the plan that it began with, what came out, and how long that took in seconds."""

    plan: "BuildPlan"
    manifest: "Manifest"
    was_complete: bool
    seconds: float

    @property
    def made(self) -> int:
        """Samples made by this run."""
        return self.plan.samples - self.plan.kept_samples

    @property
    def bytes(self) -> int:
        """Size of all shards."""
        return sum(shard.bytes for shard in self.manifest.shards)

    def plain(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        from augforge.recipe.expect import plain_expect

        return {
            "name": self.manifest.name,
            "out": str(self.plan.folder),
            "complete_before": self.was_complete,
            "samples": self.manifest.samples,
            "samples_made": self.made,
            "shards": len(self.manifest.shards),
            "shards_made": len(self.manifest.shards) - len(self.plan.kept) if self.made else 0,
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "samples_per_second": round(self.made / self.seconds, 1) if self.made else 0.0,
            "content_hash": self.manifest.content_hash,
            "expected": self.plan.recipe.expect is not None,
            "expect": plain_expect(self.manifest.content_hash, self.plan.of),
            "pixel_digest": self.manifest.pixel_digest,
        }

    def text(self) -> str:
        """Return the summary for people."""
        folder = display_path(self.plan.folder)
        shards = pluralize(len(self.manifest.shards), "shard")
        loading = f"from augforge.torch import ShardDataset; dataset = ShardDataset({folder!r})"
        return format_pairs(
            (
                ("complete before" if self.was_complete else "complete", folder + self._moved_text()),
                ("samples", f"{self.manifest.samples:,} in {shards}, {format_bytes(self.bytes)}"),
                ("made now", self._made_text()),
                ("content hash", self._content_text()),
                ("look at it", f"{find_own_command()} info {shlex.quote(folder)}"),
                ("train from it", loading),
                *self._expect_pair(),
            )
        )

    def _moved_text(self) -> str:
        return ", moved in by this run" if self.plan.finishes else ""

    def _content_text(self) -> str:
        expected = ", as expected" if self.plan.recipe.expect is not None else ""
        return f"{self.manifest.content_hash}{expected}"

    def _expect_pair(self) -> tuple[tuple[str, str], ...]:
        """Return the line that makes the recipe expect this set, unless it does so already."""
        from augforge.building.expectation import format_expect

        if self.plan.recipe.expect is not None:
            return ()
        return (("to expect it", format_expect(self.manifest, self.plan.of)),)

    def _made_text(self) -> str:
        if not self.made:
            return "nothing: all shards were there already"
        rate = f"{self.made / self.seconds:,.0f} samples/s"
        kept = f"; {pluralize(len(self.plan.kept), 'shard')} kept" if self.plan.kept else ""
        return f"{pluralize(self.made, 'sample')} in {format_seconds(self.seconds)}, {rate}{kept}"


def _carry_out(
    plan: "BuildPlan",
    quiet: bool,
    notice: CompilingNotice,
    workers: int | None,
    scheduler: str | None,
    scheduler_file: Path | None,
) -> _Result:
    from augforge.building.job import carry_out
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
        raise click.Abort(f"interrupted{_interrupted_text(plan, is_new)}") from None
    return _Result(plan, manifest, was_complete, time.monotonic() - start)


def _interrupted_text(plan: "BuildPlan", has_new_manifest: bool) -> str:
    """Return what an interruption left behind, and what goes on from there."""
    from augforge.building.plan import refresh_plan

    folder = display_path(plan.folder)
    try:
        now = refresh_plan(plan)
    except DatasetError as error:
        return f"; cannot determine what is published: {error}"
    manifest = now.state.manifest
    if has_new_manifest and manifest is not None and plan.matches(manifest):
        return f", but the data set is complete in {folder}"
    if now.state.moving_in is not None:
        more = "" if now.finishes else " and goes on"
        return f": a complete new set is being moved into {folder}; the same command finishes that{more}"
    old = f"; the set in {folder} is unchanged" if manifest is not None else ""
    if not now.kept and not now.workspace.folder.is_dir():
        return f" before anything was made{old}"
    return (
        f": {len(now.kept):,} of {pluralize(len(now.shards), 'shard')} are published and kept in "
        f"{display_path(now.workspace.folder)}{old}; the same command goes on from there"
    )


def _tell_plan(plan: "BuildPlan", at_once: int, warnings: tuple[str, ...], as_json: bool) -> None:
    """Print what a build would do with so many shards at once."""
    if as_json:
        print_json({**_plain_plan(plan, at_once), "warnings": list(warnings)})
    else:
        print_out(_plan_text(plan, at_once))


def _tell_few_shards(plan: "BuildPlan", workers: int | None) -> None:
    """Say so if there is less to do at once than could be done, and something can be done about it."""
    from augforge._platform.cores import usable_cores
    from augforge.format.layout import LEAF

    # The shards of a set that is begun, and the smallest ones, cannot be made smaller.
    if plan.kept or plan.shards.largest.samples <= LEAF or plan.shards_to_make >= (workers or usable_cores()):
        return
    print_err(
        f"{pluralize(plan.shards_to_make, 'shard')}, so {pluralize(plan.count_workers(workers), 'worker')}; "
        "a lower output.shard_size lets more work at once"
    )


def _plain_plan(plan: "BuildPlan", at_once: int) -> dict[str, Any]:
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


def _plan_text(plan: "BuildPlan", at_once: int) -> str:
    from augforge.recipe.expect import EXPECT_KIND

    at_most = "" if plan.recipe.output.compression == "none" else "at most "
    return format_pairs(
        (
            ("data set", f"{display_path(plan.folder)}{', complete already' if plan.complete else ''}"),
            ("samples", f"{plan.samples:,}, {plan.kept_samples:,} of them kept"),
            ("shards", f"{len(plan.shards):,}, {len(plan.kept):,} of them kept"),
            *(
                [("extends", f"the complete set of {plan.extends:,} samples that is there")]
                if plan.extends
                else ()
            ),
            *([("finishes", _FINISHES)] if plan.finishes else ()),
            *([("replaces", _replaces_text(plan, at_once))] if plan.replaces and not plan.finishes else ()),
            ("on disk", at_most + _size_text(plan.shards.bytes)),
            ("to write", at_most + _size_text(plan.bytes_to_write)),
            ("free", _size_text(plan.bytes_free)),
            ("of", f"{EXPECT_KIND}{plan.of}"),
            *([("expects", f"{EXPECT_KIND}{plan.recipe.expect}")] if plan.recipe.expect else ()),
        )
    )


def _replaces_text(plan: "BuildPlan", at_once: int) -> str:
    if plan.state.moving_in is not None:
        return "the set in .replacement, which is complete and is first moved into its place"
    if plan.has_room_for_both(at_once):
        return "the set that is there, which stays until this one is complete"
    return "the set that is there, which is removed first: there is no room for both"


def _size_text(count: int) -> str:
    return f"{count:,} bytes ({format_bytes(count)})"
