import numpy as np
import pytest

from augforge.hdf5 import ArrayPlan
from augforge.reading.row_gather import RowGather

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
    rows = RowGather(plan, BYTES, np.array([3, 5_000, 10_001]))
    last = (len(BYTES) - 10_001) // max(1, plan.nbytes) - 1
    shards, wanted = np.array([0, 2, 1, 2] * 5), np.array([0, last, 0, 1] * 5)
    offsets = rows.offsets(shards, wanted)
    found = rows.copy(offsets)
    assert found.shape == (20, *shape)
    assert found.dtype == dtype
    expected = [BYTES[offset : offset + plan.nbytes].tobytes() for offset in offsets]
    assert [row.tobytes() for row in found] == expected


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9])
def test_any_number_of_rows(count):
    rows = RowGather(ArrayPlan("any", "u1", (1, 2)), BYTES, np.array([1]))
    found = rows.copy(rows.offsets(np.zeros(count, np.int64), np.arange(count)))
    np.testing.assert_array_equal(found.ravel(), BYTES[1 : 1 + 2 * count])
    found[:] = 0  # the caller owns it
