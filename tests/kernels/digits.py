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
    pieces, _ = ndimage.label(ink, np.ones((3, 3)))
    paper, _ = ndimage.label(np.pad(~ink, 1, constant_values=True))
    return (
        int((np.bincount(pieces.ravel())[1:] >= least).sum()),
        int((np.bincount(paper.ravel())[2:] >= least).sum()),  # the first one is the paper around
    )
