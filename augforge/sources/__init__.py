"""Originals: the images and labels that a recipe starts from.

``open_source(SourceSpec(dataset="mnist-10k"))`` gives a `Source`: images, labels and their digest.

::

                             formats ---> files/ ----+
    spec ---> opening --->     (a path)              +---> decoding, preparing ---> source
                             published/ -------------+
                               (a name)
"""

from augforge.sources.files.pictures import read_picture
from augforge.sources.formats import FORMATS, Format
from augforge.sources.opening import open_source
from augforge.sources.preparing import Prepare
from augforge.sources.published.named import DATASETS, NamedDataset
from augforge.sources.source import Source
from augforge.sources.spec import MAX_SIDE, SourceSpec

__all__ = [
    "DATASETS",
    "FORMATS",
    "MAX_SIDE",
    "Format",
    "NamedDataset",
    "Prepare",
    "Source",
    "SourceSpec",
    "open_source",
    "read_picture",
]
