"""Drawings made to look like MNIST's digits: laws, MNIST itself, and what cannot be normalized."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

import augforge
from augforge import kernels
from augforge.errors import AugforgeError
from augforge.normalizing import Normalizer, normalize, to_gray
from augforge.sources import SourceSpec, open_source

LEVELS = st.integers(0, 255)
OPTIONS = st.fixed_dictionaries({"upright": st.booleans(), "pen": st.sampled_from(["mnist", "as-drawn"])})


@st.composite
def drawings(draw: st.DrawFn) -> np.ndarray:
    """White ink on black, a blank border around it, made of a few strokes of some width."""
    canvas = np.zeros((draw(st.integers(12, 60)), draw(st.integers(12, 60))), np.uint8)
    for _ in range(draw(st.integers(1, 4))):
        top, left = draw(st.integers(2, canvas.shape[0] - 4)), draw(st.integers(2, canvas.shape[1] - 4))
        bottom, right = (
            draw(st.integers(top + 1, canvas.shape[0] - 2)),
            draw(st.integers(left + 1, canvas.shape[1] - 2)),
        )
        canvas[top:bottom, left:right] = draw(st.integers(40, 255))
    # Ink that may be a sheet of paper is refused.
    assume(kernels.separate_ink(canvas, -1)[1] == 1)
    return canvas


@given(drawings(), OPTIONS, st.tuples(*[st.integers(0, 30)] * 4))
def test_place_and_size_of_the_canvas_do_not_matter(
    drawing: np.ndarray, options: Any, border: tuple[int, int, int, int]
) -> None:
    top, bottom, left, right = border
    moved = np.pad(drawing, ((top, bottom), (left, right)))
    np.testing.assert_array_equal(normalize(moved, **options), normalize(drawing, **options))


@given(drawings(), OPTIONS)
def test_polarity_does_not_matter(drawing: np.ndarray, options: Any) -> None:
    np.testing.assert_array_equal(normalize(255 - drawing, **options), normalize(drawing, **options))


@given(drawings(), OPTIONS, st.integers(2, 5))
def test_enlarging_by_a_whole_number_does_not_matter(drawing: np.ndarray, options: Any, times: int) -> None:
    box = max(Normalizer().steps(drawing)["cropped"].shape)
    # A box of 20 pixels is taken for one of MNIST's own, whose pen is left alone.
    assume(options["pen"] == "as-drawn" or 20 not in (box, box * times))
    enlarged = drawing.repeat(times, axis=0).repeat(times, axis=1)
    np.testing.assert_array_equal(normalize(enlarged, **options), normalize(drawing, **options))


@given(drawings(), OPTIONS)
def test_the_result_is_as_mnist(drawing: np.ndarray, options: Any) -> None:
    result = normalize(drawing, **options)
    assert (result.shape, result.dtype) == ((28, 28), np.dtype(np.uint8))
    rows, columns = np.flatnonzero(result.any(axis=1)), np.flatnonzero(result.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
    mass = result.sum(dtype=float)
    for index, extent in zip(np.indices((28, 28)), (rows, columns), strict=True):
        # Placed by its center of mass, as far as the frame allows.
        at_the_edge = extent[0] == 0 or extent[-1] == 27
        assert at_the_edge or 13.5 - 1e-9 <= (result * index).sum() / mass <= 14.5 + 1e-9


@settings(max_examples=20)
@given(st.lists(drawings(), min_size=1, max_size=5), OPTIONS)
def test_a_batch_is_as_one_by_one(batch: list[np.ndarray], options: Any) -> None:
    together = normalize(batch, **options)
    for one, drawing in zip(together, batch, strict=True):
        np.testing.assert_array_equal(one, normalize(drawing, **options))


def test_twice_is_once() -> None:
    digits = open_source(SourceSpec(dataset="mnist-10k")).images[:200]
    once = normalize(digits.repeat(3, axis=1).repeat(3, axis=2))
    # Once done, the box is 20 pixels in most cases; where rounding leaves 19, it is scaled again.
    done = np.array([max(Normalizer().steps(image)["cropped"].shape) == 20 for image in once])
    assert done.mean() > 0.9
    np.testing.assert_array_equal(normalize(once[done]), once[done])


def changed(images: np.ndarray) -> list[int]:
    return np.flatnonzero((normalize(images) != images).any(axis=(1, 2))).tolist()


def boxes(images: np.ndarray) -> np.ndarray:
    rows, columns = images.any(axis=2), images.any(axis=1)
    sides = [28 - any_ink.argmax(axis=1) - any_ink[:, ::-1].argmax(axis=1) for any_ink in (rows, columns)]
    return np.maximum(*sides)


def test_the_bundled_digits_come_out_identical() -> None:
    """All whose box is 20 pixels: the others are 19 pixels large, and are enlarged."""
    for split in ("train", "test"):
        images = open_source(SourceSpec(dataset="mnist-10k", split=split)).images
        assert changed(images) == np.flatnonzero(boxes(images) != 20).tolist()


def test_all_of_mnist_comes_out_identical() -> None:
    """Of 70,000 digits 69,984 have a box of 20 pixels; 4 of these are not placed by the rule, see the docs."""
    folder = Path(os.environ.get("AUGFORGE_MNIST_DIR", Path(__file__).parents[2] / "shared" / "mnist"))
    if not folder.is_dir():
        pytest.skip("MNIST is not at hand: set AUGFORGE_MNIST_DIR")
    for split, small, elsewhere in (("train", 13, [19841, 23831, 33691]), ("test", 3, [8688])):
        images = open_source(SourceSpec(path=folder, split=split)).images
        too_small = np.flatnonzero(boxes(images) != 20)
        assert len(too_small) == small
        assert sorted({*changed(images)} - {*too_small.tolist()}) == elsewhere


def test_colours_become_gray() -> None:
    gray = to_gray(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [9, 9, 9]]], np.uint8))
    assert gray.tolist() == [[76, 150, 29, 255, 9]]


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0)])
def test_transparency_is_the_paper_that_ink_stands_out_from(ink: int, paper: int) -> None:
    drawing = np.zeros((30, 30, 4), np.uint8)
    drawing[5:25, 12:15] = [ink, ink, ink, 255]
    assert to_gray(drawing)[0, 0] == paper
    expected = np.full((30, 30), paper, np.uint8)
    expected[5:25, 12:15] = ink
    np.testing.assert_array_equal(normalize(drawing), normalize(expected))


def test_faint_strokes_are_kept() -> None:
    faint = np.zeros((100, 100), np.uint8)
    faint[20:80, 48:52] = 12
    assert normalize(faint).max() == 255
    thin = np.full((280, 280), 255, np.uint8)
    thin[20:260, 140] = 0
    assert normalize(thin).max() > 200


@pytest.mark.parametrize("level", [12, 28])
def test_a_lighter_stroke_is_not_cut_off(level: int) -> None:
    """As by less pressure of the pen: it is below an eighth of the peak."""
    drawing = np.zeros((120, 120), np.uint8)
    drawing[60:66, 30:90] = 255
    drawing[20:60, 50:56] = level
    whole = np.minimum(drawing, 1) * np.uint8(255)
    found = normalize(drawing, pen="as-drawn")
    same = normalize(whole, pen="as-drawn")
    assert (found > 0).sum() == (same > 0).sum()


@pytest.mark.parametrize("side", [8, 12, 15])
def test_a_tie_in_a_small_picture_needs_a_polarity(side: int) -> None:
    picture = np.full((side, side), 128, np.uint8)
    picture[2:-2, 2], picture[2:-2, 5] = 28, 228
    with pytest.raises(AugforgeError, match=r"set polarity \(--polarity\) to dark-on-light or light-on-dark"):
        normalize(picture)


def test_faint_noise_hardly_changes_a_drawing() -> None:
    """By at most 4 levels on average, after the best shift of at most a pixel."""
    rng = np.random.default_rng(0)
    for image in open_source(SourceSpec(dataset="mnist-10k")).images[:30]:
        top, bottom, left, right = kernels.bounding_box(image)
        digit = np.ascontiguousarray(image[top:bottom, left:right])
        large = np.pad(kernels.area_resample(digit, 4 * digit.shape[0] - 3, 4 * digit.shape[1] - 3), 20)
        noisy = np.clip(np.rint(255.0 - large + rng.normal(0, 2, large.shape)), 0, 255).astype(np.uint8)
        clean, found = (normalize(one, pen="as-drawn").astype(int) for one in (255 - large, noisy))
        moves = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        assert min(abs(np.roll(found, move, (0, 1)) - clean).mean() for move in moves) <= 4


def test_dots_and_full_drawings_have_an_answer() -> None:
    dot = np.zeros((28, 28), np.uint8)
    dot[3, 20] = 255
    assert normalize(dot)[5:25, 5:25].min() == 255
    assert np.count_nonzero(normalize(dot)) == 400
    assert normalize(np.pad(np.full((50, 20), 255, np.uint8), 1)).max() == 255


def test_batches_may_be_arrays_or_lists() -> None:
    gray = np.zeros((5, 40, 30), np.uint8)
    gray[:, 10:20, 10:15] = 255
    colour = gray[..., np.newaxis].repeat(3, axis=3)
    assert normalize(gray).shape == normalize(colour).shape == normalize([*gray]).shape == (5, 28, 28)
    assert normalize(colour[0]).shape == (28, 28)
    assert normalize([]).shape == (0, 28, 28)


BAD: list[tuple[Any, str]] = [
    (np.zeros((9, 9), np.uint8), "it has no ink: all of its 9 x 9 pixels are paper"),
    (np.full((9, 9), 255, np.uint8), "it has no ink: all of its 9 x 9 pixels are paper"),
    (
        [np.eye(9, dtype=np.uint8), np.zeros((9, 8), np.uint8)],
        "drawing 1: it has no ink: all of its 9 x 8 pixels are paper",
    ),
    (
        [np.eye(9, dtype=np.uint8), *np.zeros((25, 9, 8), np.uint8)],
        "25 of 26 drawings cannot be normalized:\n  drawing 1: it has no ink: all of its 9 x 8 pixels are paper\n",
    ),
    (
        np.zeros((9, 9)),
        "a drawing is uint8 of shape (H, W), (H, W, 3) or (H, W, 4); got float64 of shape (9, 9)",
    ),
    (
        np.zeros((9, 9, 2, 2), np.uint8),
        "drawing 0: a drawing is uint8 of shape (H, W), (H, W, 3) or (H, W, 4); got uint8 of shape (9, 2, 2)",
    ),
    (
        np.zeros(9, np.uint8),
        "a drawing is uint8 of shape (H, W), (H, W, 3) or (H, W, 4); got uint8 of shape (9,)",
    ),
    (np.zeros((0, 9), np.uint8), "a drawing is 1 to 8192 pixels high and wide; got 0 x 9"),
    (np.zeros((1, 8193), np.uint8), "a drawing is 1 to 8192 pixels high and wide; got 1 x 8193"),
    ("digit.png", "a drawing is an array, or a sequence of arrays; got text: open the picture first"),
    (None, "a drawing is uint8 of shape (H, W), (H, W, 3) or (H, W, 4); got object of shape ()"),
]


@pytest.mark.parametrize(("drawing", "message"), BAD, ids=[message[:50] for _, message in BAD])
def test_what_cannot_be_normalized(drawing: Any, message: str) -> None:
    with pytest.raises(AugforgeError) as caught:
        normalize(drawing)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"polarity": "black"}, "polarity is 'black', allowed are auto, dark-on-light, light-on-dark"),
        ({"pen": 3}, "pen is 3, allowed are as-drawn, mnist"),
        ({"upright": "yes"}, "upright is 'yes', allowed are True and False"),
    ],
)
def test_bad_options(options: Any, message: str) -> None:
    with pytest.raises(AugforgeError) as caught:
        Normalizer(**options)
    assert str(caught.value) == message


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=LEVELS), OPTIONS)
def test_anything_has_an_answer_or_a_clear_error(drawing: np.ndarray, options: Any) -> None:
    try:
        result = normalize(drawing, **options)
    except AugforgeError as error:
        result = None
        reason = str(error)
    assert reason.startswith(("it has no ink", "it can be read as")) if result is None else result.max() > 0


def test_it_is_public() -> None:
    assert augforge.normalize is normalize
    assert augforge.Normalizer is Normalizer


def test_a_border_of_solid_ink_is_no_paper_where_the_polarity_says_so() -> None:
    stroke = np.zeros((40, 40), np.uint8)
    stroke[4:24, 11:16] = 255
    cut = stroke[4:24, 11:16]
    expected = augforge.normalize(stroke)
    np.testing.assert_array_equal(augforge.normalize(cut, polarity="light-on-dark"), expected)
    np.testing.assert_array_equal(augforge.normalize(255 - cut, polarity="dark-on-light"), expected)


@pytest.mark.parametrize("inverted", [0, 255])
def test_a_drawing_may_be_cut_along_its_ink(inverted: int) -> None:
    """All but three of 500, thin ones that fill their box; with a pixel of paper around it, all."""
    images = open_source(SourceSpec(dataset="mnist-10k", split="test")).images[:500]
    others = {0: 0, 1: 0}
    for image in images:
        expected = normalize(image)
        for around in others:
            top, bottom, left, right = kernels.bounding_box(image)
            cut = np.pad(image[top:bottom, left:right], around) ^ np.uint8(inverted)
            try:
                others[around] += not np.array_equal(normalize(cut), expected)
            except AugforgeError:  # No ink: none of its paper shows.
                others[around] += 1
    assert others == {0: 3, 1: 0}


def test_one_channel_is_gray() -> None:
    drawing = np.zeros((40, 30), np.uint8)
    drawing[10:30, 12:19] = 200
    np.testing.assert_array_equal(augforge.normalize(drawing[..., np.newaxis]), augforge.normalize(drawing))


def sheet_on_even_desk(margin: int = 12) -> np.ndarray:
    picture = np.pad(np.full((80, 80), 230, np.uint8), margin, constant_values=40)
    picture[margin + 20 : margin + 60, margin + 30 : margin + 40] = 40
    return picture


def test_ink_that_may_be_paper_needs_a_polarity() -> None:
    picture = sheet_on_even_desk()
    with pytest.raises(AugforgeError, match=r"set polarity \(--polarity\) to dark-on-light or light-on-dark"):
        normalize(picture)
    sheet = picture[12:-12, 12:-12]
    np.testing.assert_array_equal(normalize(picture, polarity="dark-on-light"), normalize(sheet))
    np.testing.assert_array_equal(normalize(255 - picture, polarity="light-on-dark"), normalize(sheet))
    # A frame is no desk.
    np.testing.assert_array_equal(normalize(sheet_on_even_desk(5)), normalize(sheet))


def test_light_and_dark_strokes_on_gray_paper_need_a_polarity() -> None:
    picture = np.full((60, 60), 128, np.uint8)
    picture[10:50, 10:16], picture[10:50, 40:46] = 20, 240
    with pytest.raises(AugforgeError, match="it can be read as dark ink"):
        normalize(picture)
    one, other = (normalize(picture, polarity=polarity) for polarity in ("dark-on-light", "light-on-dark"))
    assert one.any()
    assert other.any()


@pytest.mark.parametrize("polarity", ["light-on-dark", "dark-on-light"])
@pytest.mark.parametrize("side", [16, 64])
def test_a_given_polarity_reads_digits_cut_to_their_box(polarity: Any, side: int) -> None:
    """As the same picture padded with paper: at least 99.5 %; none is refused."""
    images = open_source(SourceSpec(dataset="mnist-10k", split="test")).images[:400]
    inverted = np.uint8(255 * (polarity == "dark-on-light"))
    different = 0
    for image in images:
        top, bottom, left, right = kernels.bounding_box(image)
        cut = kernels.area_resample(np.ascontiguousarray(image[top:bottom, left:right]), side, side)
        padded = np.pad(cut, 3) ^ inverted
        results = (normalize(one, polarity=polarity) for one in (cut ^ inverted, padded))
        different += not np.array_equal(*results)
    assert different <= 2


def sheet_with_digit(paper: int, ink: int) -> np.ndarray:
    """A five of strokes on a sheet of 100 x 80 pixels."""
    sheet = np.full((100, 80), paper, np.uint8)
    for stroke in (
        np.s_[20:28, 25:55],
        np.s_[20:50, 25:33],
        np.s_[44:52, 25:55],
        np.s_[44:80, 48:56],
        np.s_[72:80, 25:55],
    ):
        sheet[stroke] = ink
    return sheet


def on_desk(sheet: np.ndarray, share: int, desk: int, at: str = "inside") -> np.ndarray:
    """A sheet on a desk that covers a share of the picture, in percent, in its middle or at its edge."""
    side = max(int((sheet.size * 100 / share) ** 0.5), max(sheet.shape) + 2)
    picture = np.full((side, side), desk, np.uint8)
    rows, columns = ((side - length) // 2 for length in sheet.shape)
    top, left = {"inside": (rows, columns), "side": (rows, 0), "corner": (0, 0)}[at]
    picture[top : top + sheet.shape[0], left : left + sheet.shape[1]] = sheet
    return picture


@pytest.mark.parametrize("share", [5, 10, 20, 40, 60, 75])
@pytest.mark.parametrize("at", ["inside", "side", "corner"])
@pytest.mark.parametrize("inverted", [0, 255])
def test_a_sheet_on_an_even_desk_is_paper(share: int, at: str, inverted: int) -> None:
    expected = normalize(sheet_with_digit(230, 20))
    picture = on_desk(sheet_with_digit(230, 20), share, 60, at) ^ np.uint8(inverted)
    own: Any = "light-on-dark" if inverted else "dark-on-light"
    for polarity in ("auto", own):
        np.testing.assert_array_equal(normalize(picture, polarity=polarity), expected)


@pytest.mark.parametrize("share", [5, 20, 40, 60])
@pytest.mark.parametrize("ink", [60, 110])
def test_a_digit_as_light_as_the_desk_needs_a_polarity(share: int, ink: int) -> None:
    """It might be the hole of an ink patch."""
    sheet = sheet_with_digit(230, ink)
    picture = on_desk(sheet, share, 60)
    with pytest.raises(AugforgeError, match="set polarity"):
        normalize(picture)
    np.testing.assert_array_equal(normalize(picture, polarity="dark-on-light"), normalize(sheet))
    patch = Normalizer("light-on-dark").steps(picture)["ink"]
    np.testing.assert_array_equal(patch[patch.any(axis=1)][:, patch.any(axis=0)], sheet - np.uint8(60))


def test_two_sheets_one_of_them_blank() -> None:
    sheet = sheet_with_digit(230, 20)
    picture = np.pad(np.hstack([sheet, np.full((100, 30), 60, np.uint8), np.full_like(sheet, 230)]), 40)
    picture[picture == 0] = 60
    np.testing.assert_array_equal(normalize(picture), normalize(sheet))


def test_a_turned_sheet_with_soft_edges() -> None:
    sheet = sheet_with_digit(230, 20)
    for angle in (4, 30, 45):
        turned = Image.new("RGB", (240, 240), (60, 60, 60))
        alone = Image.fromarray(np.dstack([sheet, sheet, sheet, np.full_like(sheet, 255)]))
        alone = alone.rotate(angle, Image.Resampling.BILINEAR, expand=True)
        turned.paste(alone, (60, 60), alone)
        ink = Normalizer().steps(np.asarray(turned))["cropped"]
        assert max(ink.shape) < 80
        assert ink.max() > 200


def disk(radius: float) -> np.ndarray:
    rows, columns = np.indices((100, 100)) - 49.5
    return rows * rows + columns * columns < radius * radius


def closed_digits() -> dict[str, np.ndarray]:
    """Ink with paper in it that is no sheet."""
    noisy = disk(30)
    noisy[np.random.default_rng(0).uniform(size=noisy.shape) < 0.05] = False
    slot, button, blocks = disk(30), disk(40), np.zeros((100, 100), bool)
    slot[30:70, 47:53] = False
    button[10:90, 10:90] &= sheet_with_digit(1, 0)[10:90] > 0
    blocks[20:80, 30:70], blocks[32:68, 42:58] = True, False
    eight = blocks.copy()
    eight[44:56, 30:70] = True
    tall = np.zeros((100, 100), bool)
    tall[10:90, 40:65], tall[25:75, 51:54] = True, False
    return {
        "zero": disk(30) & ~disk(18),
        "thick zero": disk(30) & ~disk(4),
        "outlined": disk(30) & ~disk(27),
        "inlined": disk(35) & ~(disk(28) & ~disk(24)) & ~disk(15),
        "noisy": noisy,
        "slot": slot,
        "button": button,
        "blocks": blocks,
        "eight": eight,
        "tall": tall,
    }


@pytest.mark.parametrize("name", [*closed_digits()])
@pytest.mark.parametrize("inverted", [0, 255])
def test_closed_ink_is_no_sheet(name: str, inverted: int) -> None:
    ink = np.where(np.pad(closed_digits()[name], 20), 200, 0).astype(np.uint8)
    found, readings = kernels.separate_ink(ink ^ np.uint8(inverted), -1)
    assert readings == 1
    np.testing.assert_array_equal(found[ink > 0], 200)
