"""The ink that chains of maps and fields leave inside the frame."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augforge import kernels
from augforge.sources import SourceSpec, open_source
from tests.kernels import reference
from tests.kernels.chains import affine_ink_kept, bent_ink_kept
from tests.kernels.geometry.test_chains import CHAINS, IDENTITY, fields_of


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return open_source(SourceSpec(dataset="mnist-10k")).images[:200]


@pytest.mark.parametrize(
    "count", [12, pytest.param(40, marks=pytest.mark.slow("searches 40 frames per case"))]
)
@pytest.mark.parametrize("displacement", [0.0, 1.5, 6.0])
@pytest.mark.parametrize("shift", [0.0, 4.0, 9.0, 40.0])
def test_ink_kept_is_what_the_frame_shows(
    digits: np.ndarray, displacement: float, shift: float, count: int
) -> None:
    # Where an ink pixel goes is found by search: no point of a fine grid over the frame comes from it, or one does.
    fields = fields_of(7, count, displacement, 28, 28)
    fields = (
        fields * kernels.find_unfolded_shares(fields, np.ones(len(fields), bool))[:, None, None, None]
    ).astype(np.int32)
    maps = np.stack(
        [np.tile(kernels.rotations(np.array([20.0])), (count, 1)), np.tile(IDENTITY, (count, 1))], axis=1
    )
    maps[:, 1, 2] = shift
    kept = bent_ink_kept(digits[:count], maps, fields[:, np.newaxis])
    fine = np.linspace(-14, 14, 28 * 16 + 1)
    for image, chain, field, share in zip(digits[:count], maps, fields, kept, strict=True):
        x, y = reference.follow(*np.meshgrid(fine, fine), chain, field[np.newaxis])
        found = np.zeros((28, 28), bool)
        column, row = np.rint(x + 13.5), np.rint(y + 13.5)
        near = (np.abs(x + 13.5 - column) < 0.07) & (np.abs(y + 13.5 - row) < 0.07)
        near &= (column >= 0) & (column < 28) & (row >= 0) & (row < 28)
        found[row[near].astype(int), column[near].astype(int)] = True
        assert share == pytest.approx(image[found].sum() / image.sum(), abs=0.035)


def test_ink_kept_agrees_with_the_affine_one(digits: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    shifts = kernels.translations(rng.uniform(-15, 15, 200), rng.uniform(-15, 15, 200))
    maps = kernels.compose(shifts, kernels.rotations(rng.uniform(-180, 180, 200)))
    chain = np.stack([maps, np.tile(IDENTITY, (200, 1))], axis=1)
    bent = bent_ink_kept(digits, chain, np.zeros((200, 1, 2, 28, 28), np.int32))
    np.testing.assert_allclose(bent, affine_ink_kept(digits, maps), atol=0.005)
    blank = np.zeros((1, 28, 28), np.uint8)
    assert bent_ink_kept(blank, chain[:1], np.zeros((1, 1, 2, 28, 28), np.int32)) == 1


@st.composite
def drawings(draw: st.DrawFn, height: int, width: int) -> np.ndarray:
    """Some ink in some box of a frame, so that it often stays inside."""
    top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
    bottom, right = draw(st.integers(top, height - 1)), draw(st.integers(left, width - 1))
    image = np.zeros((height, width), np.uint8)
    dots = np.random.default_rng(draw(st.integers(0, 2**32))).random((bottom - top + 1, right - left + 1))
    image[top : bottom + 1, left : right + 1] = np.where(dots < 0.5, 0, dots * 255)
    return image


@settings(max_examples=150, deadline=None)
@given(CHAINS, st.floats(0, 3), st.data())
def test_ink_kept_is_that_of_the_plain_version(
    chain: tuple[int, list[np.ndarray], int, int], displacement: float, data: st.DataObject
) -> None:
    seed, maps, height, width = chain
    image = data.draw(drawings(height, width))
    fields = fields_of(seed, len(maps) - 1, displacement, height, width)
    whole = np.concatenate(maps)
    (kept,) = bent_ink_kept(image[np.newaxis], whole[np.newaxis], fields[np.newaxis])
    if len(maps) == 1:
        assert kept == reference.ink_kept(image, whole[0])
    else:
        assert kept == reference.bent_ink_kept(image, whole, fields)


SCALED = st.tuples(st.floats(0.4, 1.5), st.floats(0.4, 1.5), st.floats(-4, 4), st.floats(-4, 4))


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), SCALED, SCALED, st.floats(0, 2.5), st.integers(0, 9))
def test_ink_near_the_edge_is_decided_as_in_the_plain_version(
    digits: np.ndarray,
    seed: int,
    first: tuple[float, ...],
    last: tuple[float, ...],
    displacement: float,
    turn: int,
) -> None:
    # Maps without turn after the bend, before which there is a room.
    count = 3
    still = [np.array([[a, 0.0, x, 0.0, b, y]]) for a, b, x, y in (first, last)]
    still[0] = kernels.compose(kernels.rotations(np.array([3.0 * turn])), still[0])
    maps = np.tile(np.stack(still, axis=1), (count, 1, 1))
    fields = fields_of(seed, count, displacement, 28, 28)[:, np.newaxis]
    images = digits[seed % 190 :][:count]
    expected = [reference.bent_ink_kept(*each) for each in zip(images, maps, fields, strict=True)]
    np.testing.assert_array_equal(bent_ink_kept(images, maps, fields), expected)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e300])
def test_of_what_is_not_a_number_nothing_is_kept(digits: np.ndarray, wrong: float) -> None:
    for place in range(6):
        for s in (0, 1):
            maps = np.tile(IDENTITY, (2, 2, 1))
            maps[:, s, place] = wrong
            assert not bent_ink_kept(digits[:2], maps, fields_of(1, 2, 1.0, 28, 28)[:, np.newaxis]).any()
