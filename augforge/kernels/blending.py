"""Levels between levels, in sixteen bits, which make for twice as many lanes as thirty-two."""

import numpy as np

from augforge.compiling import inlined


@inlined
def between(a: np.uint8, b: np.uint8, share: np.uint16) -> np.uint8:
    """Return the level at a share, in 1/256 and from 0 to 256, of the way from a to b, rounded."""
    # 255 * 256 + 128 is the most, and just fits.
    near = np.uint16(np.uint16(a) * np.uint16(np.uint16(256) - share))
    return np.uint8(np.uint16(near + np.uint16(np.uint16(b) * share) + np.uint16(128)) >> np.uint16(8))
