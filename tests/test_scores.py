"""The interval of an accuracy is never narrower than what was counted allows."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augforge.errors import AugforgeError
from augforge.scores import accuracy_text, wilson_interval


@pytest.mark.parametrize(
    ("right", "total", "text"),
    [
        (12, 12, "12 of 12 right: 76 to 100 %"),
        (0, 12, "0 of 12 right: 0 to 24 %"),
        (1, 1, "1 of 1 right: 21 to 100 %"),
        (56, 60, "56 of 60 right: 84 to 97 %"),
        (193, 200, "193 of 200 right: 93 to 98 %"),
        (4158, 4200, "4,158 of 4,200 right: 98.7 to 99.3 %"),
        (199_000, 200_000, "199,000 of 200,000 right: 99.47 to 99.53 %"),
    ],
)
def test_text(right: int, total: int, text: str) -> None:
    assert accuracy_text(right, total) == text


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),  # Newcombe, Statistics in Medicine 17, 1998, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_published_values(right: int, total: int, low: float, high: float) -> None:
    assert wilson_interval(right, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10**7).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_it_holds_the_share_and_some_more(counts: tuple[int, int]) -> None:
    right, total = counts
    low, high = wilson_interval(right, total)
    assert 0 <= low <= right / total <= high <= 1
    assert high - low > 1 / (total + 4)
    mirrored = wilson_interval(total - right, total)
    assert math.isclose(low, 1 - mirrored[1], abs_tol=1e-9)


@pytest.mark.parametrize(("right", "total"), [(0, 0), (3, 2), (-1, 5)])
def test_what_cannot_have_been_counted(right: int, total: int) -> None:
    with pytest.raises(AugforgeError, match=f"got {right} of {total}"):
        wilson_interval(right, total)
