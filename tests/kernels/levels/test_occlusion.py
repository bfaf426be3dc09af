import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from augforge import kernels
from tests.kernels import reference

KEYS = np.random.default_rng(0).integers(0, 2**63, 20_000, np.uint64)


def hidden(images: np.ndarray, width: float, height: float, level: float = 0.0) -> np.ndarray:
    values = [np.full(len(images), value) for value in (width, height, level)]
    return kernels.hide_rectangles(images, KEYS[: len(images)], *values)


@given(st.floats(0, 40, width=32), st.floats(0, 40, width=32), st.floats(0, 255, width=32))
def test_one_rectangle_of_that_size_and_level(width: float, height: float, level: float) -> None:
    images = np.tile(np.array([[200, 201]], np.uint8), (20, 25, 15))
    after = hidden(images, width, height, level)
    wide, high = min(int(width + 0.5), 30), min(int(height + 0.5), 25)
    for before, one in zip(images, after, strict=True):
        changed = before != one
        rows, columns = changed.any(axis=1).nonzero()[0], changed.any(axis=0).nonzero()[0]
        if level < 199:
            assert (len(rows), len(columns)) == ((high, wide) if wide and high else (0, 0))
            assert changed.sum() == wide * high
            assert len(rows) == 0 or (np.ptp(rows) + 1, np.ptp(columns) + 1) == (high, wide)
        assert (one[changed] == int(level + 0.5)).all()


def plainly_hidden(image: np.ndarray, key: int, width: float, height: float, level: float) -> np.ndarray:
    wide = min(int(width + 0.5), image.shape[1])
    high = min(int(height + 0.5), image.shape[0])
    right_bits, down_bits = reference.random_bits(key)
    left = (right_bits >> 32) * (image.shape[1] - wide + 1) >> 32
    top = (down_bits >> 32) * (image.shape[0] - high + 1) >> 32
    out = image.copy()
    out[top : top + high, left : left + wide] = int(level + 0.5)
    return out


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12))),
    st.integers(0, 2**64 - 1),
    *(st.floats(0, most, width=32) for most in (14, 14, 255)),
)
def test_it_is_what_the_plain_version_is(
    image: np.ndarray, key: int, width: float, height: float, level: float
) -> None:
    values = [np.array([value]) for value in (width, height, level)]
    found = kernels.hide_rectangles(image[np.newaxis], np.array([key], np.uint64), *values)
    np.testing.assert_array_equal(found[0], plainly_hidden(image, key, width, height, level))


def test_every_place_is_equally_likely() -> None:
    after = hidden(np.full((20_000, 8, 7), 9, np.uint8), 3.0, 4.0)
    corners = np.array([np.argwhere(one == 0)[0] for one in after])
    counts = np.bincount(corners[:, 0] * 5 + corners[:, 1], minlength=25)
    assert len(counts) == 25
    assert 1e-4 < stats.chisquare(counts).pvalue < 1 - 1e-4


@pytest.mark.parametrize(("width", "height"), [(0.0, 0.0), (0.0, 9.0), (9.0, 0.49)])
def test_nothing_is_the_identity(width: float, height: float) -> None:
    images = np.random.default_rng(1).integers(0, 256, (50, 28, 28), np.uint8)
    np.testing.assert_array_equal(hidden(images, width, height), images)
