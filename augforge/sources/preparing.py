"""Pictures of any size -> images of one size."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from augforge.errors import AugforgeError, Problems, SourceError
from augforge.sources.gathering import Gatherer

Prepare = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Turns one picture, uint8 (H, W), (H, W, 3) or (H, W, 4) of any size, into an image, uint8 of always one shape."""


def stacked(pictures: Iterable[tuple[str, NDArray[np.uint8]]], prepare: Prepare | None) -> NDArray[np.uint8]:
    """Prepare pictures one after the other and stack them.

    Parameters
    ----------
    pictures
        For each how messages call it, and its pixels; one at least.
    prepare
        What makes images of one size of them; None: they must have one already, and be gray.

    Returns
    -------
    uint8 (N, H, W), read-only.

    Raises
    ------
    SourceError
        If sizes differ, or pictures cannot be prepared; the message names the first 20 of these.
    """
    shape, first, count = (0, 0), "", 0
    problems, seen = Problems("originals cannot be normalized"), 0
    with Gatherer("the images") as gathered:
        for place, pixels in pictures:
            seen += 1
            try:
                image = pixels if prepare is None else prepare(pixels)
            except AugforgeError as error:
                problems.add(f"{place}: {error}")
                continue
            if problems:
                continue
            if count == 0:
                shape, first = (image.shape[0], image.shape[1]), place
            elif image.shape != shape:
                raise _unequal(place, image.shape, first, shape)
            gathered.append(image)
            count += 1
        if problems:
            raise SourceError(problems.text(seen))
        return gathered.finish().reshape(count, *shape)


def _unequal(place: str, shape: tuple[int, ...], first: str, first_shape: tuple[int, int]) -> SourceError:
    return SourceError(
        f"{place}: {shape[0]} x {shape[1]} pixels (height x width), but {first} has "
        f"{first_shape[0]} x {first_shape[1]}; pictures of several sizes need 'normalize:' in the recipe"
    )
