"""Choose samples, and measure them in portions that fit into memory."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.forge import Forge
from augforge.realism.properties import concatenate, measure

# Pixels rendered or copied at once.
_PIXELS_AT_ONCE = 1 << 23


def choose_samples(forge: Forge, count: int) -> NDArray[np.int64]:
    """Choose distorted samples: the first variants of evenly spread originals.

    Returns ascending sample numbers. Steps that need whole blocks of samples, such as imgaug's, get whole blocks.
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
    """Measure samples, and return their parameters, float32 (N, P), too."""
    parameters: list[NDArray[Any]] = [np.empty((0, len(forge.columns)), np.float32)]

    def make(some: NDArray[np.int64]) -> NDArray[Any]:
        batch = forge.make(some)
        parameters.append(batch.parameters)
        return batch.images

    measured = measure_by_number(make, numbers, forge.image_shape)
    return measured, np.concatenate(parameters)


def measure_by_number(
    get_images: Callable[[NDArray[Any]], NDArray[Any]], numbers: NDArray[Any], shape: tuple[int, int]
) -> dict[str, NDArray[np.float64]]:
    """Measure images by number, one portion at a time."""
    count = max(1, _PIXELS_AT_ONCE // (shape[0] * shape[1]))
    parts = [measure(np.empty((0, *shape), np.uint8))]
    parts += [measure(get_images(numbers[start : start + count])) for start in range(0, len(numbers), count)]
    return concatenate(parts)
