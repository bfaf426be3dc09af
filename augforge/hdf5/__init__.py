"""HDF5 files: the only package that imports h5py.

`augforge.hdf5.writing` describes the files that a build writes; `read_arrays` reads them. `SandboxedArrayFile`
reads untrusted files.
"""

from augforge.hdf5.reading import StoredArray, read_arrays, read_parts, read_structure
from augforge.hdf5.sandbox import SandboxedArrayFile
from augforge.hdf5.writing import (
    COMPRESSIONS,
    PAGE,
    ArrayPlan,
    Attribute,
    CompressedFile,
    Compression,
    bound_compressed_size,
    hdf5_version,
    lay_out,
    measure_layout,
    require_codec,
)

__all__ = [
    "COMPRESSIONS",
    "PAGE",
    "ArrayPlan",
    "Attribute",
    "CompressedFile",
    "Compression",
    "SandboxedArrayFile",
    "StoredArray",
    "bound_compressed_size",
    "hdf5_version",
    "lay_out",
    "measure_layout",
    "read_arrays",
    "read_parts",
    "read_structure",
    "require_codec",
]
