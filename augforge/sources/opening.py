"""Open the originals of a recipe."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError
from augforge.sources.decoding import SpillBuffer
from augforge.sources.formats import check_keys, find_format
from augforge.sources.preparing import HashingPrepare, Prepare, stack
from augforge.sources.published.named import open_named
from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec

_BLOCK_BYTES = 16 << 20

INVERT_AND_NORMALIZE = (
    "'invert' and 'normalize' both decide whether ink is light or dark; leave out 'invert', and if normalizing "
    "mistakes paper for ink write 'normalize: {polarity: dark-on-light}'"
)
"""Error message for a source with both."""


def open_source(spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open the originals of a spec.

    Parameters
    ----------
    spec : SourceSpec
        A data set known by name, or an absolute path.
    prepare : callable, optional
        Makes an image of one picture of any size: called with uint8 (H, W), (H, W, 3) or (H, W, 4), it returns
        uint8 (height, width), always of the same shape, or raises `AugforgeError`. Digest and size of the source
        are those of the prepared images. By default the originals must be of one size.

    Returns
    -------
    Source
        Its arrays are read-only, and memory-mapped if large or if the files allow it.

    Raises
    ------
    SourceError
        If the originals do not exist or do not match the spec; the message names the file and the cause.
    """
    if prepare is None:
        return _open(spec, None)
    hashing = HashingPrepare(prepare)
    source = _open(spec, hashing)
    return replace(source, prepared_from=hashing.digest(source.labels, len(source.class_names)))


def _open(spec: SourceSpec, prepare: Prepare | None) -> Source:
    if spec.dataset is not None:
        source = open_named(spec.dataset, spec.split)
        if prepare is None:
            return source
        pictures = ((f"{source.name}: image {index}", image) for index, image in enumerate(source.images))
        return _replace_images(source, stack(pictures, prepare))
    if spec.path is None:
        raise SourceError("a source needs either 'dataset' or 'path'")
    if spec.invert and prepare is not None:
        raise SourceError(f"{spec.path}: {INVERT_AND_NORMALIZE}")
    try:
        found = find_format(spec.path, spec.format)
        check_keys(found, spec)
        source = found.open(spec.path, spec, prepare)
        return _replace_images(source, _invert(source)) if spec.invert else source
    except OSError as error:
        raise SourceError(f"{spec.path}: cannot be read: {error.strerror or error}") from None


def _replace_images(source: Source, images: NDArray[np.uint8]) -> Source:
    return Source.from_arrays(
        source.name, source.split, images, source.labels, class_names=source.class_names
    )


def _invert(source: Source) -> NDArray[np.uint8]:
    """Subtract the levels of a source's images from 255."""
    step = max(1, _BLOCK_BYTES // source.images[0].nbytes)
    with SpillBuffer(source.name, source.images.nbytes) as buffer:
        for first in range(0, len(source), step):
            buffer.append(~source.images[first : first + step])
        return buffer.finish().reshape(source.images.shape)
