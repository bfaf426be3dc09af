"""A data set that augforge built, as originals: its samples, in the order of their numbers.

The manifest is verified by its checksum, and every shard by the hash in the manifest.
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
from augforge.hdf5 import SandboxedArrayFile, StoredArray
from augforge.sources.files.arrays import gray_images
from augforge.sources.files.hdf5_arrays import append_pixels, opened, read_pixels, read_values
from augforge.sources.gathering import Gatherer
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec


def is_built_dataset(path: Path) -> bool:
    """Tell whether a path is a folder with a manifest, which a build writes last."""
    return (path / MANIFEST).is_file()


def open_built_dataset(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open a folder that ``augforge build`` made.

    The images of one uncompressed shard are memory-mapped; those of several shards are concatenated.

    Parameters
    ----------
    path : Path
        The folder.
    spec : SourceSpec
        The source; it must not choose among arrays or splits, which such a set lacks.
    prepare : callable, optional
        As in `open_source`.

    Raises
    ------
    SourceError
        If the set is incomplete, damaged or of a newer format.
    """
    _refuse_choices(path, spec)
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
    return Source.as_asked(
        spec,
        gray_images(images, spec, prepare, str(path)),
        labels,
        class_names=manifest.class_names,
        images_from=str(path),
        labels_from=str(path),
    )


def _refuse_choices(path: Path, spec: SourceSpec) -> None:
    default = SourceSpec(path=path)
    for key in ("split", "images", "shape", "colour", *(() if spec.unlabelled else ("labels",))):
        if getattr(spec, key) != getattr(default, key):
            raise SourceError(
                f"{path}: a data set that augforge built, to which '{key}' means nothing; leave it out"
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
        path = folder / SHARDS / manifest.shards[0].file
        with opened(path) as file:
            return read_pixels(file, _describe(file, "images", shape), str(path))
    with Gatherer(str(folder), math.prod(shape)) as gathered:
        for shard in manifest.shards:
            path = folder / SHARDS / shard.file
            with opened(path) as file:
                array = _describe(file, "images", (shard.samples, *manifest.image_shape))
                append_pixels(file, array, gathered, str(path))
        return gathered.finish().reshape(shape)


def _read_labels(folder: Path, manifest: Manifest) -> NDArray[np.uint8]:
    parts = []
    for shard in manifest.shards:
        with opened(folder / SHARDS / shard.file) as file:
            parts.append(read_values(file, _describe(file, "labels", (shard.samples,))))
    return np.concatenate(parts)


def _describe(file: SandboxedArrayFile, name: str, shape: tuple[int, ...]) -> StoredArray:
    """Describe an array of a shard; raise `SourceError` unless it has the manifest's shape."""
    array = file.describe(name)
    if array.dtype != np.uint8 or array.shape != shape:
        raise SourceError(
            f"{file.path}: '{name}' is {array.dtype} of shape {array.shape}; by {MANIFEST}, uint8 of shape {shape}"
        )
    return array
