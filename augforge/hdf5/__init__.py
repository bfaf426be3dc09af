"""HDF5 files: the only place that knows h5py.

Data sets are written as `augforge.hdf5.writing` says. Files are read back with `read_arrays` where we wrote them
and with `ArrayFileApart`, in a process of their own, where a stranger did.
"""

from augforge.hdf5.apart import ArrayFileApart
from augforge.hdf5.reading import StoredArray, read_arrays, read_parts, read_structure
from augforge.hdf5.writing import (
    COMPRESSIONS,
    PAGE,
    ArrayPlan,
    Attribute,
    CompressedFile,
    Compression,
    compressed_bound,
    hdf5_version,
    laid_out_size,
    lay_out,
    require_codec,
)

__all__ = [
    "COMPRESSIONS",
    "PAGE",
    "ArrayFileApart",
    "ArrayPlan",
    "Attribute",
    "CompressedFile",
    "Compression",
    "StoredArray",
    "compressed_bound",
    "hdf5_version",
    "laid_out_size",
    "lay_out",
    "read_arrays",
    "read_parts",
    "read_structure",
    "require_codec",
]
