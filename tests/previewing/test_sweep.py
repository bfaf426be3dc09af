import math

import numpy as np
import pytest

import augforge
from augforge.errors import AugforgeError
from augforge.previewing import make_sweep_gallery
from augforge.previewing.sweep import find_levels
from augforge.randomness import Choice, Constant, LogUniform, Normal, Triangular, Uniform

VALUES = [
    (Constant(5), (5, 5, 5)),
    (Uniform(-2, 4), (-2, 1, 4)),
    (LogUniform(0.25, 4), (0.25, 1, 4)),
    (Triangular(0, 0, 1), (0, 1 - math.sqrt(0.5), 1)),
    (Normal(1, 0.1, 0.5, 1.5), (0.5, 1, 1.5)),
    (Normal(0, 1), (-3.0902323061678132, 0, 3.0902323061678132)),
    (Normal(0, 1, low=-1), (-1, 0.2002, 3.1412)),
    (Choice((3, 1, 2)), (1, 2, 3)),
    (Choice((3, 1, 2), (0, 9, 1)), (1, 1, 3)),
]


@pytest.mark.parametrize(("distribution", "expected"), VALUES)
def test_levels(distribution, expected):
    assert find_levels(distribution) == pytest.approx(expected, abs=1e-3)
    assert find_levels(distribution)[0] <= find_levels(distribution)[1] <= find_levels(distribution)[2]


def test_every_drawn_parameter_of_every_step_has_a_row(forge):
    gallery = make_sweep_gallery(forge(), 2)
    assert [row.caption for row in gallery.rows] == [
        ("rotate.degrees", "-30, -10, 10", "degrees"),
        ("gray_level.gain", "always 0.5", "factor"),
        ("gray_level.gamma", "0.5, 1.5, 2", "factor"),
        ("pixel_dropout.fraction", "0, 0.2, 0.4", "share"),
        ("shear.x", "0, 15, 30", "degrees"),
        ("shift.x", "-3, 0, 3", "pixels"),
    ]
    assert gallery.headings == (
        *("original 4", "lowest", "middle", "highest"),
        *("original 3", "lowest", "middle", "highest"),
    )
    assert gallery.group == 4


@pytest.mark.parametrize("keep_originals", [True, False])
def test_the_images_are_of_that_step_at_those_values(keep_originals, forge):
    one = forge(keep_originals=keep_originals)
    gallery = make_sweep_gallery(one, 2)
    first = len(one.source) * keep_originals
    rows = {row.caption[0]: row.images for row in gallery.rows}
    for name, steps in {
        "rotate.degrees": [f"rotate: {{degrees: {value}}}" for value in (-30, -10, 10)],
        "gray_level.gamma": [f"gray_level: {{gain: 0.5, gamma: {value}}}" for value in (0.5, 1.5, 2)],
        # Pixels drop out by the same draws as in the whole recipe.
        "pixel_dropout.fraction": [f"pixel_dropout: {{fraction: {value}}}" for value in (0, 0.2, 0.4)],
    }.items():
        for place, index in enumerate((4, 3)):
            shown = rows[name][4 * place : 4 * place + 4]
            assert np.array_equal(shown[0], one.source.images[index])
            for image, step in zip(shown[1:], steps, strict=True):
                alone = forge(f"[{{{step}}}]", keep_originals=keep_originals)
                alone = augforge.Forge(
                    augforge.recipe.parse_recipe(alone.recipe.to_yaml(), overrides=["guard.min_ink_kept=0"]),
                    source=one.source,
                )
                assert np.array_equal(image, alone.make([first + index]).images[0])


def test_a_constant_is_shown_once(forge):
    (row,) = make_sweep_gallery(forge("[{shift: {x: 3}}]"), 1).rows
    assert [image is None for image in row.images] == [False, True, False, True]


def test_per_pixel_parameters_are_swept_too(forge):
    one = forge("[{pixel_noise: {fraction: [0, 0.4], value: [100, 200]}}]")
    fraction, value = make_sweep_gallery(one, 1).rows
    assert value.caption == ("pixel_noise.value", "100, 150, 200", "gray levels")
    for image, level in zip(value.images[1:], (100, 150, 200), strict=True):
        changed = image != value.images[0]
        assert changed.any()
        assert (image[changed] == level).all()
    # While the fraction is swept, each pixel gets its own value.
    assert len(np.unique(fraction.images[3][fraction.images[3] != fraction.images[0]])) > 5


def test_a_step_without_parameters_is_shown_once(forge):
    (row,) = make_sweep_gallery(forge("[{invert: {probability: 0.1}}]"), 1).rows
    assert row.caption == ("invert", "as it is")
    original, low, inverted, high = row.images
    assert np.array_equal(inverted, 255 - original)
    assert (low, high) == (None, None)


@pytest.mark.parametrize(
    ("step", "names"), [("shift", ["shift.x"]), ("dirt", ["pixel_dropout.fraction", "shear.x"])]
)
def test_one_step_or_group_alone(step, names, forge):
    assert [row.caption[0] for row in make_sweep_gallery(forge(), 1, step).rows] == names


@pytest.mark.parametrize(
    ("distort", "step", "message"),
    [
        ("[]", None, "there is nothing to sweep: the recipe has no steps"),
        ("[{shift: {x: 3}}]", "shfit", "there is no step 'shfit'. Did you mean 'shift'? Steps: shift"),
    ],
)
def test_no_steps_or_an_unknown_step_raises(distort, step, message, forge):
    with pytest.raises(AugforgeError) as error:
        make_sweep_gallery(forge(distort), 1, step)
    assert str(error.value) == message


def test_steps_of_imgaug(forge):
    pytest.importorskip("imgaug")
    gallery = make_sweep_gallery(
        forge("""
  - imgaug: {augmenter: GaussianBlur, sigma: {normal: {mean: 2, sd: 0.1}}, id: blur}
  - imgaug: {augmenter: AverageBlur, k: {choice: [2, 7, 3]}, id: average}
  - imgaug: {augmenter: Fliplr, p: 1.0, id: flip}"""),
        1,
    )
    assert [row.caption for row in gallery.rows] == [
        ("blur.sigma", "1.691, 2, 2.309"),
        ("average.k", "2, 3, 7"),
        ("flip", "as it is"),
    ]
    average = [int((image > 0).sum()) for image in gallery.rows[1].images]
    assert average == sorted(average)
    original, low, flipped, high = gallery.rows[2].images
    assert np.array_equal(flipped, original[:, ::-1])
    assert low is None
    assert high is None


def test_a_value_that_an_augmenter_refuses_raises(forge):
    pytest.importorskip("imgaug")
    # Reading a recipe validates only the middle of a range.
    one = forge("[{imgaug: {augmenter: MotionBlur, k: {choice: [2, 5, 7]}, id: m}}]")
    with pytest.raises(
        AugforgeError, match=r"step 'm' cannot be shown with k = 2: imgaug's MotionBlur does not"
    ):
        make_sweep_gallery(one, 1)
