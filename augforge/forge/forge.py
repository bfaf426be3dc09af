"""Make samples from their numbers."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge._platform.c_library import keep_freed_memory
from augforge.distortions import DisplacementField, SampleIds
from augforge.errors import AugforgeError, RecipeError
from augforge.forge.batch import FIELDS, Batch
from augforge.forge.drawing import column_names, draw, list_streams
from augforge.forge.guarding import GuardedBlock, guard_columns
from augforge.forge.rendering import render
from augforge.recipe import Applies, Guard, Limit, Recipe, Step, load_recipe
from augforge.recipe.steps import all_nodes, single_steps
from augforge.sources import Source, open_source
from augforge.sources.levels import level_warnings

# Samples rendered in one call. Larger blocks are no faster: their images and fields then leave the caches.
_CHUNK = 2048
_CHUNK_BYTES = 1 << 24


class Forge:
    """Make any samples of a recipe from their numbers.

    Sample ``k`` is variant ``k // n`` of original ``k % n``, for n originals. Thread-safe; pickles as its recipe
    and source.

    Parameters
    ----------
    recipe : Recipe, str or Path
        A recipe, its file or the name of a ready recipe.
    source : Source, optional
        The originals; by default opened and normalized as the recipe says.

    Raises
    ------
    RecipeError
        If the recipe does not fit the source, as with an unknown class.
    SourceError
        If the source cannot be read.
    """

    def __init__(self, recipe: Recipe | str | Path, source: Source | None = None) -> None:
        self.recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
        self._given_source = source
        self.source = open_source(self.recipe.source, self.recipe.normalize) if source is None else source
        _check_classes(self.recipe, self.source)
        _check_padding(self.recipe.frame, *self.source.images.shape[1:])
        self.columns: tuple[str, ...] = column_names(self.recipe.distort) + guard_columns(self.recipe.guard)
        self._streams = list_streams(self.recipe.distort)
        self.pixel_digest: str = self.recipe.pixel_digest(self.source.digest)
        self.steps: tuple[Step, ...] = tuple(single_steps(self.recipe.distort))
        _check_frame(self.steps, *self.image_shape)
        # Blocks are powers of two, so the largest is a multiple of all.
        self._block = max((step.distortion.block for step in self.steps), default=1)
        fields = sum(isinstance(step.distortion, DisplacementField) for step in self.steps)
        self._chunk = _choose_chunk(*self.image_shape, fields, self._block)
        _check_guard(self.recipe.guard, self.steps)
        keep_freed_memory()

    def __reduce__(self) -> tuple[Any, ...]:
        return Forge, (self.recipe, self._given_source)

    def __len__(self) -> int:
        return len(self.source) * (self.recipe.variants + self.recipe.keep_originals)

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of every image, in pixels."""
        _, height, width = self.source.images.shape
        return self.recipe.frame or (height, width)

    @property
    def labelled(self) -> bool:
        """Whether samples have labels."""
        return self.source.labels is not None

    def warnings(self) -> tuple[str, ...]:
        """Warn of suspicious originals, such as light paper.

        Each warning names a remedy. Normalized originals are not checked, as normalizing sets their levels.
        """
        if self.recipe.normalize is not None:
            return ()
        return level_warnings(self.source, self.recipe.source)

    def make(self, numbers: Iterable[int] | NDArray[Any]) -> Batch:
        """Make samples.

        Parameters
        ----------
        numbers : sequence of int, or ndarray of integers, shape (N,)
            Sample numbers from 0 to ``len(self) - 1``, in any order, repeats allowed.

        Returns
        -------
        Batch
            In the order of `numbers`. A sample does not depend on the other numbers.

        Raises
        ------
        IndexError
            If a number is out of range.
        TypeError
            If the numbers are not integers in one dimension.
        """
        wanted = _check_numbers(numbers, len(self))
        if self._block == 1:
            return self._make(wanted)
        blocks, inverse = np.unique(wanted // self._block, return_inverse=True)
        whole = self._make((blocks[:, np.newaxis] * self._block + np.arange(self._block)).reshape(-1))
        return _select_rows(whole, inverse * self._block + wanted % self._block)

    def read(self, numbers: NDArray[Any], fields: Sequence[str] = FIELDS) -> dict[str, NDArray[Any]]:
        """Make fields of samples, as a reader reads them.

        Parameters
        ----------
        numbers : ndarray of integers, shape (N,)
            As for `make`.
        fields : sequence of str
            Among ``image``, ``label``, ``number``, ``source_index``, ``variant``, ``parameters``. Sources without
            labels have no ``label``.

        Returns
        -------
        dict of str to ndarray
        """
        batch = self.make(numbers)
        found = {
            "image": batch.images,
            "label": batch.labels,
            "number": batch.numbers,
            "source_index": batch.source_index,
            "variant": batch.variant,
            "parameters": batch.parameters,
        }
        return {field: np.asarray(found[field]) for field in fields}

    def originals(self, source_index: NDArray[Any]) -> NDArray[Any]:
        """Return originals by number, padded to the recipe's frame.

        Returns
        -------
        ndarray of uint8, shape (M, H, W)
        """
        # Twice as fast as indexing.
        images: NDArray[Any] = self.source.images.take(source_index, axis=0)
        _, height, width = images.shape
        if (height, width) == self.image_shape:
            return images
        # An odd line goes below or to the right.
        top, left = (self.image_shape[0] - height) // 2, (self.image_shape[1] - width) // 2
        framed = np.zeros((len(images), *self.image_shape), np.uint8)
        framed[:, top : top + height, left : left + width] = images
        return framed

    def _make(self, numbers: NDArray[Any]) -> Batch:
        # Blocks may extend beyond the last sample; their numbers are valid, too.
        count = len(numbers)
        batch = Batch(
            numbers=numbers,
            images=np.empty((count, *self.image_shape), np.uint8),
            labels=None if self.source.labels is None else np.empty(count, np.uint8),
            source_index=np.empty(count, np.uint32),
            variant=np.empty(count, np.uint16),
            parameters=np.empty((count, len(self.columns)), np.float32),
            columns=self.columns,
        )
        for start in range(0, count, self._chunk):
            self._fill(batch, slice(start, start + self._chunk))
        return batch

    def _fill(self, batch: Batch, rows: slice) -> None:
        numbers = batch.numbers[rows]
        variant, source_index = np.divmod(numbers, len(self.source))
        samples = SampleIds(
            self.recipe.seed,
            numbers,
            source_index.astype(np.uint32),
            variant.astype(np.uint32),
            self.image_shape,
        )
        originals = self.originals(source_index)
        labels = None if self.source.labels is None else self.source.labels[source_index]
        active = variant > 0 if self.recipe.keep_originals else np.ones(len(samples), bool)
        table = draw(self.recipe.distort, self._streams, samples, labels, active)
        if self.recipe.guard:
            block = GuardedBlock(self.recipe.guard, table, originals, samples, labels)
            batch.images[rows] = block.render()
        else:
            batch.images[rows] = render(originals, table.steps)
        batch.source_index[rows] = samples.source_index
        batch.variant[rows] = samples.variant
        if batch.labels is not None:
            batch.labels[rows] = labels
        if self.columns:
            recorded = [table.columns[name] for name in self.columns]
            np.stack(recorded, axis=1, out=batch.parameters[rows], casting="same_kind")


def _choose_chunk(height: int, width: int, fields: int, block: int) -> int:
    """Choose the number of samples to render in one call.

    The result is a power of two and at least a block.
    """
    # A byte for the gray level, and two int32 displacements for each field.
    sample = height * width * (1 + 2 * np.dtype(np.int32).itemsize * fields)
    most = max(1, min(_CHUNK, _CHUNK_BYTES // sample))
    return max(block, 1 << (most.bit_length() - 1))


def _select_rows(batch: Batch, rows: NDArray[Any]) -> Batch:
    arrays = {name: value for name, value in vars(batch).items() if isinstance(value, np.ndarray)}
    return replace(batch, **{name: array[rows] for name, array in arrays.items()})


def _check_numbers(numbers: Iterable[int] | NDArray[Any], count: int) -> NDArray[Any]:
    plain = numbers if isinstance(numbers, range | np.ndarray) else list(numbers)
    array = np.asarray(plain) if len(plain) else np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(
            f"sample numbers must be integers in one dimension; got {array.dtype} of shape {array.shape}"
        )
    array = array.astype(np.int64)
    if len(array) and not 0 <= array.min() <= array.max() < count:
        wrong = array[(array < 0) | (array >= count)][0]
        raise IndexError(f"there is no sample {wrong}: numbers go from 0 to {count - 1}")
    return array


def _check_classes(recipe: Recipe, source: Source) -> None:
    limited: list[tuple[str, Applies | Limit]] = [
        (f"step '{node.id}'", node.applies) for node in all_nodes(recipe.distort)
    ]
    limited += [
        (f"the guard '{kind.name}'", limit)
        for kind in recipe.guard.active()
        for limit in recipe.guard.limits(kind)
    ]
    for owner, limit in limited:
        labels = limit.for_labels or limit.except_labels
        if labels is None:
            continue
        if source.labels is None:
            raise RecipeError(f"{owner} is limited to classes, but the source '{source.name}' has no labels")
        if max(labels) >= len(source.class_names):
            raise RecipeError(
                f"{owner} names class {max(labels)}, but the source '{source.name}' has classes "
                f"0 to {len(source.class_names) - 1}"
            )


def _check_padding(frame: tuple[int, int] | None, height: int, width: int) -> None:
    if frame is not None and (frame[0] < height or frame[1] < width):
        raise RecipeError(
            f"'frame' is {frame[0]} x {frame[1]} pixels, smaller than the originals' {height} x {width}; "
            "it pads, so it must be at least as large"
        )


def _check_guard(guard: Guard, steps: Iterable[Step]) -> None:
    # A block of imgaug shares one stream of random numbers, so single samples cannot be redrawn.
    for step in steps:
        drawing = [
            kind.name
            for kind in guard.active()
            if (kind.of_shape if step.distortion.shapes else kind.of_levels)
        ]
        if step.distortion.block > 1 and drawing:
            raise RecipeError(
                f"the guard '{drawing[0]}' cannot be used with step '{step.id}', whose samples can only be redrawn "
                "in whole blocks; remove one of them"
            )


def _check_frame(steps: Iterable[Step], height: int, width: int) -> None:
    for step in steps:
        try:
            step.distortion.check_frame(height, width)
        except AugforgeError as error:
            raise RecipeError(f"step '{step.id}' on {height} x {width} pixels: {error}") from error
