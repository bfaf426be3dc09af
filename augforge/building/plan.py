"""Plan a build without writing anything."""

import os
import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from augforge._platform.cores import usable_cores
from augforge.building.expectation import Expectation, check_strict, open_expected
from augforge.building.folder_state import FolderState, read_folder
from augforge.building.folders import check_location, check_usable, choose_workspace
from augforge.building.recipe_file import recipe_hash, recipe_text
from augforge.errors import AugforgeError, BuildError
from augforge.forge import Forge
from augforge.format.hashing import bytes_hash
from augforge.format.layout import RECEIPTS, SHARDS, SampleLayout, ShardSpec, shard_bytes
from augforge.format.models import Manifest
from augforge.recipe import Recipe
from augforge.writing.shard_plan import ShardPlan, plan_shards


@dataclass(frozen=True)
class BuildPlan:
    """A build, before it writes anything.

    Attributes
    ----------
    forge : Forge
        The recipe with its source opened.
    folder : Path
        The data set's folder, absolute.
    state : FolderState
        The state of the folder that the plan is based on.
    workspace : FolderState
        The state of the folder where the shards are made: `state`, or that of ``.replacement`` while another set is
        in the folder.
    shards : ShardPlan
        All shards of the finished set.
    kept : frozenset of int
        Indices of the published shards.
    overwrite : bool
        Whether to replace the data set in the folder.
    of : str
        The hash of all settings and originals that decide the content, 64 hexadecimal digits.
    bytes_free : int
        Free space on the folder's disk, in bytes.
    not_applied : str
        Why the recipe's expectation is not applied; empty if it is, or if there is none.
    """

    forge: Forge
    folder: Path
    state: FolderState
    workspace: FolderState
    shards: ShardPlan
    kept: frozenset[int]
    overwrite: bool
    of: str
    bytes_free: int
    not_applied: str = ""

    @property
    def recipe(self) -> Recipe:
        """The recipe."""
        return self.forge.recipe

    @property
    def samples(self) -> int:
        """Samples of the finished set."""
        return len(self.forge)

    @property
    def replaces(self) -> bool:
        """Whether the new set replaces another one."""
        return self.workspace is not self.state

    @property
    def finishes(self) -> bool:
        """Whether the set is complete in ``.replacement`` and only has to be moved into the folder."""
        return self.state.moving_in is not None and self.matches(self.state.moving_in)

    def matches(self, manifest: Manifest) -> bool:
        """Tell whether a manifest belongs to the planned set."""
        return (
            manifest.recipe_hash == recipe_hash(self.recipe)
            and manifest.pixel_digest == self.forge.pixel_digest
        )

    @property
    def complete(self) -> bool:
        """Whether the finished set exists already."""
        return self.finished_manifest is not None

    @cached_property
    def finished_manifest(self) -> Manifest | None:
        """The manifest of the finished set, if it exists already."""
        manifest = self.state.manifest
        if self.replaces or len(self.kept) < len(self.shards) or manifest is None:
            return None
        # A repair that was killed may have made other bytes of the same samples: then the manifest is stale.
        is_current = manifest.samples == self.samples and self.state.has_receipts_of(manifest)
        return manifest if is_current else None

    @property
    def lacks_recipe(self) -> bool:
        """Whether the finished set lost its ``recipe.yaml``, and this recipe restores it."""
        text, manifest = recipe_text(self.recipe), self.finished_manifest
        return manifest is not None and self.state.recipe != text and manifest.recipe_hash == bytes_hash(text)

    @property
    def extends(self) -> int:
        """Samples of the complete set that this build adds to; 0 if it adds to none."""
        manifest = self.state.manifest
        if self.replaces or not self.kept or manifest is None or manifest.samples >= self.samples:
            return 0
        return manifest.samples if self.kept.issuperset(range(len(manifest.shards))) else 0

    @property
    def kept_shards(self) -> tuple[ShardSpec, ...]:
        """The published shards."""
        return tuple(self.shards[index] for index in sorted(self.kept))

    @property
    def kept_samples(self) -> int:
        """Samples in the published shards."""
        return sum(spec.samples for spec in self.kept_shards)

    @property
    def shards_to_make(self) -> int:
        """Number of missing shards."""
        return len(self.shards) - len(self.kept)

    @property
    def bytes_to_write(self) -> int:
        """Bytes of the missing shards: exact if uncompressed, else an upper bound."""
        return self.shards.bytes - sum(shard_bytes(spec) for spec in self.kept_shards)

    def count_workers(self, workers: int | None = None) -> int:
        """Count the shards that this machine makes at once; by default one for each core."""
        return min(workers or usable_cores(), self.shards_to_make)

    def check_space(self, workers: int) -> None:
        """Raise `BuildError` if the disk is too small.

        Compressed shards have no known size until they are written. They only need free space for the `workers`
        shards under construction.
        """
        free = self.bytes_free + self._bytes_reclaimed
        free += sum(self.state.sizes.values()) if self.replaces else 0
        needed = self._bytes_needed(workers)
        if needed <= free:
            return
        if self.recipe.output.compression == "none":
            raise BuildError(
                f"{self.folder} needs {needed:,} bytes for {self.samples:,} samples, but only {free:,} are free "
                "there; free some space, lower 'variants', or compress the shards (--set output.compression=zstd)"
            )
        raise BuildError(
            f"{self.folder} needs up to {needed:,} bytes for the shards under construction, {workers} at a time, "
            f"but only {free:,} are free there; free some space, or lower --workers or output.shard_size"
        )

    def has_room_for_both(self, workers: int) -> bool:
        """Tell whether the disk holds the old set until its replacement is complete."""
        return self._bytes_needed(workers) <= self.bytes_free + self._bytes_reclaimed

    @property
    def _bytes_reclaimed(self) -> int:
        """Bytes of an unfinished replacement that the build removes first."""
        if not self.replaces:
            return 0
        kept = {
            name
            for spec in self.kept_shards
            for name in (f"{SHARDS}/{spec.file_name}", f"{RECEIPTS}/{spec.receipt_name}")
        }
        return sum(size for name, size in self.workspace.sizes.items() if name not in kept)

    def _bytes_needed(self, workers: int) -> int:
        if self.recipe.output.compression == "none":
            return self.bytes_to_write
        return min(workers * shard_bytes(self.shards.largest), self.bytes_to_write)


def plan_build(
    recipe: Recipe, out: str | Path | None = None, *, overwrite: bool = False, strict: bool = False
) -> BuildPlan:
    """Plan a build.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    out : str or Path, optional
        The data set's folder; by default ``out/NAME`` with the recipe's name.
    overwrite : bool
        Whether to replace a data set in the folder.
    strict : bool
        Whether to raise if the recipe's expectation cannot be applied.

    Returns
    -------
    BuildPlan

    Raises
    ------
    AugforgeError
        If the recipe, its source or the folder cannot be used.
    """
    forge, expectation = _open_buildable(recipe, strict)
    folder = Path(out if out is not None else Path("out") / recipe.name).absolute()
    _check_source_is_elsewhere(recipe, folder)
    return _plan(forge, folder, overwrite, expectation.of, expectation.not_applied)


def refresh_plan(plan: BuildPlan, *, overwrite: bool | None = None) -> BuildPlan:
    """Re-plan against the present content of the folder; raise as `plan_build`."""
    overwrite = plan.overwrite if overwrite is None else overwrite
    return _plan(plan.forge, plan.folder, overwrite, plan.of, plan.not_applied)


def _plan(forge: Forge, folder: Path, overwrite: bool, of: str, not_applied: str) -> BuildPlan:
    check_location(folder)
    state = read_folder(folder)
    check_usable(state, forge, overwrite=overwrite)
    workspace = choose_workspace(state, forge, overwrite=overwrite)
    shards, kept = workspace.find_published(divide_into_shards(forge))
    bytes_free = measure_free_bytes(folder)
    plan = BuildPlan(forge, folder, state, workspace, shards, kept, overwrite, of, bytes_free, not_applied)
    # The shards of a set that is being moved in are in two places, and all of them exist.
    return replace(plan, kept=frozenset(range(len(shards)))) if plan.finishes else plan


def _open_buildable(recipe: Recipe, strict: bool) -> tuple[Forge, Expectation]:
    """Open a recipe's originals; raise `AugforgeError` if this machine cannot build it."""
    if os.name != "posix":
        raise AugforgeError("augforge builds on Linux and macOS; on Windows, use WSL")
    forge, expectation = open_expected(recipe)
    if strict:
        check_strict(expectation)
    if len(forge) == 0:
        raise AugforgeError("the recipe makes no samples")
    return forge, expectation


def measure_free_bytes(folder: Path) -> int:
    """Measure the free space on a folder's disk, in bytes."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(existing).free


def _check_source_is_elsewhere(recipe: Recipe, folder: Path) -> None:
    """Raise `BuildError` if the originals are in the folder, where a build would replace them."""
    source = recipe.source.path
    if source is not None and source.resolve().is_relative_to(folder.resolve()):
        raise BuildError(
            f"the originals, {source}, are in the data set's own folder {folder}; choose another folder (--out)"
        )


def divide_into_shards(forge: Forge) -> ShardPlan:
    """Divide the samples of a forge into shards, as for a set that was never extended."""
    return plan_shards(
        stem=forge.recipe.name,
        samples=len(forge),
        shard_size=forge.recipe.output.shard_size,
        layout=SampleLayout(
            image_shape=forge.image_shape,
            columns=forge.columns,
            classes=len(forge.source.class_names),
            compression=forge.recipe.output.compression,
            pixel_digest=forge.pixel_digest,
        ),
    )
