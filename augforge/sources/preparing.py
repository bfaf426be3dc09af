"""Make images of one size from pictures of any size."""

import json
from collections.abc import Callable, Iterable

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from augforge.errors import AugforgeError, NoInkError, Problems, SourceError, escape
from augforge.sources.decoding import SpillBuffer

Prepare = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Makes an image, uint8 of one shape, from a picture, uint8 (H, W), (H, W, 3) or (H, W, 4) of any size."""

Pictures = Iterable[tuple[str, NDArray[np.uint8] | SourceError]]
"""The name of each picture for messages, and its pixels or the error of reading it."""


class HashingPrepare:
    """Prepare pictures, and hash them as decoded.

    Every format prepares its pictures one by one, in the order of the originals, so the same pictures have the same
    digest in any format.

    Parameters
    ----------
    prepare : callable
        Makes an image of a picture.
    """

    def __init__(self, prepare: Prepare) -> None:
        self._prepare = prepare
        self._hasher = blake3()

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Prepare a picture."""
        self._hasher.update(json.dumps(pixels.shape).encode() + b"\n")
        self._hasher.update(np.ascontiguousarray(pixels).reshape(-1).data)
        return self._prepare(pixels)

    def digest(self, labels: NDArray[np.uint8] | None, classes: int) -> str:
        """Return the BLAKE3 of all pictures and labels, in hex."""
        hasher = self._hasher.copy()
        hasher.update(
            json.dumps({"labelled": labels is not None, "classes": classes}, sort_keys=True).encode()
        )
        if labels is not None:
            hasher.update(labels.data)
        return hasher.hexdigest()


def stack(pictures: Pictures, prepare: Prepare | None) -> NDArray[np.uint8]:
    """Prepare pictures and stack them.

    Parameters
    ----------
    pictures : iterable
        The pictures, at least one.
    prepare : callable or None
        Makes images of one size; without it, the pictures must be gray and of one size.

    Returns
    -------
    ndarray
        uint8 (N, H, W), read-only.

    Raises
    ------
    SourceError
        If sizes differ, or pictures cannot be read or prepared; the message names the first 20 of these, or reports
        that none has ink.
    """
    shape, first, count = (0, 0), "", 0
    problems, total = Problems("originals cannot be used"), 0
    first_error, blank = "", 0
    with SpillBuffer("the images") as buffer:
        for where, pixels in pictures:
            total += 1
            if isinstance(pixels, SourceError):
                problems.add(str(pixels))
                continue
            try:
                image = pixels if prepare is None else prepare(pixels)
            except AugforgeError as error:
                problems.add(f"{where}: {error}")
                blank += isinstance(error, NoInkError)
                first_error = first_error or f"{where}: {error}"
                continue
            if problems:
                continue
            if count == 0:
                shape, first = (image.shape[0], image.shape[1]), where
            elif image.shape != shape:
                raise _unequal(where, image.shape, first, shape)
            buffer.append(image)
            count += 1
        if 1 < total == blank:
            raise SourceError(
                f"none of the {total:,} originals has ink to normalize; check that the source is drawings, not "
                f"masks or empty pages, and check 'polarity', if 'normalize' sets it; "
                f"the first: {escape(first_error)}"
            )
        if problems:
            raise SourceError(problems.text(total))
        return buffer.finish().reshape(count, *shape)


def _unequal(where: str, shape: tuple[int, ...], first: str, first_shape: tuple[int, int]) -> SourceError:
    return SourceError(
        f"{where}: {shape[0]} x {shape[1]} pixels (height x width), but {first} has "
        f"{first_shape[0]} x {first_shape[1]}; for pictures of several sizes write 'normalize:' in the recipe"
    )
