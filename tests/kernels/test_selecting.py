from hypothesis import given
from hypothesis import strategies as st

from tests.parts import greater, lesser

NUMBERS = st.floats(allow_nan=False)


@given(NUMBERS, NUMBERS)
def test_they_are_what_the_plain_versions_are(a: float, b: float) -> None:
    assert lesser(a, b) == min(a, b)
    assert greater(a, b) == max(a, b)


def test_the_second_is_taken_where_they_cannot_be_compared() -> None:
    assert lesser(float("nan"), 1.0) == greater(float("nan"), 1.0) == 1.0
