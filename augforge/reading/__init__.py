"""Read samples of a complete data set by sample number.

>>> reader = ShardReader("out/realistic")
>>> batch = reader.read([0, 1, 2], ["image", "label"])
"""

from typing import TYPE_CHECKING

from augforge._platform.imports import lazy_exports

if TYPE_CHECKING:
    from augforge.reading.reader import DEFAULT_CACHE_BYTES as DEFAULT_CACHE_BYTES
    from augforge.reading.reader import ShardReader as ShardReader
    from augforge.reading.reader import find_damaged_shards as find_damaged_shards

__all__ = ["DEFAULT_CACHE_BYTES", "ShardReader", "find_damaged_shards"]

__getattr__ = lazy_exports(__name__, dict.fromkeys(__all__, "reader"))
