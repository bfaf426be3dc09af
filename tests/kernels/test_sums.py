import numpy as np
import pytest

from augforge.kernels import gray_sums


# The last is longer than a run of 65,536 pixels, and a whole number of runs.
@pytest.mark.parametrize("shape", [(0, 3, 3), (1, 1, 1), (3, 5, 17), (1000, 28, 28), (3, 256, 256)])
@pytest.mark.parametrize("low", [0, 255])
def test_sums_are_exact(shape, low):
    images = np.random.default_rng(0).integers(low, 256, shape, dtype=np.uint8)
    wide = images.astype(object)
    assert gray_sums(images) == (wide.sum(), (wide * wide).sum())
