"""A data set that augforge built, as originals: its samples, in the order of their numbers.

Only what is needed of the manifest is read here; `augforge.shards`, which knows all of it, stands above this room.
The manifest is checked against its seal, and every shard against the hash that the manifest has of it.
"""

import json
import math
from pathlib import Path
from typing import Annotated

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from augforge.errors import SourceError
from augforge.hdf5 import ArrayFileApart, StoredArray
from augforge.sources.files.arrays import gray_images
from augforge.sources.files.damage import naming_damage
from augforge.sources.files.hdf5_arrays import append_pixels, opened, read_pixels, read_values
from augforge.sources.gathering import Gatherer
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec

MANIFEST = "manifest.json"

_FORMAT_VERSION = 1
_MOST_BYTES = 192 << 20
_MOST_PARTS = 500_000  # lists and objects: empty ones take 28 times their bytes in memory
_SEAL = b',\n"seal":"'
_Size = Annotated[int, Field(ge=1)]


class _Shard(BaseModel):
    # No name in it can lead out of the folder.
    file: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*\.h5$")]
    samples: _Size
    hash: str


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="ignore")

    labelled: bool
    class_names: tuple[str, ...]
    image_shape: tuple[_Size, _Size]
    shards: Annotated[tuple[_Shard, ...], Field(min_length=1)]


def is_built_dataset(path: Path) -> bool:
    """Tell whether a path is a folder with a manifest in it, which a build writes last."""
    return (path / MANIFEST).is_file()


def open_built_dataset(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open a folder that ``augforge build`` made.

    A set of one uncompressed shard is memory-mapped; the images of several are put together.

    Parameters
    ----------
    path
        The folder.
    spec
        What is wanted of it: nothing that chooses among arrays or splits, which such a set does not have.
    prepare
        As in `open_source`.

    Raises
    ------
    SourceError
        If the set is incomplete or damaged, or of a newer format.
    """
    _refuse_choices(path, spec)
    manifest = _read_manifest(path / MANIFEST)
    for shard in manifest.shards:
        _check_hash(_place(path, shard), shard)
    images = _read_images(path, manifest)
    labels = _read_labels(path, manifest) if manifest.labelled else None
    if _read_manifest(path / MANIFEST).shards[: len(manifest.shards)] != manifest.shards:
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


def _read_manifest(path: Path) -> _Manifest:
    _check_ordinary(path)
    with naming_damage(path):
        data = path.read_bytes() if path.stat().st_size <= _MOST_BYTES else None
    if data is None:
        raise SourceError(f"{path}: not a manifest: more than {_MOST_BYTES:,} bytes")
    body, mark, seal = data.rpartition(_SEAL)
    if seal[:64] != blake3(body + mark).hexdigest().encode():
        raise SourceError(f"{path}: damaged, or no manifest: it does not end in the hash of its own contents")
    if data.count(b"[") + data.count(b"{") > _MOST_PARTS:
        raise SourceError(f"{path}: not a manifest: more than {_MOST_PARTS:,} lists and objects")
    try:
        content = json.loads(data)
        version = content.get("format_version")
        if version != _FORMAT_VERSION:
            raise SourceError(
                f"{path}: format version {version}; this augforge reads {_FORMAT_VERSION}. Use a newer augforge"
            )
        manifest = _Manifest.model_validate(content)
    except (ValueError, AttributeError, RecursionError) as error:
        raise SourceError(f"{path}: not a manifest: {_reason(error)}") from None
    if len({shard.file for shard in manifest.shards}) < len(manifest.shards):
        raise SourceError(f"{path}: not a manifest: a shard's file is listed twice")
    return manifest


def _reason(error: Exception) -> object:
    if not isinstance(error, ValidationError):
        return error
    wrong = error.errors()[0]
    return f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}"


def _check_ordinary(path: Path) -> None:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise SourceError(f"{path}: not an ordinary file")


def _place(folder: Path, shard: _Shard) -> Path:
    return folder / "shards" / shard.file


def _check_hash(path: Path, shard: _Shard) -> None:
    if path.parent.is_symlink() or path.is_symlink():
        raise SourceError(
            f"{path}: a symbolic link leads to it; shards must lie in the data set's own folder"
        )
    _check_ordinary(path)
    with naming_damage(path), path.open("rb"):  # whose errors are plainer than those of blake3
        found = blake3().update_mmap(path).hexdigest()
    if found != shard.hash:
        raise SourceError(f"{path}: damaged, or another build's: its hash is not the one in {MANIFEST}")


def _read_images(folder: Path, manifest: _Manifest) -> NDArray[np.uint8]:
    shape = (sum(shard.samples for shard in manifest.shards), *manifest.image_shape)
    if len(manifest.shards) == 1:
        place = _place(folder, manifest.shards[0])
        with opened(place) as file:
            return read_pixels(file, _described(file, "images", shape), str(place))
    with Gatherer(str(folder), math.prod(shape)) as gathered:
        for shard in manifest.shards:
            place = _place(folder, shard)
            with opened(place) as file:
                array = _described(file, "images", (shard.samples, *manifest.image_shape))
                append_pixels(file, array, gathered, str(place))
        return gathered.finish().reshape(shape)


def _read_labels(folder: Path, manifest: _Manifest) -> NDArray[np.uint8]:
    parts = []
    for shard in manifest.shards:
        with opened(_place(folder, shard)) as file:
            parts.append(read_values(file, _described(file, "labels", (shard.samples,))))
    return np.concatenate(parts)


def _described(file: ArrayFileApart, name: str, shape: tuple[int, ...]) -> StoredArray:
    array = file.describe(name)
    if array.dtype != np.uint8 or array.shape != shape:
        raise SourceError(
            f"{file.path}: '{name}' is {array.dtype} of shape {array.shape}; by {MANIFEST}, uint8 of shape {shape}"
        )
    return array
