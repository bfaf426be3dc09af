from hypothesis import given
from hypothesis import strategies as st

from tests.parts import aligned_floats


@given(st.integers(0, 500))
def test_arrays_start_on_a_cache_line(count: int) -> None:
    floats = aligned_floats(count)
    assert (floats.dtype, floats.shape) == ("float32", (count,))
    assert floats.ctypes.data % 64 == 0 or count == 0
