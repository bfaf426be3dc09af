import numpy as np
import pytest
from scipy import stats

from augforge.kernels import lift_pen
from tests.kernels.digits import digits
from tests.parts import philox

KEYS = np.random.default_rng(0).integers(0, 2**64, 4000, np.uint64)


def lifted(images: np.ndarray, count: float, length: float) -> np.ndarray:
    n = len(images)
    return lift_pen(images, KEYS[:n], np.full(n, float(count)), np.full(n, float(length)))


def plainly_lifted(image: np.ndarray, key: np.uint64, count: int, length: float) -> np.ndarray:
    """Return the image without its discs, one pixel after the other."""
    out, zero = image.astype(int), np.uint64(0)
    upto = np.cumsum(image.ravel().astype(np.int64))
    for gap in range(count if image.any() else 0):
        bits = int(philox(key, np.uint64(gap), zero, zero, zero)[0])
        y, x = divmod(int(np.searchsorted(upto, bits % int(upto[-1]), side="right")), image.shape[1])
        top, left = max(y - 3, 0), max(x - 3, 0)
        near = image[top : y + 4, left : x + 4].astype(int)
        places = np.indices(near.shape).reshape(2, -1) + np.array([[top], [left]])
        middle = np.average(places, axis=1, weights=near.ravel())
        _, vectors = np.linalg.eigh(np.atleast_2d(np.cov(places, aweights=near.ravel(), ddof=0)))
        off = np.indices(image.shape).reshape(2, -1) - middle[:, None]
        across, along = np.abs(vectors.T @ off)
        distance = np.hypot(along, np.maximum(across - 2, 0)).reshape(image.shape)
        share = min(length, 1.0) * np.clip(length / 2 + 0.5 - distance, 0, 1)
        out = (out * (256 - np.floor(256 * share + 0.5).astype(int)) + 128) >> 8
    return out.astype(np.uint8)


@pytest.mark.parametrize("shape", [(28, 28), (1, 40), (17, 5)])
def test_it_is_what_the_plain_version_is(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (60, *shape), np.uint8) * (random.uniform(size=(60, *shape)) < 0.3)
    counts, lengths = random.uniform(0, 8.4, 60), random.uniform(0, 7, 60)
    together = lift_pen(images, KEYS[:60], counts, lengths)
    for i in range(60):
        plain = plainly_lifted(images[i], KEYS[i], int(np.floor(counts[i] + 0.5)), lengths[i])
        np.testing.assert_array_equal(together[i], plain)


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
