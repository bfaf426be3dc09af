import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from augforge import kernels
from augforge.kernels.cleaning.desk_sheets import sheet_inside
from augforge.kernels.cleaning.lit_paper import (
    estimate_paper,
    is_light,
    label_patches,
    read_photograph,
    remove_specks,
)
from tests.kernels import photographs

AUTO = -1
SIDE = 96
DOWN, ACROSS = np.mgrid[0:SIDE, 0:SIDE] / (SIDE - 1)

# All as shares of the light on the brightest pixel.
LIGHTS = {
    "even": np.ones((SIDE, SIDE)),
    "three to one": 1 - 2 / 3 * ACROSS,
    "dark corners": 1 - 0.8 * ((DOWN - 0.5) ** 2 + (ACROSS - 0.5) ** 2),
    "soft shadow": 1 - 0.5 * np.clip(0.5 + (DOWN - 0.75) / 0.1, 0, 1),
    "hard shadow": np.where(ACROSS + DOWN < 0.7, 0.5, 1.0),
}


@given(photographs.PICTURES)
def test_paper_is_what_the_plain_version_is(picture: np.ndarray) -> None:
    np.testing.assert_array_equal(estimate_paper(picture), photographs.estimate_paper(picture))


@given(photographs.PICTURES)
def test_light_paper_is_told_as_in_the_plain_version(picture: np.ndarray) -> None:
    assert is_light(picture) == photographs.is_light(picture)


INK = hnp.arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 9))
SPOTS = hnp.arrays(
    np.int64,
    st.tuples(st.integers(1, 30), st.integers(1, 30)),
    elements=st.sampled_from([1, 9, 1000]),
    fill=st.just(0),
)


@given(st.one_of(INK, SPOTS))
def test_cleaning_is_what_the_plain_version_does(ink: np.ndarray) -> None:
    np.testing.assert_array_equal(remove_specks(ink), photographs.remove_specks(ink))


@given(photographs.PICTURES, st.sampled_from([-1, 0, 1]))
def test_ink_of_photographs_is_what_the_plain_version_is(picture: np.ndarray, light_paper: int) -> None:
    expected = photographs.read_photograph(picture, light_paper)
    np.testing.assert_array_equal(read_photograph(picture, light_paper), expected)


def photograph(light: np.ndarray, paper: float, ink: float, strokes: np.ndarray | None = None) -> np.ndarray:
    grain = np.random.default_rng(1).normal(0, 2, light.shape)
    sheet = np.where(digit() if strokes is None else strokes, ink, paper)
    return np.clip(sheet * light + grain, 0, 255).astype(np.uint8)


def digit() -> np.ndarray:
    strokes = np.zeros((SIDE, SIDE), bool)
    strokes[25:29, 40:60] = strokes[45:49, 40:60] = strokes[25:75, 56:60] = strokes[25:49, 40:44] = True
    return strokes


@pytest.mark.parametrize("light", LIGHTS.values(), ids=LIGHTS)
@pytest.mark.parametrize("ink", [40, 160], ids=["marker", "pencil"])
def test_uneven_light_is_no_ink(light: np.ndarray, ink: int) -> None:
    found, _ = kernels.separate_ink(photograph(light, 230, ink), AUTO)
    assert kernels.bounding_box(found) == (25, 75, 40, 60)
    assert ((found > 0) == digit()).mean() > 0.99


@pytest.mark.parametrize(("paper", "ink"), [(110, 60), (160, 240), (70, 30), (20, 150)])
def test_dim_paper_is_told_by_what_stands_out(paper: int, ink: int) -> None:
    found, _ = kernels.separate_ink(photograph(LIGHTS["even"], paper, ink), AUTO)
    assert kernels.bounding_box(found) == (25, 75, 40, 60)


def test_specks_are_no_ink_but_a_dot_alone_is() -> None:
    speck, dot = np.zeros((2, SIDE, SIDE), bool)
    speck[90:92, 5:7] = True
    dot[60:64, 20:24] = True
    for light in LIGHTS.values():
        found, _ = kernels.separate_ink(photograph(light, 230, 100, digit() | speck), AUTO)
        assert kernels.bounding_box(found) == (25, 75, 40, 60)
    found, _ = kernels.separate_ink(photograph(LIGHTS["three to one"], 230, 190, dot), AUTO)
    assert kernels.bounding_box(found) == (60, 64, 20, 24)
    found, _ = kernels.separate_ink(photograph(LIGHTS["even"], 230, 100, dot | digit()), AUTO)
    assert kernels.bounding_box(found) == (25, 75, 20, 60)


def test_a_neighbor_cut_off_by_the_border_is_no_ink() -> None:
    neighbor = np.zeros((SIDE, SIDE), bool)
    neighbor[40:46, 80:] = True
    found, _ = kernels.separate_ink(photograph(LIGHTS["even"], 230, 100, digit() | neighbor), AUTO)
    assert kernels.bounding_box(found) == (25, 75, 40, 60)
    alone, _ = kernels.separate_ink(photograph(LIGHTS["even"], 230, 100, neighbor), AUTO)
    assert kernels.bounding_box(alone) == (40, 46, 80, SIDE)


def test_large_photographs_are_made_smaller() -> None:
    large = photograph(LIGHTS["three to one"], 230, 100).repeat(6, axis=0).repeat(6, axis=1)
    found, _ = kernels.separate_ink(large, AUTO)
    assert found.shape == (192, 192)
    assert kernels.bounding_box(found) == (50, 150, 80, 120)


@pytest.mark.parametrize("slope", [(0, 0), (3, 0), (0, -2), (2, 1)])
def test_paper_under_a_slope_is_the_slope(slope: tuple[int, int]) -> None:
    down, across = np.indices((30, 30))
    levels = (100 + slope[0] * down + slope[1] * across).astype(np.uint8)
    # Raised to the highest neighbor, hence by one step; at the edges it goes on.
    assert (estimate_paper(levels) == levels.astype(int) + abs(slope[0]) + abs(slope[1])).all()


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_patches_are_those_of_scipy(mask: np.ndarray) -> None:
    found, expected = label_patches(mask), ndimage.label(mask, np.ones((3, 3)))[0]
    pairs = {*zip(found.ravel().tolist(), expected.ravel().tolist(), strict=True)}
    assert len(pairs) == len({mine for mine, _ in pairs}) == len({theirs for _, theirs in pairs})
    assert ((found == 0) == ~mask).all()


@given(INK)
def test_cleaning_only_takes_away(ink: np.ndarray) -> None:
    cleaned = remove_specks(ink)
    assert ((cleaned == ink) | (cleaned == 0)).all()
    assert cleaned.any() == ink.any()


def test_what_stands_out_is_told_the_other_way_round_in_the_negative() -> None:
    for light in LIGHTS.values():
        picture = photograph(light, 150, 90)
        assert is_light(picture)
        assert not is_light(255 - picture)


@st.composite
def desks(draw: st.DrawFn) -> np.ndarray:
    """A sheet on a desk, or a part of it."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    picture = random.normal(draw(st.integers(0, 255)), draw(st.sampled_from([0, 3, 20])), (60, 70))
    top, left = draw(st.integers(0, 15)), draw(st.integers(0, 15))
    picture[top : top + draw(st.integers(20, 60)), left : left + draw(st.integers(20, 70))] = draw(
        st.integers(0, 255)
    )
    return np.clip(picture, 0, 255).astype(np.uint8)


@given(st.one_of(desks(), photographs.PICTURES), st.sampled_from([-1, 0, 1]))
def test_sheets_are_found_as_by_the_plain_version(picture: np.ndarray, light_paper: int) -> None:
    assert sheet_inside(picture, light_paper) == photographs.sheet_inside(picture, light_paper)


def test_a_sheet_on_a_desk_is_cut_out() -> None:
    for inverted in (0, 255):
        desk = np.full((200, 200), 40, np.uint8)
        desk[30:170, 40:160] = 220
        desk += np.random.default_rng(0).integers(0, 9, desk.shape, np.uint8)
        desk ^= np.uint8(inverted)
        top, bottom, left, right = sheet_inside(desk, -1)
        assert 30 <= top < 45
        assert 155 < bottom <= 170
        assert 40 <= left < 55
        assert 145 < right <= 160
        assert sheet_inside(desk, int(inverted != 0)) == (0, 200, 0, 200)
