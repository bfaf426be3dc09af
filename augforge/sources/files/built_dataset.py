"""Originals from a data set built by augforge.

A checksum verifies the manifest, and the hashes in the manifest verify the shards.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augforge.errors import AugforgeError, SourceError
from augforge.format.checked_open import check_file, check_own_folder
from augforge.format.commit_records import read_manifest
from augforge.format.layout import MANIFEST, SHARDS
from augforge.format.models import Manifest
from augforge.hdf5 import StoredArray
from augforge.sources.decoding import SpillBuffer
from augforge.sources.files.arrays import convert_images
from augforge.sources.files.hdf5_file import HDF5Arrays, open_file
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec, spell_key


def is_built_dataset(path: Path) -> bool:
    """Check for a folder with a manifest."""
    return (path / MANIFEST).is_file()


def open_built_dataset(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open a folder that ``augforge build`` made.

    The images of a single uncompressed shard are memory-mapped; those of several shards are concatenated.

    Parameters
    ----------
    path : Path
        The folder.
    spec : SourceSpec
        The source; it must not choose arrays or a split.
    prepare : callable, optional
        As in `open_source`.

    Raises
    ------
    SourceError
        If the set is incomplete, damaged or of a newer format.
    """
    if choices := spec.choices():
        raise SourceError(
            f"{path}: '{spell_key(choices[0])}' has no effect on a data set that augforge built; leave it out"
        )
    with _raising_source_errors():
        manifest = read_manifest(path)
        check_own_folder(path / SHARDS)
        for shard in manifest.shards:
            check_file(path / SHARDS / shard.file, shard.bytes, shard.hash)
    images = _read_images(path, manifest)
    labels = _read_labels(path, manifest) if manifest.labelled else None
    with _raising_source_errors():
        shards_now = read_manifest(path).shards
    if shards_now[: len(manifest.shards)] != manifest.shards:
        raise SourceError(f"{path}: the data set was replaced while it was read")
    return Source.from_spec(
        spec,
        convert_images(images, spec, prepare, str(path)),
        labels,
        class_names=manifest.class_names,
        images_from=str(path),
        labels_from=str(path),
    )


@contextmanager
def _raising_source_errors() -> Iterator[None]:
    """Raise errors about a data set as `SourceError`."""
    try:
        yield
    except AugforgeError as error:
        raise SourceError(str(error)) from error


def _read_images(folder: Path, manifest: Manifest) -> NDArray[np.uint8]:
    shape = (manifest.samples, *manifest.image_shape)
    if len(manifest.shards) == 1:
        with open_file(folder / SHARDS / manifest.shards[0].file) as arrays:
            return arrays.pixels(_describe(arrays, "images", shape))
    with SpillBuffer(str(folder), math.prod(shape)) as buffer:
        for shard in manifest.shards:
            with open_file(folder / SHARDS / shard.file) as arrays:
                shard_shape = (shard.samples, *manifest.image_shape)
                arrays.append_to(buffer, _describe(arrays, "images", shard_shape))
        return buffer.finish().reshape(shape)


def _read_labels(folder: Path, manifest: Manifest) -> NDArray[np.uint8]:
    parts = []
    for shard in manifest.shards:
        with open_file(folder / SHARDS / shard.file) as arrays:
            parts.append(arrays.values(_describe(arrays, "labels", (shard.samples,))))
    return np.concatenate(parts)


def _describe(arrays: HDF5Arrays, name: str, shape: tuple[int, ...]) -> StoredArray:
    """Describe a shard's array of the manifest's shape."""
    array = arrays.describe(name)
    if array.dtype != np.uint8 or array.shape != shape:
        raise SourceError(
            f"{arrays.file.path}: '{name}' is {array.dtype} of shape {array.shape}; by {MANIFEST}, "
            f"uint8 of shape {shape}"
        )
    return array
