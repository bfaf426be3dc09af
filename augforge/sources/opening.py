"""From what a recipe says to the originals themselves."""

from dataclasses import replace

from augforge.errors import SourceError
from augforge.sources.formats import check_keys, find_format
from augforge.sources.gathering import Gatherer
from augforge.sources.preparing import HashingPrepare, Prepare, stacked
from augforge.sources.published.named import open_named
from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec

_INVERTED_AT_ONCE = 16 << 20  # bytes

INVERT_AND_NORMALIZE = (
    "'invert' and 'normalize' both say which level is ink; leave out 'invert', and where normalizing takes paper "
    "for ink write 'normalize: {polarity: dark-on-light}'"
)
"""What is wrong where a source is to be inverted and normalized."""


def open_source(spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open the originals that a spec names.

    Parameters
    ----------
    spec
        A data set known by name, or an absolute path.
    prepare
        Makes an image of one picture of any size: called with uint8 (H, W), (H, W, 3) or (H, W, 4), it returns
        uint8 (height, width), always of the same shape, or raises `AugforgeError`. None: the originals must be of
        one size. Digest and size of the source are those of the prepared images.

    Returns
    -------
    The source; its arrays are read-only, and memory-mapped where they are large or the files allow it.

    Raises
    ------
    SourceError
        If the originals are not there, or are not what they are said to be; the message names the file and
        the cause.
    """
    if prepare is None:
        return _opened(spec, None)
    hashing = HashingPrepare(prepare)
    source = _opened(spec, hashing)
    return replace(source, prepared_from=hashing.digest(source.labels, len(source.class_names)))


def _opened(spec: SourceSpec, prepare: Prepare | None) -> Source:
    if spec.dataset is not None:
        source = open_named(spec.dataset, spec.split)
        return source if prepare is None else _prepared(source, prepare)
    if spec.path is None:
        raise SourceError("a source needs either 'dataset' or 'path'")
    if spec.invert and prepare is not None:
        raise SourceError(f"{spec.path}: {INVERT_AND_NORMALIZE}")
    try:
        found = find_format(spec.path, spec.format)
        check_keys(found, spec)
        source = found.open(spec.path, spec, prepare)
        return _inverted(source) if spec.invert else source
    except OSError as error:
        raise SourceError(f"{spec.path}: cannot be read: {error.strerror or error}") from None


def _prepared(source: Source, prepare: Prepare) -> Source:
    pictures = ((f"{source.name}: image {index}", image) for index, image in enumerate(source.images))
    return Source.from_arrays(
        source.name,
        source.split,
        stacked(pictures, prepare),
        source.labels,
        class_names=source.class_names,
    )


def _inverted(source: Source) -> Source:
    """Return a source whose levels are 255 minus what they were."""
    count, height, width = source.images.shape
    step = max(1, _INVERTED_AT_ONCE // (height * width))
    with Gatherer(source.name, source.images.nbytes) as gathered:
        for first in range(0, count, step):
            gathered.append(~source.images[first : first + step])
        images = gathered.finish().reshape(source.images.shape)
    return Source.from_arrays(
        source.name, source.split, images, source.labels, class_names=source.class_names
    )
