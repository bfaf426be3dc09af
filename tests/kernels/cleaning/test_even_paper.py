import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge.kernels.cleaning.even_paper import clean, inside_frame, remove_deviations
from augforge.normalizing import normalize
from tests.kernels import cleanings

SIDES = st.tuples(st.integers(1, 24), st.integers(1, 24))
INK = st.one_of(
    hnp.arrays(np.uint8, SIDES, elements=st.sampled_from([1, 2, 3, 4, 5, 17, 40, 255]), fill=st.just(0)),
    hnp.arrays(np.uint8, SIDES),
)


@given(INK, st.integers(0, 255))
def test_deviations_are_those_of_the_plain_version(ink: np.ndarray, peak: int) -> None:
    np.testing.assert_array_equal(remove_deviations(ink, peak), cleanings.remove_deviations(ink, peak))


@given(INK, st.integers(1, 3))
def test_cleaning_is_that_of_the_plain_version(ink: np.ndarray, times: int) -> None:
    ink = ink.repeat(times, axis=0).repeat(times, axis=1)
    np.testing.assert_array_equal(clean(ink), cleanings.clean(ink))


@settings(max_examples=50)
@given(cleanings.pairs())
def test_drawings_are_cleaned_and_unframed_as_by_the_plain_version(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    disturbed = pair[1][:200, :200]
    assert inside_frame(disturbed) == cleanings.inside_frame(disturbed)
    assert inside_frame(pair[1]) == cleanings.inside_frame(pair[1])


@settings(max_examples=200)
@given(cleanings.pairs(), st.sampled_from([0, 255]))
def test_what_can_be_removed_exactly_leaves_the_identical_digit(
    pair: tuple[np.ndarray, np.ndarray], inverted: int
) -> None:
    clean, disturbed = (one ^ np.uint8(inverted) for one in pair)
    np.testing.assert_array_equal(normalize(disturbed), normalize(clean))


def test_a_box_of_20_pixels_stays_as_it_is() -> None:
    own = np.zeros((28, 28), np.uint8)
    own[4:24, 10:14] = 255
    own[4, 20], own[10, 22] = 255, 1
    np.testing.assert_array_equal(clean(own), own)
    larger = np.pad(own[4:24], ((4, 5), (0, 0)))
    larger[24, 10:14] = 255
    assert not clean(larger)[:, 18:].any()


def test_larger_patches_and_near_ones_are_ink() -> None:
    drawing = np.zeros((100, 100), np.uint8)
    drawing[20:60, 30:40] = 255
    for patch in (np.s_[80:83, 80:83], np.s_[61:63, 30:32], np.s_[80, 80:89]):
        with_patch = drawing.copy()
        with_patch[patch] = 255
        np.testing.assert_array_equal(clean(with_patch), with_patch)
    drawing[80:82, 80:84] = 255
    assert not clean(drawing)[70:].any()
