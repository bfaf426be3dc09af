"""Look whether originals are light ink on black paper, as steps and guards take them."""

import numpy as np
from numpy.typing import NDArray

from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec

LIGHT = 128
"""A level from here on is light: nearer to 255 than to 0."""

DARKEST_PEAK = 32
"""The brightest level of a source should be this at least."""

_MOST_LOOKED_AT = 1_000
_MOST_PIXELS = 1 << 24  # of all that are looked at: 21,000 images of MNIST's size, 64 of 512 x 512
_LEAST_LOOKED_AT = 16
_ROWS_AT_ONCE = 16 << 20  # bytes


def level_warnings(source: Source, spec: SourceSpec) -> tuple[str, ...]:
    """Return what is suspicious about the levels of originals that are not normalized.

    At most 1,000 originals are looked at, spread evenly, always the same ones. Only where these are all dark, the
    others are read until a brighter one comes.

    Parameters
    ----------
    source : Source
        The originals.
    spec : SourceSpec
        What the recipe says of them: the remedy follows from it.

    Returns
    -------
    tuple of str
        A sentence for each suspicion, with its remedy.
    """
    looked_at = _looked_at(source.images.shape)
    light = peak = 0
    for number in looked_at.tolist():
        image = source.images[number]
        light += int(np.count_nonzero(image >= LIGHT)) * 2 > image.size
        peak = max(peak, int(image.max()))
    found = []
    if light * 2 > len(looked_at):
        found.append(
            f"{source.name}: {light:,} of {len(looked_at):,} originals looked at are mostly light, but steps take "
            f"light ink on black paper: they leave black corners and thin dark ink; {_remedy(spec)}"
        )
    if peak < DARKEST_PEAK and (peak := _peak(source.images)) < DARKEST_PEAK:
        found.append(
            f"{source.name}: the brightest level of all originals is {peak} of 255, so they are nearly black to "
            "steps and guards; write levels from 0 to 255 into the files, or 'normalize: true' in the recipe"
        )
    return tuple(found)


def _looked_at(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the numbers of at most 1,000 images of a shape (N, H, W), fewer where they are large."""
    count, height, width = shape
    most = max(_LEAST_LOOKED_AT, min(_MOST_LOOKED_AT, _MOST_PIXELS // (height * width)))
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def _peak(images: NDArray[np.uint8]) -> int:
    """Return the highest level, or one that is bright enough where there is such."""
    step, peak = max(1, _ROWS_AT_ONCE // images[0].nbytes), 0
    for first in range(0, len(images), step):
        peak = max(peak, int(images[first : first + step].max()))
        if peak >= DARKEST_PEAK:
            break
    return peak


def _remedy(spec: SourceSpec) -> str:
    if spec.invert:
        return "leave out 'invert: true'"
    if spec.path is None:
        return "write 'normalize: true' in the recipe"
    return "write 'invert: true' in the source, or 'normalize: true' in the recipe"
