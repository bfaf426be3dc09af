import numpy as np
import pytest

from augforge.hdf5 import ArrayPlan
from augforge.shards.rows import Rows

BYTES = np.random.default_rng(0).integers(0, 256, 20_000, np.uint8)
BYTES.flags.writeable = False


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        ("u1", ()),
        ("<u2", ()),
        ("<f4", (0,)),
        ("<f4", (3,)),
        ("u1", (1, 1)),
        ("u1", (28, 28)),
        ("u1", (70, 71)),
    ],
)
def test_rows_are_copied_from_any_byte(dtype, shape):
    plan = ArrayPlan("any", dtype, (1, *shape))
    rows = Rows(plan, BYTES, np.array([3, 5_000, 10_001]))
    last = (len(BYTES) - 10_001) // max(1, plan.nbytes) - 1
    shards, wanted = np.array([0, 2, 1, 2] * 5), np.array([0, last, 0, 1] * 5)
    places = rows.places(shards, wanted)
    found = rows.at(places)
    assert found.shape == (20, *shape)
    assert found.dtype == dtype
    expected = [BYTES[place : place + plan.nbytes].tobytes() for place in places]
    assert [row.tobytes() for row in found] == expected


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9])
def test_any_number_of_rows(count):
    rows = Rows(ArrayPlan("any", "u1", (1, 2)), BYTES, np.array([1]))
    found = rows.at(rows.places(np.zeros(count, np.int64), np.arange(count)))
    np.testing.assert_array_equal(found.ravel(), BYTES[1 : 1 + 2 * count])
    found[:] = 0  # it is the caller's own
