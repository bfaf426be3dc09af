from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge.kernels import change_stroke_width
from tests.kernels.digits import digits, pieces_and_holes, pieces_and_holes_of_each


def changed(image: np.ndarray, pixels: float) -> np.ndarray:
    return change_stroke_width(image[None], np.array([float(pixels)]))[0]


def between(a: np.ndarray, b: np.ndarray, share: int) -> np.ndarray:
    return (a * (256 - share) + b * share + 128) // 256


def spread(levels: np.ndarray, radius: int, outside: int) -> np.ndarray:
    """Return the highest of each pixel and eight points around it, int64 (H, W)."""
    diagonal = (radius * 46341 + 32768) // 65536
    height, width = levels.shape
    padded = np.pad(levels, 1, constant_values=outside)

    def at(dx: int, dy: int) -> np.ndarray:
        return padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]

    found = [levels]
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        found.append(between(levels, at(dx, dy), radius))
    for dx in (1, -1):
        for dy in (1, -1):
            here = between(levels, at(dx, 0), diagonal)
            there = between(at(0, dy), at(dx, dy), diagonal)
            found.append(between(here, there, diagonal))
    return np.max(found, axis=0)


def are_removable(ink: np.ndarray, places: list[tuple[int, int]]) -> list[bool]:
    """Say whether ink without each pixel has as many pieces and holes, and the pixel three neighbors."""
    without = np.repeat(ink[np.newaxis], len(places), axis=0)
    for one, place in zip(without, places, strict=True):
        one[place] = False
    three = [
        one[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].sum() >= 3
        for one, (y, x) in zip(without, places, strict=True)
    ]
    same = (pieces_and_holes_of_each(without) == pieces_and_holes(ink)).all(axis=1)
    return [bool(both) for both in same & three]


def hold(before: np.ndarray, after: np.ndarray, threshold: int) -> np.ndarray:
    ink, after = before >= threshold, after.copy()
    fallen = [(int(y), int(x)) for y, x in np.argwhere(ink & (after < threshold))]
    if not fallen:
        return after
    may_fall = dict(zip(fallen, are_removable(ink, fallen), strict=True))
    held = [place for place in fallen if not may_fall[place]]
    left = ink.copy()
    in_turn = sorted((place for place in fallen if may_fall[place]), key=lambda at: (int(after[at]) // 4, at))
    for place in in_turn:
        if are_removable(left, [place])[0]:
            left[place] = False
        else:
            held.append(place)
    for place in held:
        after[place] = threshold
    return after


def plainly_changed(image: np.ndarray, pixels: float) -> np.ndarray:
    levels, way = image.astype(np.int64), int(np.floor(abs(pixels) * 128 + 0.5))
    highest = int(levels.max())
    while way > 0:
        radius = min(way, 256)
        way -= radius
        if pixels > 0:
            levels = spread(levels, radius, 0)
            continue
        before, levels = levels, 255 - spread(255 - levels, radius, 255)
        for quarters in (3, 2, 1):
            levels = hold(before, levels, -(-highest * quarters // 4))
    return levels.astype(np.uint8)


LEVELS = st.one_of(st.integers(0, 255), st.sampled_from([0, 128, 255]))
SMALL = hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=LEVELS)


@given(SMALL, st.floats(-4, 6))
@example(np.full((2, 1), 255, np.uint8), -1.0)
@example(np.full((9, 9), 255, np.uint8), -4.0)
def test_it_is_what_the_plain_version_is(image: np.ndarray, pixels: float) -> None:
    np.testing.assert_array_equal(changed(image, pixels), plainly_changed(image, pixels))


BLOCKS = st.tuples(st.integers(1, 40), st.integers(1, 7), st.integers(1, 70)).flatmap(
    lambda shape: st.tuples(
        hnp.arrays(np.uint8, shape, elements=LEVELS),
        hnp.arrays(np.float64, shape[0], elements=st.floats(-4, 6)),
    )
)


@settings(max_examples=30, deadline=None)
@given(BLOCKS)
@example((np.array([[[0, 0, 0]], [[0, 1, 0]]], np.uint8), np.array([-1.0, -1.0])))
def test_many_at_once_are_what_the_plain_version_makes_of_each(block: tuple[np.ndarray, np.ndarray]) -> None:
    for image, pixels, after in zip(*block, change_stroke_width(*block), strict=True):
        np.testing.assert_array_equal(after, plainly_changed(image, pixels))


@pytest.mark.parametrize("pixels", [-3.0, -1.0, 2.5])
def test_digits_are_what_the_plain_version_makes_of_them(pixels: float) -> None:
    for image in digits()[:3]:
        np.testing.assert_array_equal(changed(image, pixels), plainly_changed(image, pixels))


@pytest.mark.parametrize("pixels", [-0.5, -1.0, -2.0, -3.0])
def test_no_digit_loses_or_gains_a_piece_or_a_hole(pixels: float) -> None:
    thinner = change_stroke_width(digits(), np.full(10_000, pixels))
    halves = (digits().max(axis=(1, 2)).astype(int) + 1) // 2
    before, after = (
        pieces_and_holes_of_each(images >= halves[:, None, None]) for images in (digits(), thinner)
    )
    np.testing.assert_array_equal(after, before)


@given(SMALL, st.floats(-4, 0))
def test_no_image_loses_or_gains_a_piece_or_a_hole(image: np.ndarray, pixels: float) -> None:
    thinner = changed(image, pixels)
    for quarters in (1, 2, 3):
        threshold = max(1, -(-int(image.max()) * quarters // 4))
        assert pieces_and_holes(thinner >= threshold) == pieces_and_holes(image >= threshold)


def test_wider_only_adds_and_narrower_only_takes() -> None:
    last = digits()
    for pixels in (0.3, 1.0, 1.5, 4.0):
        wider = change_stroke_width(digits(), np.full(10_000, pixels))
        assert (wider >= last).all()
        last = wider
    last = digits()
    for pixels in (-0.3, -1.0, -1.5, -4.0):
        narrower = change_stroke_width(digits(), np.full(10_000, pixels))
        assert (narrower <= digits()).all()
        assert narrower.sum() < last.sum()
        last = narrower


@pytest.mark.parametrize("pixels", [-0.5, -1.0, 1.0])
def test_digits_stay_where_they_are(pixels: float) -> None:
    def middles(images: np.ndarray) -> np.ndarray:
        ink = images.astype(float)
        across = (ink * np.arange(28)).sum(axis=(1, 2)) / ink.sum(axis=(1, 2))
        down = (ink * np.arange(28)[:, None]).sum(axis=(1, 2)) / ink.sum(axis=(1, 2))
        return np.stack([across, down])

    way = middles(change_stroke_width(digits(), np.full(10_000, pixels))) - middles(digits())
    assert (np.abs(way.mean(axis=1)) < 0.015).all()
    assert (np.abs(way) < 0.8).all()


def bar(width: float, degrees: float) -> np.ndarray:
    """Return a straight stroke through the middle and out of the frame, its edges as soft as area makes them."""
    places = (np.arange(41 * 16) + 0.5) / 16 - 20.5
    across = places[:, None] * np.cos(np.radians(degrees)) + places * np.sin(np.radians(degrees))
    inside = np.abs(across) <= width / 2
    return np.rint(255 * inside.reshape(41, 16, 41, 16).mean(axis=(1, 3))).astype(np.uint8)


def width_of(image: np.ndarray, degrees: float) -> float:
    """Return the ink of the stroke for each pixel of its length, well inside of the frame."""
    places = np.arange(41) - 20.0
    along = places * np.cos(np.radians(degrees)) - places[:, None] * np.sin(np.radians(degrees))
    # A band across the stroke, with edges one pixel soft.
    weights = np.clip(10.5 - np.abs(along), 0, 1)
    return float((image * weights).sum() / 255 / 20)


@pytest.mark.parametrize("degrees", [0, 10, 22.5, 30, 45, 60, 90])
@pytest.mark.parametrize(
    ("width", "pixels"),
    [(width, pixels) for width in (1.5, 2, 2.5, 3, 4, 5) for pixels in (0.5, 1, 1.5, 2, 3)]
    + [(width, pixels) for width in (3, 4, 5) for pixels in (-1, -0.5)]
    + [(5, -2)],
)
def test_strokes_get_wider_and_narrower_by_so_much(width: float, degrees: float, pixels: float) -> None:
    before = bar(width, degrees)
    change = width_of(changed(before, pixels), degrees) - width_of(before, degrees)
    assert change == pytest.approx(pixels, abs=0.25 * max(abs(pixels), 0.5))


CASES: dict[str, Any] = {
    "a dot": np.pad(np.array([[255]], np.uint8), 4),
    "a faint dot": np.pad(np.array([[1]], np.uint8), 4),
    "a dot in the corner": np.pad(np.array([[200]], np.uint8), ((0, 8), (0, 8))),
    "a line along the edge": np.pad(np.full((1, 9), 255, np.uint8), ((0, 8), (0, 0))),
    "a diagonal": np.diag(np.full(9, 90, np.uint8)),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_one_pixel_wide_keeps_its_length(name: str) -> None:
    image = CASES[name]
    for pixels in (-0.5, -4.0):
        thinner = changed(image, pixels)
        np.testing.assert_array_equal(thinner >= -(-int(image.max()) * 3 // 4), image > 0)


@pytest.mark.parametrize("pixels", [0.0, 0.003, -0.003])
def test_no_change_is_none_to_the_bit(pixels: float) -> None:
    np.testing.assert_array_equal(changed(digits()[0], pixels), digits()[0])


def test_an_image_does_not_depend_on_its_company() -> None:
    pixels = np.random.default_rng(0).uniform(-4, 6, 50)
    together = change_stroke_width(digits()[:50], pixels)
    for row in range(50):
        np.testing.assert_array_equal(changed(digits()[row], pixels[row]), together[row])


def test_an_empty_block_is_empty() -> None:
    none = np.empty((0, 28, 28), np.uint8)
    assert change_stroke_width(none, np.empty(0)).shape == none.shape
