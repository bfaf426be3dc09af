import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from augforge.kernels import lift_pen
from tests.kernels import reference
from tests.kernels.digits import digits

KEYS = np.random.default_rng(0).integers(0, 2**64, 4000, np.uint64)


def lifted(images: np.ndarray, count: float, length: float) -> np.ndarray:
    n = len(images)
    return lift_pen(images, KEYS[:n], np.full(n, float(count)), np.full(n, float(length)))


def stroke_at(image: np.ndarray, y: int, x: int) -> tuple[float, float, float, float]:
    """Return the middle of the ink near a pixel, and a step along it: by whole numbers, as far as they go."""
    near = [
        (j - y, i - x, int(level))
        for (j, i), level in np.ndenumerate(image)
        if max(abs(j - y), abs(i - x)) <= 3
    ]
    mass = sum(level for _, _, level in near)
    sum_y, sum_x = sum(level * dy for dy, _, level in near), sum(level * dx for _, dx, level in near)
    yy = mass * sum(level * dy * dy for dy, _, level in near) - sum_y * sum_y
    xx = mass * sum(level * dx * dx for _, dx, level in near) - sum_x * sum_x
    yx = mass * sum(level * dy * dx for dy, dx, level in near) - sum_y * sum_x
    half = (xx - yy) / 2
    rest = math.sqrt(half * half + float(yx) * yx)
    along_y, along_x = (yx, half + rest) if half >= 0 else (rest - half, yx)
    length = math.sqrt(along_y * along_y + along_x * along_x)
    step = (along_y / length, along_x / length) if length else (0.0, 1.0)
    return y + sum_y / mass, x + sum_x / mass, *step


def plainly_lifted(image: np.ndarray, key: int, count: int, length: float) -> np.ndarray:
    """Return the image without its discs, one pixel after the other."""
    out = image.astype(int)
    upto = np.cumsum(image.ravel().astype(np.int64))
    for gap in range(count if image.any() else 0):
        bits, _ = reference.random_bits(key, gap)
        place = int(np.searchsorted(upto, bits % int(upto[-1]), side="right"))
        middle_y, middle_x, along_y, along_x = stroke_at(image, *divmod(place, image.shape[1]))
        for y, x in np.ndindex(image.shape):
            dy, dx = y - middle_y, x - middle_x
            along = dy * along_y + dx * along_x
            across = max(abs(dy * along_x - dx * along_y) - 2, 0.0)
            distance = math.sqrt(along * along + across * across)
            share = min(max(0.5 * length + 0.5 - distance, 0.0), 1.0)
            lost = math.floor(256.0 * min(length, 1.0) * share + 0.5)
            out[y, x] = (out[y, x] * (256 - lost) + 128) >> 8
    return out.astype(np.uint8)


BLOCKS = st.one_of(
    st.tuples(st.integers(0, 3), st.integers(1, 12), st.integers(1, 12)),
    st.tuples(st.just(1), st.just(1), st.integers(1, 40)),
    st.tuples(st.just(1), st.integers(1, 40), st.just(1)),
).flatmap(
    lambda shape: st.tuples(
        hnp.arrays(np.uint8, shape, elements=st.one_of(st.integers(0, 255), st.sampled_from([0, 255]))),
        hnp.arrays(np.uint64, shape[0]),
        hnp.arrays(np.float64, shape[0], elements=st.floats(0, 4.4)),
        hnp.arrays(np.float64, shape[0], elements=st.floats(0, 8)),
    )
)


@given(BLOCKS)
def test_it_is_what_the_plain_version_is(block: tuple[np.ndarray, ...]) -> None:
    for image, key, count, length, after in zip(*block, lift_pen(*block), strict=True):
        plain = plainly_lifted(image, int(key), math.floor(count + 0.5), float(length))
        np.testing.assert_array_equal(after, plain)


@pytest.mark.parametrize("shape", [(7, 7), (2, 40), (17, 5)])
def test_strokes_are_followed_where_their_ink_varies_most(shape: tuple[int, int]) -> None:
    for image in np.random.default_rng(1).integers(0, 256, (60, *shape), np.uint8):
        near = image[:5, :5].astype(int)
        spread = np.cov(np.indices(near.shape).reshape(2, -1), aweights=near.ravel(), ddof=0)
        step = np.array(stroke_at(image, 1, 1)[2:])
        np.testing.assert_allclose(spread @ step, np.linalg.eigvalsh(spread)[1] * step)


def test_pixels_are_chosen_in_proportion_to_their_ink() -> None:
    image = np.zeros((5, 77), np.uint8)
    image[3, 2::8] = np.arange(25, 251, 25)
    # Other ink is out of reach of so small a gap.
    after = lifted(np.tile(image, (4000, 1, 1)), 1, 1)
    chosen = (after != image)[:, 3, 2::8].sum(axis=0)
    assert chosen.sum() == 4000
    assert stats.chisquare(chosen, 4000 * np.arange(1, 11) / 55).pvalue > 1e-4


@pytest.mark.parametrize("length", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("slope", [0, 0.5, 1])
def test_a_gap_is_as_long_as_it_should_be(length: float, slope: float) -> None:
    rows, columns = np.indices((81, 81)) - 40.0
    away = np.abs(rows - slope * columns) / np.hypot(1, slope)
    stroke = np.rint(255 * np.clip(2 - away, 0, 1)).astype(np.uint8)  # three pixels wide
    for image in (stroke, stroke.T):
        after = lifted(np.tile(image, (200, 1, 1)), 1, length)
        lost = (image - after.astype(float)).sum(axis=(1, 2)) / 255
        # Where the stroke leaves the frame a part of the gap does as well.
        assert np.median(lost) == pytest.approx(3 * length, rel=0.1)


def test_a_gap_goes_across_the_stroke() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[12:15] = 255
    for after in lifted(np.tile(image, (200, 1, 1)), 1, 2):
        columns = after[12:15]
        np.testing.assert_array_equal(columns, np.tile(columns[1], (3, 1)))
        assert columns.min() < 128


def test_more_and_longer_gaps_take_more() -> None:
    left = [int(lifted(digits()[:200], count, 2.5).sum()) for count in (0, 0.4, 0.6, 1.4, 2, 4, 8)]
    assert left[0] == left[1] > left[2] == left[3] > left[4] > left[5] > left[6]
    left = [int(lifted(digits()[:200], 2, length).sum()) for length in (0, 0.3, 1, 2, 4, 8)]
    assert left == sorted(left, reverse=True)
    assert len(set(left)) == 6


def test_ink_only_vanishes() -> None:
    assert (lifted(digits()[:4000], 3, 4) <= digits()[:4000]).all()


@pytest.mark.parametrize(("count", "length"), [(0, 3), (0.49, 3), (3, 0)])
def test_no_gap_is_none_to_the_bit(count: float, length: float) -> None:
    np.testing.assert_array_equal(lifted(digits()[:50], count, length), digits()[:50])


def test_blank_paper_stays_blank() -> None:
    assert not lifted(np.zeros((5, 28, 28), np.uint8), 8, 5).any()
