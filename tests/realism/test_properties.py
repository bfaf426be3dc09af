import numpy as np
import pytest

from augforge.realism import PROPERTIES, measure
from tests.realism.conftest import bar


def measure_one(image):
    return {name: float(values[0]) for name, values in measure(image[np.newaxis]).items()}


@pytest.mark.parametrize("width", [2, 3, 4, 6])
@pytest.mark.parametrize("height", [12, 18])
def test_a_bar_has_its_size(height, width):
    found = measure_one(bar(height, width, at=(0.5 * (width % 2), 0)))
    assert (found["height"], found["width"]) == (height, width)
    assert found["aspect"] == width / height
    # Cleaning darkens the four corners.
    assert found["ink"] == pytest.approx(height * width, abs=4)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("turned", [False, True])
def test_a_bar_has_its_stroke(width, turned):
    image = bar(22, width, at=(0.5 * (width % 2), 0))
    # At the corners, the shortest runs are diagonal.
    assert measure_one(image.T if turned else image)["stroke"] == pytest.approx(width, rel=0.12)


@pytest.mark.parametrize("slant", [-40, -30, 30, 45])
def test_a_leaning_bar_has_its_stroke(slant):
    across = 4 * np.cos(np.radians(slant))
    assert measure_one(bar(20, 4, slant=slant))["stroke"] == pytest.approx(across, rel=0.2)


@pytest.mark.parametrize("slant", [-40, -20, -5, 0, 5, 20, 40])
def test_a_leaning_bar_has_its_slant(slant):
    assert measure_one(bar(20, 3, slant=slant))["slant"] == pytest.approx(slant, abs=1)


@pytest.mark.parametrize("at", [(0, 0), (3, 0), (0, -4), (-2.5, 1.5)])
@pytest.mark.parametrize("shape", [(28, 28), (31, 40)])
def test_a_bar_has_its_position(at, shape):
    found = measure_one(bar(12, 5, at=at, shape=shape))
    assert (found["centre_x"], found["centre_y"]) == pytest.approx(at, abs=0.3)


@pytest.mark.parametrize("levels", [(0, 255), (0, 90), (40, 200), (255, 0), (180, 60)])
def test_ink_and_paper_have_their_levels(levels):
    found = measure_one(bar(16, 4, levels=levels))
    paper, ink = levels
    assert (found["paper_level"], found["ink_level"], found["contrast"]) == (paper, ink, ink - paper)
    assert found["ink"] == pytest.approx(64 * abs(ink - paper) / 255, rel=0.05)


def test_inverted_images_have_the_same_shape():
    image = bar(14, 3, at=(2, 1), slant=20)
    light, dark = measure_one(image), measure_one(255 - image)
    assert {name for name in light if light[name] != dark[name]} == {"ink_level", "paper_level", "contrast"}


def test_single_specks_and_holes_change_only_the_noise():
    clean = bar(16, 6)
    dirty = clean.copy()
    dirty[[1, 4, 25], [2, 26, 14]] = 255
    dirty[[10, 16], [13, 14]] = 0
    before, after = measure_one(clean), measure_one(dirty)
    assert after["noise"] - before["noise"] == pytest.approx(5 * 255 / 784)
    assert {name: after[name] for name in after if name != "noise"} == pytest.approx(
        {name: before[name] for name in before if name != "noise"}
    )


def test_a_thin_line_is_no_speck():
    image = np.zeros((28, 28), np.uint8)
    image[5:20, 14] = 255
    assert measure_one(image)["height"] == 13
    assert measure_one(image)["stroke"] == 1


def test_images_without_ink():
    found = measure(np.stack([np.zeros((28, 28), np.uint8), np.full((28, 28), 77, np.uint8), bar()]))
    for name in ("height", "width", "aspect", "centre_x", "centre_y", "slant", "stroke", "ink_level"):
        assert np.isnan(found[name][:2]).all()
        assert not np.isnan(found[name][2])
    assert found["ink"][:2].tolist() == [0, 0]
    assert found["contrast"][:2].tolist() == [0, 0]
    assert found["paper_level"][:2].tolist() == [0, 77]


def test_images_do_not_depend_on_their_neighbors():
    images = np.random.default_rng(1).integers(0, 256, (1500, 28, 28), np.uint8)
    whole, alone = measure(images), [measure(images[i : i + 1]) for i in (0, 700, 1499)]
    assert all(whole[name][[0, 700, 1499]].tolist() == [one[name][0] for one in alone] for name in whole)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 200)])
def test_any_frame(shape):
    found = measure(np.full((2, *shape), 9, np.uint8))
    assert list(found) == [one.name for one in PROPERTIES]
    assert all(values.shape == (2,) and values.dtype == np.float64 for values in found.values())


def test_no_images():
    assert all(values.shape == (0,) for values in measure(np.empty((0, 28, 28), np.uint8)).values())


def test_input_is_not_written_to():
    image = bar()[np.newaxis]
    image.flags.writeable = False
    measure(image)


def test_tolerance_scales_with_the_frame():
    grown = {one.name: one.tolerance((56, 56)) / one.tolerance((28, 28)) for one in PROPERTIES}
    assert grown == {
        **dict.fromkeys(grown, 1),
        **dict.fromkeys(("height", "width", "centre_x", "centre_y", "stroke"), 2),
        "ink": 4,
    }


def test_values_are_formatted_to_significant_digits():
    formatted = {one.name: one.format(1.2345) for one in PROPERTIES}
    assert (formatted["ink"], formatted["slant"], formatted["aspect"], formatted["stroke"]) == (
        "1",
        "1.2",
        "1.23",
        "1.23",
    )
    assert PROPERTIES[0].format(float("nan")) == "-"
