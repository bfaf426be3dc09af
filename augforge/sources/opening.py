"""From what a recipe says to the originals themselves."""

from augforge.errors import SourceError
from augforge.sources.formats import find_format
from augforge.sources.named import open_named
from augforge.sources.source import Source, SourceSpec


def open_source(spec: SourceSpec) -> Source:
    """Open the originals that a spec names.

    Parameters
    ----------
    spec
        A data set known by name, or an absolute path.

    Returns
    -------
    The source; its arrays are read-only, and memory-mapped where the files allow it.

    Raises
    ------
    SourceError
        If the originals are not there, or are not what they are said to be; the message names the file and
        the cause.
    """
    if spec.dataset is not None:
        return open_named(spec.dataset, spec.split)
    if spec.path is None:
        raise SourceError("a source needs either 'dataset' or 'path'")
    try:
        return find_format(spec.path, spec.format).open(spec.path, spec.name, spec.split, spec.classes)
    except OSError as error:
        raise SourceError(f"{spec.path}: cannot be read: {error.strerror or error}") from None
