import numpy as np
import pytest
from scipy import stats

from augforge.kernels import lift_pen
from augforge.randomness import philox
from tests.kernels.digits import digits

KEYS = np.random.default_rng(0).integers(0, 2**64, 4000, np.uint64)


def lifted(images: np.ndarray, count: float, length: float) -> np.ndarray:
    n = len(images)
    return lift_pen(images, KEYS[:n], np.full(n, float(count)), np.full(n, float(length)))


def plainly_lifted(image: np.ndarray, key: np.uint64, count: int, length: float) -> np.ndarray:
    """Return the image without its discs, one pixel after the other."""
    out, zero = image.astype(int), np.uint64(0)
    upto = np.cumsum(image.ravel().astype(np.int64))
    for gap in range(count if image.any() else 0):
        bits, more = (int(word) for word in philox(key, np.uint64(gap), zero, zero, zero))
        y, x = divmod(int(np.searchsorted(upto, bits % int(upto[-1]), side="right")), image.shape[1])
        middle = y + ((more & 255) - 127.5) / 256, x + (more >> 8 & 255) / 256 - 127.5 / 256
        rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
        distance = np.sqrt((rows - middle[0]) ** 2 + (columns - middle[1]) ** 2)
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
    image = np.zeros((28, 28), np.uint8)
    image[3, 4:24:2] = np.arange(25, 251, 25)
    # The next ink is out of reach of so small a gap.
    after = lifted(np.tile(image, (4000, 1, 1)), 1, 1)
    chosen = (after != image)[:, 3, 4:24:2].sum(axis=0)
    assert chosen.sum() == 4000
    assert stats.chisquare(chosen, 4000 * np.arange(1, 11) / 55).pvalue > 1e-4


@pytest.mark.parametrize("length", [1, 2, 3, 4, 6])
def test_a_gap_is_as_large_as_it_should_be(length: float) -> None:
    full = np.full((2000, 41, 41), 255, np.uint8)
    lost = (255.0 - lifted(full, 1, length)).sum(axis=(1, 2)) / 255
    # Near the edge a part of the disc is outside: the largest is whole.
    assert np.quantile(lost, 0.6) == pytest.approx(np.pi * (length**2 / 4 + 1 / 12), rel=0.06)


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
