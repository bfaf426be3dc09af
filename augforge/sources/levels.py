"""Check that originals are light ink on black paper."""

import numpy as np
from numpy.typing import NDArray

from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec

LIGHT = 128
"""The lowest light level: closer to 255 than to 0."""

DARKEST_PEAK = 32
"""The lowest plausible value of a source's brightest level."""

_MAX_SAMPLE = 1_000  # images
_MIN_SAMPLE = 16
_MAX_PIXELS = 1 << 24  # of the sample: 21,000 images of MNIST's size, 64 of 512 x 512
_BLOCK_BYTES = 16 << 20


def level_warnings(source: Source, spec: SourceSpec) -> tuple[str, ...]:
    """Warn about suspicious gray levels of originals without normalization.

    The check samples at most 1,000 originals, evenly spread and always the same. If all of these are dark, it reads
    the others until it finds a brighter one.

    Parameters
    ----------
    source : Source
        The originals.
    spec : SourceSpec
        Their specification, for the remedy.

    Returns
    -------
    tuple of str
        A message for each suspicion, with its remedy.
    """
    sample = _choose_sample(source.images.shape)
    light = peak = 0
    for number in sample.tolist():
        image = source.images[number]
        light += int(np.count_nonzero(image >= LIGHT)) * 2 > image.size
        peak = max(peak, int(image.max()))
    found = []
    if light * 2 > len(sample):
        found.append(
            f"{source.name}: {light:,} of {len(sample):,} sampled originals are mostly light, but steps expect "
            f"light ink on black paper: they leave black corners and thin dark ink; {_suggest_remedy(spec)}"
        )
    if peak < DARKEST_PEAK and (peak := _find_peak(source.images)) < DARKEST_PEAK:
        found.append(
            f"{source.name}: the brightest level of all originals is {peak} of 255, so they are nearly black to "
            "steps and guards; write levels from 0 to 255 into the files, or 'normalize: true' in the recipe"
        )
    return tuple(found)


def _choose_sample(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Choose at most 1,000 images, fewer if large."""
    count, height, width = shape
    most = max(_MIN_SAMPLE, min(_MAX_SAMPLE, _MAX_PIXELS // (height * width)))
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def _find_peak(images: NDArray[np.uint8]) -> int:
    """Find the highest level, or the first bright enough."""
    step, peak = max(1, _BLOCK_BYTES // images[0].nbytes), 0
    for first in range(0, len(images), step):
        peak = max(peak, int(images[first : first + step].max()))
        if peak >= DARKEST_PEAK:
            break
    return peak


def _suggest_remedy(spec: SourceSpec) -> str:
    if spec.invert:
        return "leave out 'invert: true'"
    if spec.path is None:
        return "write 'normalize: true' in the recipe"
    return "write 'invert: true' in the source, or 'normalize: true' in the recipe"
