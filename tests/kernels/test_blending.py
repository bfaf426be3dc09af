import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.parts import between

LEVELS = st.integers(0, 255)


@given(LEVELS, LEVELS, st.integers(0, 256))
def test_it_is_what_the_plain_version_is(a: int, b: int, share: int) -> None:
    assert between(np.uint8(a), np.uint8(b), np.uint16(share)) == (a * (256 - share) + b * share + 128) // 256
