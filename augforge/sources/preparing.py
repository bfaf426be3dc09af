"""Pictures of any size -> images of one size."""

import json
from collections.abc import Callable, Iterable

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from augforge.errors import AugforgeError, NoInkError, Problems, SourceError, escaped
from augforge.sources.gathering import Gatherer

Prepare = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
"""Turns one picture, uint8 (H, W), (H, W, 3) or (H, W, 4) of any size, into an image, uint8 of always one shape."""


Pictures = Iterable[tuple[str, NDArray[np.uint8] | SourceError]]
"""For each picture how messages call it, and its pixels, or why it cannot be read."""


class HashingPrepare:
    """Prepare pictures, and hash them as they were before.

    Every format prepares its pictures one after the other, in the order of the originals. So this sees all of them
    as decoded, wherever they come from, and the same pictures have the same digest in any format.

    Parameters
    ----------
    prepare
        What makes images of the pictures.
    """

    def __init__(self, prepare: Prepare) -> None:
        self._prepare = prepare
        self._hasher = blake3()

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the prepared picture."""
        self._hasher.update(json.dumps(pixels.shape).encode() + b"\n")
        self._hasher.update(np.ascontiguousarray(pixels).reshape(-1).data)
        return self._prepare(pixels)

    def digest(self, labels: NDArray[np.uint8] | None, classes: int) -> str:
        """Return BLAKE3, 64 hex characters, over all pictures so far and their labels."""
        hasher = self._hasher.copy()
        hasher.update(
            json.dumps({"labelled": labels is not None, "classes": classes}, sort_keys=True).encode()
        )
        if labels is not None:
            hasher.update(labels.data)
        return hasher.hexdigest()


def stacked(pictures: Pictures, prepare: Prepare | None) -> NDArray[np.uint8]:
    """Prepare pictures one after the other and stack them.

    Parameters
    ----------
    pictures
        One at least.
    prepare
        What makes images of one size of them; None: they must have one already, and be gray.

    Returns
    -------
    uint8 (N, H, W), read-only.

    Raises
    ------
    SourceError
        If sizes differ, or pictures cannot be read or prepared; the message names the first 20 of these, or says
        that none has ink.
    """
    shape, first, count = (0, 0), "", 0
    problems, seen = Problems("originals cannot be used"), 0
    first_blank, blank = "", 0
    with Gatherer("the images") as gathered:
        for place, pixels in pictures:
            seen += 1
            if isinstance(pixels, SourceError):
                problems.add(str(pixels))
                continue
            try:
                image = pixels if prepare is None else prepare(pixels)
            except AugforgeError as error:
                problems.add(f"{place}: {error}")
                blank += isinstance(error, NoInkError)
                first_blank = first_blank or f"{place}: {error}"
                continue
            if problems:
                continue
            if count == 0:
                shape, first = (image.shape[0], image.shape[1]), place
            elif image.shape != shape:
                raise _unequal(place, image.shape, first, shape)
            gathered.append(image)
            count += 1
        if 1 < seen == blank:
            raise _all_blank(seen, first_blank)
        if problems:
            raise SourceError(problems.text(seen))
        return gathered.finish().reshape(count, *shape)


def _all_blank(count: int, first: str) -> SourceError:
    """Return the error for originals none of which has ink."""
    return SourceError(
        f"none of the {count:,} originals has ink that can be normalized; check that the source names the "
        f"drawings themselves, not masks or empty pages, and the polarity, if 'normalize' gives one; "
        f"the first: {escaped(first)}"
    )


def _unequal(place: str, shape: tuple[int, ...], first: str, first_shape: tuple[int, int]) -> SourceError:
    return SourceError(
        f"{place}: {shape[0]} x {shape[1]} pixels (height x width), but {first} has "
        f"{first_shape[0]} x {first_shape[1]}; pictures of several sizes need 'normalize:' in the recipe"
    )
