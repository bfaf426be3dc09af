"""Test that a sample is a pure function of its number."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import augforge
from augforge.forge import Batch, Forge
from augforge.forge.forge import _choose_chunk
from augforge.sources import Source

HEAD = "version: 1\nname: t\nsource: mnist-10k\nseed: 7\n"
EVERYTHING = (
    HEAD
    + """
variants: 3
distort:
  - rotate: {degrees: [-30, 30], probability: 0.7}
  - scale: {factor: [0.7, 1.3]}
  - pixel_dropout: {fraction: [0, 0.1]}
  - shear: {x: {normal: {mean: 0, sd: 8, low: -20, high: 20}}}
  - shift: {x: [-6, 6], y: [-6, 6], except_labels: [1]}
  - one_of:
      id: pen
      weights: [2, 1]
      steps:
        - gray_level: {gain: [0.5, 1.5], id: ink}
        - some_of:
            id: dirt
            count: [1, 2]
            steps:
              - pixel_noise: {fraction: [0, 0.2], value: [100, 255], id: specks}
              - pixel_dropout: {fraction: [0, 0.2], id: holes, for_labels: [1, 7]}
              - gray_level: {bias: [-40, 40], id: fog}
  - gray_level: {gamma: [0.5, 2], id: curve}
guard: {min_ink_kept: 0.9}
"""
)
WITH_IMGAUG = (
    HEAD
    + """
variants: 2
distort:
  - rotate: {degrees: [-30, 30]}
  - imgaug: {augmenter: AdditiveGaussianNoise, scale: [0, 30], id: noise, probability: 0.5}
"""
)


@pytest.fixture(scope="module")
def everything() -> Forge:
    return Forge(augforge.parse_recipe(EVERYTHING))


@pytest.fixture(scope="module")
def with_imgaug() -> Forge:
    return Forge(augforge.parse_recipe(WITH_IMGAUG))


def recipe(steps: str, more: str = "variants: 2\nkeep_originals: false\n") -> Forge:
    return Forge(augforge.parse_recipe(HEAD + more + "distort:\n" + steps))


def column(batch: Batch, name: str) -> np.ndarray:
    return batch.parameters[:, batch.columns.index(name)]


def assert_same(one: Batch, other: Batch) -> None:
    for name in ("numbers", "images", "labels", "source_index", "variant", "parameters"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


NUMBERS = st.lists(st.integers(0, 31_999), max_size=40)


@settings(max_examples=60)
@given(NUMBERS)
def test_grouping_does_not_change_samples(everything: Forge, numbers: list[int]) -> None:
    together = everything.make(numbers)
    assert len(together) == len(numbers)
    for row, number in enumerate(numbers):
        alone = everything.make([number])
        np.testing.assert_array_equal(alone.images[0], together.images[row])
        np.testing.assert_array_equal(alone.parameters[0], together.parameters[row])


@settings(max_examples=10)
@given(st.lists(st.integers(0, 23_999), max_size=5))
def test_grouping_does_not_change_samples_with_imgaug(with_imgaug: Forge, numbers: list[int]) -> None:
    together = with_imgaug.make(numbers)
    for row, number in enumerate(numbers):
        alone = with_imgaug.make([number])
        np.testing.assert_array_equal(alone.images[0], together.images[row])


def test_large_and_small_requests_are_the_same(everything: Forge) -> None:
    large = everything.make(range(7000, 11_000))
    order = np.random.default_rng(0).permutation(4000)
    assert_same(
        everything.make(order + 7000),
        Batch(
            large.numbers[order],
            large.images[order],
            large.labels[order],  # type: ignore[index]
            large.source_index[order],
            large.variant[order],
            large.parameters[order],
            large.columns,
        ),
    )


def test_samples_are_numbered_variant_by_variant(everything: Forge) -> None:
    batch = everything.make([0, 7999, 8000, 31_999])
    assert batch.variant.tolist() == [0, 0, 1, 3]
    assert batch.source_index.tolist() == [0, 7999, 0, 7999]
    assert batch.labels is not None
    assert everything.source.labels is not None
    assert batch.labels.tolist() == everything.source.labels[batch.source_index].tolist()
    assert len(everything) == 32_000


def test_dtypes(everything: Forge) -> None:
    batch = everything.make([5])
    assert [
        array.dtype.name
        for array in (
            batch.numbers,
            batch.images,
            batch.labels,
            batch.source_index,
            batch.variant,
            batch.parameters,
        )
        if array is not None
    ] == ["int64", "uint8", "uint8", "uint32", "uint16", "float32"]
    assert batch.images.shape == (1, 28, 28)
    assert batch.parameters.shape == (1, len(everything.columns))


def test_variant_0_is_the_original(everything: Forge) -> None:
    batch = everything.make(range(8000))
    np.testing.assert_array_equal(batch.images, everything.source.images)
    for name in everything.columns:
        neutral = {"scale.factor": 1, "ink.gain": 1, "curve.gamma": 1, "pen.choice": -1}.get(name, 0)
        assert (column(batch, name) == neutral).all(), name


def test_the_identity_recipe_returns_the_originals() -> None:
    steps = """
  - rotate: {degrees: 0}
  - scale: {factor: 1}
  - shear: {x: 0}
  - shift: {x: 0, y: 0}
  - pixel_dropout: {fraction: 0}
  - pixel_noise: {fraction: 0, value: 9}
  - gray_level: {gain: 1, bias: 0, gamma: 1}
"""
    forge = recipe(steps)
    np.testing.assert_array_equal(forge.make(range(8000)).images, forge.source.images)
    assert not Forge(augforge.parse_recipe(HEAD + "variants: 1\ndistort: []\n")).columns


def test_columns_are_the_steps_in_order(everything: Forge) -> None:
    assert everything.columns == (
        *("rotate.applied", "rotate.degrees", "scale.factor", "pixel_dropout.fraction", "shear.x"),
        *("shift.applied", "shift.x", "shift.y", "pen.choice", "ink.applied", "ink.gain"),
        *(
            "dirt.applied",
            "dirt.count",
            "specks.applied",
            "specks.fraction",
            "holes.applied",
            "holes.fraction",
        ),
        *("fog.applied", "fog.bias", "curve.gamma", "guard.attempts", "guard.pull", "guard.min_ink_kept"),
    )


def test_skipped_steps_record_neutral_values(everything: Forge) -> None:
    batch = everything.make(range(8000, 32_000))
    applied = column(batch, "rotate.applied") == 1
    assert abs(applied.mean() - 0.7) < 0.02
    assert (column(batch, "rotate.degrees")[~applied] == 0).all()
    assert (column(batch, "rotate.degrees")[applied] != 0).all()


def test_steps_are_limited_to_classes(everything: Forge) -> None:
    batch = everything.make(range(8000, 32_000))
    assert batch.labels is not None
    ones = batch.labels == 1
    assert (column(batch, "shift.applied") == ~ones).all()
    holes = column(batch, "holes.applied") == 1
    assert holes.any()
    assert np.isin(batch.labels[holes], [1, 7]).all()


def test_groups_choose_by_weights_and_counts(everything: Forge) -> None:
    batch = everything.make(range(8000, 32_000))
    choice = column(batch, "pen.choice")
    assert abs((choice == 0).mean() - 2 / 3) < 0.015
    assert ((choice == 0) == (column(batch, "ink.applied") == 1)).all()
    count = column(batch, "dirt.count")
    assert ((count == 0) == (choice == 0)).all()
    assert abs((count[choice == 1] == 1).mean() - 0.5) < 0.02
    members = column(batch, "specks.applied") + column(batch, "fog.applied")
    # The third member is limited to classes: one fewer is applied if it was chosen for another class.
    assert (members <= count).all()
    assert (members >= count - 1).all()
    specks = column(batch, "specks.applied")[choice == 1]
    assert abs(specks.mean() - 0.5) < 0.02


def test_some_of_takes_every_subset() -> None:
    steps = """
  - some_of:
      id: some
      count: [0, 3]
      steps: [{rotate: {degrees: 1}}, {shift: {x: 1}}, {scale: {factor: 2}}]
"""
    batch = recipe(steps).make(range(16_000))
    taken = sum(
        int(2**place) * column(batch, f"{name}.applied")
        for place, name in enumerate(["rotate", "shift", "scale"])
    )
    shares = np.bincount(np.asarray(taken).astype(int), minlength=8) / 16_000
    # Each count is equally likely, and so is each subset of a count.
    np.testing.assert_allclose(
        shares, [0.25, *[0.25 / 3] * 2, 0.25 / 3, 0.25 / 3, *[0.25 / 3] * 2, 0.25], atol=0.012
    )
    assert (
        column(batch, "some.count")
        == sum(column(batch, f"{n}.applied") for n in ("rotate", "shift", "scale"))
    ).all()


ROTATE = "  - rotate: {degrees: [-9, 9]}\n"
SHIFT = "  - shift: {x: [-2, 2], y: [-2, 2]}\n"
INSERTIONS = {
    "first": "  - shear: {x: [-5, 5]}\n" + ROTATE + SHIFT,
    "between": ROTATE + "  - shear: {x: [-5, 5]}\n" + SHIFT,
    "twice": ROTATE + SHIFT + "  - rotate: {degrees: 3, id: b}\n",
    "other order": SHIFT + ROTATE,
    "another kind": ROTATE + SHIFT + "  - pixel_dropout: {fraction: 1}\n",
}


@pytest.mark.parametrize("steps", INSERTIONS.values(), ids=INSERTIONS)
def test_other_steps_keep_their_parameters(steps: str) -> None:
    before = recipe(ROTATE + SHIFT).make(range(500))
    after = recipe(steps).make(range(500))
    for name in before.columns:
        np.testing.assert_array_equal(column(before, name), column(after, name))


def test_more_variants_only_append() -> None:
    few, many = (recipe("  - rotate: {degrees: [-9, 9]}\n", f"variants: {n}\n") for n in (1, 5))
    assert few.pixel_digest == many.pixel_digest
    assert_same(few.make(range(16_000)), many.make(range(16_000)))


def test_the_seed_changes_everything() -> None:
    steps = "distort:\n  - rotate: {degrees: [-9, 9]}\n"
    one, other = (
        Forge(augforge.parse_recipe(HEAD.replace("seed: 7", f"seed: {seed}") + "variants: 1\n" + steps))
        for seed in (7, 8)
    )
    assert (one.make(range(8000, 8100)).parameters != other.make(range(8000, 8100)).parameters).all()
    assert one.pixel_digest != other.pixel_digest


def test_pickles_as_recipe_and_source(everything: Forge) -> None:
    data = pickle.dumps(everything)
    assert len(data) < 20_000
    assert_same(pickle.loads(data).make(range(9000, 9010)), everything.make(range(9000, 9010)))


def test_custom_sources() -> None:
    images = np.random.default_rng(0).integers(0, 256, (10, 20, 30), np.uint8)
    source = Source.from_arrays("mine", "train", images, None)
    forge = Forge(augforge.parse_recipe(HEAD + "variants: 2\ndistort:\n  - rotate: {degrees: 3}\n"), source)
    batch = forge.make(range(30))
    assert (batch.labels, batch.images.shape, forge.image_shape) == (None, (30, 20, 30), (20, 30))
    assert pickle.loads(pickle.dumps(forge)).make([3]).images.tolist() == forge.make([3]).images.tolist()


def test_reads_the_requested_fields(everything: Forge) -> None:
    batch = everything.make([9000, 8])
    found = everything.read(
        np.array([9000, 8]), ("label", "image", "number", "parameters", "variant", "source_index")
    )
    assert list(found) == ["label", "image", "number", "parameters", "variant", "source_index"]
    np.testing.assert_array_equal(found["image"], batch.images)
    assert found["number"].tolist() == [9000, 8]


@pytest.mark.parametrize(
    ("numbers", "error", "message"),
    [
        ([32_000], IndexError, "there is no sample 32000: numbers go from 0 to 31999"),
        ([5, -1], IndexError, "there is no sample -1: numbers go from 0 to 31999"),
        ([1.5], TypeError, "sample numbers must be integers in one dimension; got float64 of shape (1,)"),
        ([[1, 2]], TypeError, "sample numbers must be integers in one dimension; got int64 of shape (1, 2)"),
    ],
)
def test_bad_numbers(everything: Forge, numbers: list[int], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        everything.make(numbers)
    assert str(caught.value) == message


def test_no_numbers_make_an_empty_batch(everything: Forge) -> None:
    assert everything.make([]).images.shape == (0, 28, 28)
    assert everything.make(range(0)).parameters.shape == (0, len(everything.columns))


def test_classes_must_exist(tmp_path: Path) -> None:
    with pytest.raises(
        augforge.AugforgeError, match="step 'rotate' names class 12, but the source 'mnist-10k' has"
    ):
        recipe("  - rotate: {degrees: 1, for_labels: [12]}\n")
    source = Source.from_arrays("mine", "train", np.zeros((3, 5, 5), np.uint8), None)
    limited = augforge.parse_recipe(
        HEAD + "variants: 1\ndistort:\n  - rotate: {degrees: 1, for_labels: [1]}\n"
    )
    with pytest.raises(
        augforge.AugforgeError, match="limited to classes, but the source 'mine' has no labels"
    ):
        Forge(limited, source)


@pytest.mark.parametrize(
    ("height", "width", "fields", "block", "chunk"),
    [
        (28, 28, 0, 1, 2048),
        (28, 28, 0, 64, 2048),
        (28, 28, 1, 1, 2048),
        (28, 28, 3, 1, 512),
        (64, 64, 0, 1, 2048),
        (64, 64, 1, 1, 256),
        (512, 512, 0, 1, 64),
        (512, 512, 1, 1, 4),
        (512, 512, 1, 64, 64),
    ],
)
def test_fewer_large_or_bent_images_are_rendered_at_once(
    height: int, width: int, fields: int, block: int, chunk: int
) -> None:
    assert _choose_chunk(height, width, fields, block) == chunk


def test_no_frame_is_too_large_for_a_chunk() -> None:
    assert _choose_chunk(4096, 4096, 1, 1) == 1
