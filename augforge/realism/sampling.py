"""Which samples of a recipe are looked at, and their properties; images need not fit into memory all at once."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.forge import Forge
from augforge.realism.properties import PROPERTIES, measure

# Images made or copied at once, in pixels.
_PIXELS_AT_ONCE = 1 << 23


def choose_samples(forge: Forge, count: int) -> NDArray[np.int64]:
    """Return sample numbers of distorted variants, ascending: the first variants of evenly spread originals.

    Steps that work on whole blocks of samples, imgaug's, get whole blocks.
    """
    size = len(forge.source)
    first = size * forge.recipe.keep_originals
    stop = first + max(min(size, len(forge) - first), min(count, len(forge) - first))
    block = max((step.distortion.block for step in forge.steps), default=1)
    blocks = np.arange(first // block, -(-stop // block), dtype=np.int64)
    wanted = min(len(blocks), -(-count // block) + (block > 1))
    taken = blocks[np.arange(wanted) * len(blocks) // max(wanted, 1)]
    numbers = (taken[:, np.newaxis] * block + np.arange(block)).reshape(-1)
    chosen: NDArray[np.int64] = numbers[(numbers >= first) & (numbers < stop)][:count]
    return chosen


def measure_samples(
    forge: Forge, numbers: NDArray[np.int64]
) -> tuple[dict[str, NDArray[np.float64]], NDArray[Any]]:
    """Return the properties of samples, and their parameters, float32 (N, P)."""
    parameters: list[NDArray[Any]] = [np.empty((0, len(forge.columns)), np.float32)]

    def images(some: NDArray[np.int64]) -> NDArray[Any]:
        batch = forge.make(some)
        parameters.append(batch.parameters)
        return batch.images

    measured = measure_numbered(images, numbers, forge.image_shape)
    return measured, np.concatenate(parameters)


def measure_numbered(
    images: Callable[[NDArray[Any]], NDArray[Any]], numbers: NDArray[Any], shape: tuple[int, int]
) -> dict[str, NDArray[np.float64]]:
    """Return the properties of images by number, which are not held in memory all at once."""
    parts = [measure(np.empty((0, *shape), np.uint8))]
    parts += [measure(images(some)) for some in _portions(numbers, shape)]
    return {one.name: np.concatenate([part[one.name] for part in parts]) for one in PROPERTIES}


def _portions(numbers: NDArray[Any], shape: tuple[int, int]) -> Iterator[NDArray[Any]]:
    per = max(1, _PIXELS_AT_ONCE // (shape[0] * shape[1]))
    for start in range(0, len(numbers), per):
        yield numbers[start : start + per]
