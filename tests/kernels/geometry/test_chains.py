"""The warp along a chain of maps and fields, against float64 references."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge import kernels
from augforge.kernels import Chain
from augforge.kernels.geometry.chains import invert, shorten
from augforge.sources import SourceSpec, open_source
from tests.kernels import reference
from tests.kernels.chains import affine_warp, bent_ink_kept, bent_warp
from tests.kernels.geometry.test_warping import AFFINE
from tests.parts import is_identity

IDENTITY = np.array([[1.0, 0, 0, 0, 1, 0]])
AFFINE_EXAMPLE = np.array([0.9, 0.2, 3.3, -0.15, 1.1, -2.7])


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return open_source(SourceSpec(dataset="mnist-10k")).images[:200]


def fields_of(seed: int, count: int, displacement: float, height: int, width: int) -> np.ndarray:
    keys = np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)
    sizes = np.full(count, displacement), np.full(count, 3.0)
    return kernels.elastic_fields(keys, *sizes, np.ones(count, bool), height, width)


CHAINS = st.tuples(
    st.integers(0, 2**32), st.lists(AFFINE, min_size=1, max_size=4), st.integers(1, 40), st.integers(1, 40)
)


def shortened(maps: np.ndarray, bent: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return what is left of maps (S + 1, 6) without those between no fields, and the numbers of the fields."""
    chain, used = [maps[0]], []
    for s, (m, in_force) in enumerate(zip(maps[1:], bent, strict=True)):
        if in_force:
            chain.append(m)
            used.append(s)
        else:
            chain[-1] = reference.compose(m, chain[-1])
    return np.array(chain), used


NUMBERS = st.one_of(st.floats(-3, 3), st.sampled_from([0.0, 1.0, -1.0, 1e-5, 1e8, 1e12, np.inf, np.nan]))
SHORT_OR_LONG = st.tuples(st.integers(0, 3), st.integers(0, 4)).flatmap(
    lambda size: st.tuples(
        hnp.arrays(np.float64, (size[0], size[1] + 1, 6), elements=st.floats(-3, 3)),
        hnp.arrays(np.bool_, size),
    )
)


@given(SHORT_OR_LONG)
def test_chains_are_shortened_as_in_the_plain_version(many: tuple[np.ndarray, np.ndarray]) -> None:
    for maps, bent, chain, used, stages in zip(*many, *shorten(*many), strict=True):
        expected, in_force = shortened(maps, bent)
        np.testing.assert_array_equal(chain[: stages + 1], expected)
        assert used[:stages].tolist() == in_force


@given(hnp.arrays(np.float64, st.tuples(st.integers(0, 3), st.integers(1, 3), st.just(6)), elements=NUMBERS))
def test_chains_are_inverted_as_in_the_plain_version(chains: np.ndarray) -> None:
    inverses, whole = invert(chains, np.full(len(chains), chains.shape[1] - 1))
    for i, chain in enumerate(chains.tolist()):
        expected = [reference.inverse(m) for m in chain]
        assert whole[i] == (None not in expected)
        if whole[i]:
            np.testing.assert_array_equal(inverses[i], expected)
        assert [is_identity(chains, i, s) for s in range(len(chain))] == [
            m == [1, 0, 0, 0, 1, 0] for m in chain
        ]


@settings(max_examples=150, deadline=None)
@given(CHAINS)
def test_a_chain_is_within_1_gray_level_of_the_reference(
    chain: tuple[int, list[np.ndarray], int, int],
) -> None:
    seed, maps, height, width = chain
    image = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    fields = fields_of(seed, len(maps) - 1, 2.0, height, width)
    whole = np.concatenate(maps)
    made = bent_warp(image[np.newaxis], whole[np.newaxis], fields[np.newaxis])[0]
    assert np.abs(made - reference.warp_bent(image, whole, fields)).max() <= 1.01


@settings(max_examples=300, deadline=None)
@given(CHAINS, st.booleans(), st.floats(0, 1))
def test_the_warp_is_its_plain_version_to_the_bit(
    chain: tuple[int, list[np.ndarray], int, int], ends_bent: bool, ink: float
) -> None:
    seed, maps, height, width = chain
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width), np.uint8) * (rng.random((height, width)) < ink**4)
    whole = np.concatenate(maps)
    if ends_bent:
        whole[-1] = IDENTITY
    fields = fields_of(seed, len(maps) - 1, 2.0, height, width)
    made = bent_warp(image[np.newaxis], whole[np.newaxis], fields[np.newaxis])[0]
    np.testing.assert_array_equal(made, reference.warp_to_the_bit(image, whole, fields))


def test_many_images_are_moved_as_each_alone(digits: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    maps = np.tile(IDENTITY, (200, 3, 1)) + rng.normal(0, 0.1, (200, 3, 6)) * rng.integers(0, 2, (200, 3, 1))
    fields = np.stack([fields_of(seed, 200, 2.0, 28, 28) for seed in (0, 1)], axis=1)
    bent = rng.random((200, 2)) < 0.5
    together = kernels.warp(digits, Chain(maps, fields, bent))
    for i in range(200):
        rows = slice(i, i + 1)
        alone = kernels.warp(digits[rows], Chain(maps[rows], fields[rows], bent[rows]))
        np.testing.assert_array_equal(together[rows], alone)


def test_boxes_of_large_frames_are_moved_in_parts() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 150, 260), np.uint8)
    maps = np.stack([AFFINE_EXAMPLE, IDENTITY[0]])
    fields = fields_of(1, 1, 3.0, 150, 260)
    made = bent_warp(image, maps[np.newaxis], fields[np.newaxis])[0]
    np.testing.assert_array_equal(made, reference.warp_to_the_bit(image[0], maps, fields))


def test_blank_images_beside_large_ones_change_nothing() -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 150, 260), np.uint8)
    images[[1, 2, 4]] = 0
    maps = np.tile(np.stack([AFFINE_EXAMPLE, IDENTITY[0]]), (6, 1, 1))
    fields = fields_of(1, 6, 3.0, 150, 260)[:, np.newaxis]
    for image, chain, field, made in zip(images, maps, fields, bent_warp(images, maps, fields), strict=True):
        np.testing.assert_array_equal(made, reference.warp_to_the_bit(image, chain, field))


def test_without_a_field_it_is_the_affine_warp(digits: np.ndarray) -> None:
    maps = np.tile(kernels.rotations(np.array([10.0])), (200, 1))
    chain = np.stack([maps, np.tile(IDENTITY, (200, 1))], axis=1)
    made = bent_warp(digits, chain, np.zeros((200, 1, 2, 28, 28), np.int32))
    assert np.abs(made.astype(int) - affine_warp(digits, maps)).max() <= 1


def test_fields_of_whole_pixels_move_exactly(digits: np.ndarray) -> None:
    fields = np.zeros((200, 1, 2, 28, 28), np.int32)
    fields[:, :, 0] = 2 * 65536
    fields[:, :, 1] = -65536
    chain = np.tile(IDENTITY, (200, 2, 1))
    made = bent_warp(digits, chain, fields)
    np.testing.assert_array_equal(made[:, 1:, :-2], digits[:, :-1, 2:])
    assert not made[:, 0].any()


def test_the_order_counts(digits: np.ndarray) -> None:
    fields = fields_of(5, 200, 2.0, 28, 28)[:, np.newaxis]
    moved = np.tile([1.0, 0, 4, 0, 1, 0], (200, 1))
    still = np.tile(IDENTITY, (200, 1))
    before, after = (
        bent_warp(digits, np.stack(maps, axis=1), fields) for maps in ((moved, still), (still, moved))
    )
    assert (before != after).any()
    # Bent first, then shifted by whole pixels: as if it were shifted afterwards.
    bent = bent_warp(digits, np.stack([still, still], axis=1), fields)
    # At the edges of the frame there are no neighbors that tell how much it shrinks.
    np.testing.assert_array_equal(after[:, :, 5:-1], bent[:, :, 1:-5])


def test_what_cannot_be_inverted_is_blank(digits: np.ndarray) -> None:
    maps = np.zeros((200, 2, 6))
    made = bent_warp(digits, maps, np.zeros((200, 1, 2, 28, 28), np.int32))
    assert not made.any()
    kept = bent_ink_kept(digits, maps, np.zeros((200, 1, 2, 28, 28), np.int32))
    assert not kept.any()


def test_large_frames_are_worked_on_in_parts() -> None:
    image = np.random.default_rng(1).integers(0, 256, (90, 70), np.uint8)
    maps = np.concatenate(
        [kernels.rotations(np.array([30.0])), kernels.translations(np.array([4.0]), np.array([-3.0]))]
    )
    fields = fields_of(9, 1, 3.0, 90, 70)
    made = bent_warp(image[np.newaxis], maps[np.newaxis], fields[np.newaxis])[0]
    assert np.abs(made - reference.warp_bent(image, maps, fields)).max() <= 1
    kept = bent_ink_kept(image[np.newaxis], maps[np.newaxis], fields[np.newaxis])[0]
    rows, columns = np.mgrid[:90:0.25, :70:0.25]
    x, y = reference.follow(columns - 34.875, rows - 44.875, maps, fields)
    found = np.zeros((90, 70), bool)
    column, row = np.rint(x + 34.5).astype(int), np.rint(y + 44.5).astype(int)
    inside = (column >= 0) & (column < 70) & (row >= 0) & (row < 90)
    found[row[inside], column[inside]] = True
    assert kept == pytest.approx(image[found].sum() / image.sum(), abs=0.02)


@settings(max_examples=60, deadline=None)
@given(CHAINS, st.data())
def test_fields_that_are_not_in_force_do_not_count(
    chain: tuple[int, list[np.ndarray], int, int], data: st.DataObject
) -> None:
    seed, maps, height, width = chain
    image = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    stages = len(maps) - 1
    fields = fields_of(seed, stages, 2.0, height, width)
    force = np.array(data.draw(st.lists(st.booleans(), min_size=stages, max_size=stages)), bool)
    whole = np.concatenate(maps)
    arguments = image[np.newaxis], Chain(whole[np.newaxis], fields[np.newaxis], force[np.newaxis])
    made = kernels.warp(*arguments)[0]
    chain_left, used = shortened(whole, force)
    assert np.abs(made - reference.warp_bent(image, chain_left, fields[used])).max() <= 1.01
    np.testing.assert_array_equal(made, reference.warp_to_the_bit(image, chain_left, fields[used]))
    if not force.any():
        one = functools.reduce(lambda inner, outer: kernels.compose(outer, inner), maps)
        np.testing.assert_array_equal(kernels.warp(*arguments), affine_warp(image[np.newaxis], one))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_a_number_is_blank(digits: np.ndarray, wrong: float) -> None:
    for place in range(6):
        maps = np.tile(IDENTITY, (2, 2, 1))
        maps[:, 1, place] = wrong
        for stages in (0, 1):
            fields = np.zeros((2, stages, 2, 28, 28), np.int32)
            force = np.ones((2, stages), bool)
            assert not kernels.warp(digits[:2], Chain(maps[:, 1 - stages :], fields, force)).any()
