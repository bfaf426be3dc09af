"""The bundled digits, and how ink hangs together, counted by SciPy."""

import functools

import numpy as np
from scipy import ndimage

from augforge.sources import SourceSpec, open_source


@functools.cache
def digits() -> np.ndarray:
    """Return all 10,000, uint8 (10000, 28, 28); not to be written to."""
    splits = [open_source(SourceSpec(dataset="mnist-10k", split=split)).images for split in ("train", "test")]
    images = np.concatenate(splits)
    images.flags.writeable = False
    return images


def pieces_and_holes(ink: np.ndarray, least: int = 1) -> tuple[int, int]:
    """Count 8-connected pieces of ink, bool (H, W), and 4-connected holes in it, of so many pixels at least."""
    pieces, holes = pieces_and_holes_of_each(ink[np.newaxis], least)[0]
    return int(pieces), int(holes)


def pieces_and_holes_of_each(inks: np.ndarray, least: int = 1) -> np.ndarray:
    """Count pieces and holes of many images, bool (N, H, W), as int64 (N, 2)."""
    eight, four = np.zeros((2, 3, 3, 3), bool)  # nothing touches the image before or after it
    eight[1], four[1] = True, ndimage.generate_binary_structure(2, 1)
    paper = np.pad(~inks, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    # The first patch of an image's paper is the one around.
    return np.stack([_counted(inks, eight, least), _counted(paper, four, least, first=1)], axis=1)


def _counted(images: np.ndarray, touching: np.ndarray, least: int, first: int = 0) -> np.ndarray:
    """Count each image's patches of so many pixels at least, from its first one on."""
    labels, count = ndimage.label(images, touching)
    # Labels count up from one image to the next.
    ends = np.maximum.accumulate(labels.max(axis=(1, 2), initial=0))
    starts = np.concatenate([[0], ends[:-1]])
    large = np.concatenate([[0], np.cumsum(np.bincount(labels.ravel(), minlength=count + 1)[1:] >= least)])
    return large[ends] - large[np.minimum(starts + first, ends)]
