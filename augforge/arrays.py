"""Names for arrays by the dtype of their elements; docstrings give the shapes."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Bools: TypeAlias = NDArray[np.bool_]
Images: TypeAlias = NDArray[np.uint8]
"""Gray levels, 0 to 255."""
Ints32: TypeAlias = NDArray[np.int32]
Ints: TypeAlias = NDArray[np.int64]
Words: TypeAlias = NDArray[np.uint32]
Keys: TypeAlias = NDArray[np.uint64]
"""Random keys and 64-bit hashes."""
Floats32: TypeAlias = NDArray[np.float32]
Floats: TypeAlias = NDArray[np.float64]
