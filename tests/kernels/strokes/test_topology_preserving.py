import numpy as np

from augforge.kernels.strokes import topology_preserving
from tests.parts import always_removable, removable

SIDES = tuple(range(8))


def planes(codes: np.ndarray) -> np.ndarray:
    """Spread the neighbors of codes over the first bits of words, uint64 (8, N)."""
    return np.array([codes >> side & 1 for side in SIDES], np.uint64)


def test_a_pixel_is_removable_where_the_table_says_so() -> None:
    found = removable(planes(np.arange(256))) & np.uint64(1)
    np.testing.assert_array_equal(found == 1, topology_preserving._REMOVABLE)


def test_what_is_always_removable_is_so_whichever_open_neighbors_go() -> None:
    said = needed = 0
    ink = np.arange(256)
    for still in range(256):
        codes = ink[(ink & still == still) & topology_preserving._REMOVABLE]
        always = always_removable(planes(codes), planes(np.full(len(codes), still)))
        for code, says in zip(codes, always & np.uint64(1), strict=True):
            between = ink[(ink & still == still) & (ink & ~code == 0)]
            if says:
                assert topology_preserving._REMOVABLE[between].all()
                said += 1
            needed += bool(topology_preserving._REMOVABLE[between].all())
    # Those that take turns without need only cost time: they are few.
    assert said > 0.9 * needed
