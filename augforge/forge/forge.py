"""Making samples from their numbers."""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.distortions import Drawn, Samples
from augforge.errors import AugforgeError, RecipeError
from augforge.forge.batch import FIELDS, Batch
from augforge.forge.drawing import Table, column_names, draw
from augforge.forge.guarding import guard_ink
from augforge.recipe import Recipe, Step, load_recipe
from augforge.recipe.model import single_steps
from augforge.sources import Source, open_source

# Samples rendered at once: their images stay within a core's second-level cache, and the cost of a call
# is shared by many.
_CHUNK = 1024


class Forge:
    """A recipe at work: makes any of its samples from their numbers.

    Sample ``k`` is variant ``k // n`` of original ``k % n``, for n originals. Safe to be used by several
    threads; pickles as its recipe and source.

    Parameters
    ----------
    recipe : Recipe, str or Path
        A recipe, or the file or ready name of one.
    source : Source, optional
        The originals; by default opened, and normalised, as the recipe says.

    Raises
    ------
    RecipeError
        If the recipe does not fit the source (a class that is not there, say).
    SourceError
        If the source cannot be read.
    """

    def __init__(self, recipe: Recipe | str | Path, source: Source | None = None) -> None:
        self.recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
        self._given_source = source
        self.source = open_source(self.recipe.source, self.recipe.normalize) if source is None else source
        _check_classes(self.recipe, self.source)
        guarded = ("guard.attempts", "guard.pull") if self._guarded else ()
        self.columns: tuple[str, ...] = column_names(self.recipe.distort) + guarded
        self.pixel_digest: str = self.recipe.pixel_digest(self.source.digest)
        self.steps: tuple[Step, ...] = tuple(single_steps(self.recipe.distort))
        _check_frame(self.steps, *self.image_shape)
        self._block = max((step.distortion.block for step in self.steps), default=1)

    def __reduce__(self) -> tuple[Any, ...]:
        return Forge, (self.recipe, self._given_source)

    def __len__(self) -> int:
        return len(self.source) * (self.recipe.variants + self.recipe.keep_originals)

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of every image, in pixels."""
        _, height, width = self.source.images.shape
        return height, width

    @property
    def labelled(self) -> bool:
        """Whether samples have labels."""
        return self.source.labels is not None

    @property
    def _guarded(self) -> bool:
        return self.recipe.guard.min_ink_kept > 0.0

    def make(self, numbers: Iterable[int] | NDArray[Any]) -> Batch:
        """Make samples.

        Parameters
        ----------
        numbers : sequence of int, or ndarray of integers, shape (N,)
            Sample numbers from 0 to ``len(self) - 1``, in any order, repeats allowed.

        Returns
        -------
        Batch
            In the order of `numbers`; the same for each number whatever else is asked for.

        Raises
        ------
        IndexError
            If a number is out of range.
        TypeError
            If the numbers are not whole.
        """
        wanted = _as_numbers(numbers, len(self))
        if self._block == 1:
            return self._make(wanted)
        blocks, places = np.unique(wanted // self._block, return_inverse=True)
        whole = self._make((blocks[:, np.newaxis] * self._block + np.arange(self._block)).reshape(-1))
        return _rows(whole, places * self._block + wanted % self._block)

    def read(self, numbers: NDArray[Any], fields: Sequence[str] = FIELDS) -> dict[str, NDArray[Any]]:
        """Make samples and return some of their fields, as a reader of a built data set does.

        Parameters
        ----------
        numbers : ndarray of integers, shape (N,)
            As for `make`.
        fields : sequence of str
            Among ``image``, ``label``, ``number``, ``source_index``, ``variant``, ``parameters``; a field that
            the source does not have (``label``) must not be asked for.

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

    def _make(self, numbers: NDArray[Any]) -> Batch:
        # Blocks may reach beyond the last sample: their numbers are as good as any.
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
        for start in range(0, count, _CHUNK):
            self._fill(batch, slice(start, start + _CHUNK))
        return batch

    def _fill(self, batch: Batch, rows: slice) -> None:
        numbers = batch.numbers[rows]
        variant, source_index = np.divmod(numbers, len(self.source))
        samples = Samples(
            self.recipe.seed,
            numbers,
            source_index.astype(np.uint32),
            variant.astype(np.uint32),
            self.image_shape,
        )
        originals = self.source.images[source_index]
        labels = None if self.source.labels is None else self.source.labels[source_index]
        table = self._draw(samples, labels, originals)
        batch.images[rows] = _render(originals, table.steps)
        batch.source_index[rows] = samples.source_index
        batch.variant[rows] = samples.variant
        if batch.labels is not None:
            batch.labels[rows] = labels
        for column, name in enumerate(self.columns):
            batch.parameters[rows, column] = table.columns[name]

    def _draw(self, samples: Samples, labels: NDArray[Any] | None, originals: NDArray[Any]) -> Table:
        active = samples.variant > 0 if self.recipe.keep_originals else np.ones(len(samples), bool)
        table = draw(self.recipe.distort, samples, labels, active)
        if self._guarded:
            guard_ink(table, samples, originals, self.recipe.guard.min_ink_kept)
        return table


def _render(images: NDArray[Any], steps: Sequence[Drawn]) -> NDArray[Any]:
    """Apply the steps in their order, those of one family that follow each other at once."""
    for family, run in itertools.groupby(steps, key=lambda step: step.distortion.family()):
        images = family.render(images, list(run))
    return images


def _rows(batch: Batch, rows: NDArray[Any]) -> Batch:
    return Batch(
        batch.numbers[rows],
        batch.images[rows],
        None if batch.labels is None else batch.labels[rows],
        batch.source_index[rows],
        batch.variant[rows],
        batch.parameters[rows],
        batch.columns,
    )


def _as_numbers(numbers: Iterable[int] | NDArray[Any], count: int) -> NDArray[Any]:
    plain = numbers if isinstance(numbers, range | np.ndarray) else list(numbers)
    array = np.asarray(plain) if len(plain) else np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(
            f"sample numbers are whole numbers in one dimension; got {array.dtype} of shape {array.shape}"
        )
    array = array.astype(np.int64)
    if len(array) and not 0 <= array.min() <= array.max() < count:
        wrong = array[(array < 0) | (array >= count)][0]
        raise IndexError(f"there is no sample {wrong}: numbers go from 0 to {count - 1}")
    return array


def _check_classes(recipe: Recipe, source: Source) -> None:
    for node in _all_nodes(recipe.distort):
        labels = node.applies.for_labels or node.applies.except_labels
        if labels is None:
            continue
        if source.labels is None:
            raise RecipeError(
                f"step '{node.id}' is limited to classes, but the source '{source.name}' has no labels"
            )
        if max(labels) >= len(source.class_names):
            raise RecipeError(
                f"step '{node.id}' names class {max(labels)}, but the source '{source.name}' has classes "
                f"0 to {len(source.class_names) - 1}"
            )


def _check_frame(steps: Iterable[Step], height: int, width: int) -> None:
    for step in steps:
        try:
            step.distortion.check_frame(height, width)
        except AugforgeError as error:
            raise RecipeError(f"step '{step.id}' on {height} x {width} pixels: {error}") from error


def _all_nodes(nodes: Iterable[Any]) -> Iterable[Any]:
    for node in nodes:
        yield node
        yield from _all_nodes(getattr(node, "steps", ()))
