"""What a build would do, found out without doing any of it."""

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from augforge._platform.cores import usable_cores
from augforge.building import folders
from augforge.building.expecting import Expectation, check_strict, settled_forge
from augforge.building.published import are_listed, find_published
from augforge.errors import AugforgeError, BuildError
from augforge.forge import Forge
from augforge.format.commit_records import is_moving_in
from augforge.format.layout import REPLACEMENT, SampleLayout, ShardSpec, shard_bytes
from augforge.format.models import Manifest
from augforge.recipe import Recipe
from augforge.writing.shard_plan import ShardPlan, plan_shards


@dataclass(frozen=True)
class BuildPlan:
    """A build, before anything is written.

    Attributes
    ----------
    forge : Forge
        The recipe with its source opened.
    folder : Path
        The data set's folder, absolute.
    shards : ShardPlan
        All shards of the finished set.
    kept : frozenset of int
        The shards that are already published and need not be made.
    overwrite : bool
        Whether the data set that is in the folder is to be replaced.
    workspace : Path
        Where the shards are made: the data set's folder, or, while another set is in it, a folder inside.
    of : str
        The hash of all settings and originals that decide the content, 64 hexadecimal digits.
    not_applied : str
        Why what the recipe expects is not asked for; empty where it is, or where it expects nothing.
    moving_in : Manifest, optional
        Of a complete set in ``.replacement`` that is taking the place of an old one: the build finishes that first.
    """

    forge: Forge
    folder: Path
    shards: ShardPlan
    kept: frozenset[int]
    overwrite: bool
    workspace: Path
    of: str
    not_applied: str = ""
    moving_in: Manifest | None = None

    @property
    def replaces(self) -> bool:
        """Whether the set is made apart from another one, whose place it takes when it is complete."""
        return self.workspace != self.folder

    @property
    def finishes(self) -> bool:
        """Whether the set is complete but for being moved in."""
        return self.moving_in is not None and self.makes(self.moving_in)

    def makes(self, manifest: Manifest) -> bool:
        """Tell whether a manifest is of the set that is planned."""
        return (
            manifest.recipe_hash == folders.recipe_hash(self.recipe)
            and manifest.pixel_digest == self.forge.pixel_digest
        )

    @property
    def at_work(self) -> "BuildPlan":
        """The plan as the workers see it: of a set that is made where its shards are."""
        return replace(self, folder=self.workspace)

    @property
    def recipe(self) -> Recipe:
        """The recipe."""
        return self.forge.recipe

    @property
    def samples(self) -> int:
        """Samples of the finished set."""
        return len(self.forge)

    @property
    def complete(self) -> bool:
        """Whether the finished set is there already."""
        if self.replaces or len(self.kept) < len(self.shards):
            return False
        manifest = folders.manifest_in(self.folder)
        if manifest is None or manifest.samples != self.samples:
            return False
        # A repair that was killed may have made other bytes of the same samples: the manifest is then made again.
        return are_listed(self.folder, self.shards, manifest)

    @property
    def extends(self) -> int:
        """Samples of the complete set in the folder that this build adds to; 0 if it does no such thing."""
        manifest = None if self.replaces or not self.kept else folders.manifest_in(self.folder)
        if manifest is None or manifest.samples >= self.samples:
            return 0
        return manifest.samples if self.kept.issuperset(range(len(manifest.shards))) else 0

    @property
    def kept_samples(self) -> int:
        """Samples in the shards that are kept."""
        return sum(spec.samples for spec in self.kept_shards)

    @property
    def bytes_to_write(self) -> int:
        """Size of the shards still to be made: exact when uncompressed, otherwise an upper bound."""
        return self.shards.bytes - sum(shard_bytes(spec) for spec in self.kept_shards)

    @property
    def bytes_free(self) -> int:
        """Free space where the set is to be, in bytes."""
        return shutil.disk_usage(folders.nearest_existing(self.folder)).free

    @property
    def shards_to_make(self) -> int:
        """How many shards are missing."""
        return len(self.shards) - len(self.kept)

    def at_once(self, workers: int | None = None) -> int:
        """Return how many shards this machine makes at once, if asked for so many: by default one for each core."""
        return min(workers or usable_cores(), self.shards_to_make)

    def check_space(self, at_once: int) -> None:
        """Raise `BuildError` if the disk is too small.

        The size of compressed shards is not known beforehand: for them only the space is needed that `at_once`
        shards, which are in the making at the same time, claim.
        """
        free = self.bytes_free + self._reclaimed_bytes
        free += folders.bytes_of_dataset(self.folder) if self.replaces else 0
        if self.recipe.output.compression == "none":
            if self.bytes_to_write > free:
                raise BuildError(
                    f"{self.folder} needs {self.bytes_to_write:,} bytes for {self.samples:,} samples, but only "
                    f"{free:,} are free there; make room, lower 'variants', or compress the shards "
                    "(--set output.compression=zstd)"
                )
            return
        claimed = self._needed_bytes(at_once)
        if claimed > free:
            raise BuildError(
                f"{self.folder} needs up to {claimed:,} bytes for the shards in the making, {at_once} at once, but "
                f"only {free:,} are free there; make room, or lower --workers or output.shard_size"
            )

    def has_room_for_both(self, at_once: int) -> bool:
        """Tell whether the set that is there can be kept until the one that replaces it is complete."""
        return self._needed_bytes(at_once) <= self.bytes_free + self._reclaimed_bytes

    @property
    def kept_shards(self) -> tuple[ShardSpec, ...]:
        """The shards that are published and need not be made."""
        return tuple(self.shards[index] for index in sorted(self.kept))

    @property
    def _reclaimed_bytes(self) -> int:
        """Bytes of an unfinished replacement that are removed before another one is made."""
        return folders.bytes_of_dataset(self.workspace, but=self.kept_shards) if self.replaces else 0

    def _needed_bytes(self, at_once: int) -> int:
        if self.recipe.output.compression == "none":
            return self.bytes_to_write
        return min(at_once * shard_bytes(self.shards.largest), self.bytes_to_write)


def plan_build(
    recipe: Recipe, out: str | Path | None = None, *, overwrite: bool = False, strict: bool = False
) -> BuildPlan:
    """Plan a build.

    Parameters
    ----------
    recipe : Recipe
        What to make.
    out : str or Path, optional
        The data set's folder; by default ``out/NAME``, NAME being the recipe's.
    overwrite : bool
        Whether to replace a data set that is in the folder.
    strict : bool
        Whether it is an error that what the recipe expects cannot be asked for.

    Returns
    -------
    BuildPlan

    Raises
    ------
    AugforgeError
        If the recipe, its source or the folder cannot be used; says why.
    """
    forge, expectation = _buildable(recipe, strict)
    folder = Path(out if out is not None else Path("out") / recipe.name).absolute()
    _check_source_is_elsewhere(recipe, folder)
    folders.check(folder, forge, overwrite=overwrite)
    return refresh_plan(
        BuildPlan(
            forge=forge,
            folder=folder,
            shards=shards_of(forge),
            kept=frozenset(),
            overwrite=overwrite,
            workspace=folder,
            of=expectation.of,
            not_applied=expectation.not_applied,
        )
    )


def _buildable(recipe: Recipe, strict: bool) -> tuple[Forge, Expectation]:
    """Open a recipe's originals; raise `AugforgeError` unless it can be built here."""
    if os.name != "posix":
        raise AugforgeError("augforge builds on Linux and macOS; on Windows, use WSL")
    forge, expectation = settled_forge(recipe)
    if strict:
        check_strict(expectation)
    if len(forge) == 0:
        raise AugforgeError("the recipe makes no samples")
    return forge, expectation


def refresh_plan(plan: BuildPlan) -> BuildPlan:
    """Re-plan against the shards that are already on disk."""
    workspace = folders.workspace(plan.folder, plan.forge, overwrite=plan.overwrite)
    shards, kept = find_published(workspace, shards_of(plan.forge))
    moving_in = folders.manifest_in(plan.folder / REPLACEMENT) if is_moving_in(plan.folder) else None
    plan = replace(plan, shards=shards, kept=kept, workspace=workspace, moving_in=moving_in)
    # Its shards are in two places, and none of them is missing.
    return replace(plan, kept=frozenset(range(len(shards)))) if plan.finishes else plan


def _check_source_is_elsewhere(recipe: Recipe, folder: Path) -> None:
    """Raise `BuildError` if the originals lie in the folder, where they would be replaced."""
    source = recipe.source.path
    if source is not None and source.resolve().is_relative_to(folder.resolve()):
        raise BuildError(
            f"the originals, {source}, lie in the data set's own folder {folder}; choose another folder (--out)"
        )


def shards_of(forge: Forge) -> ShardPlan:
    """Return the shards of a data set that was never extended."""
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
