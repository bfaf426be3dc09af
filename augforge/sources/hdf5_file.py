"""HDF5: any file with arrays of images and labels, or a data set that augforge built."""

from pathlib import Path

from augforge.sources.arrays import as_labels, check_images, check_labels, choose_arrays, gray_images
from augforge.sources.built_dataset import is_built_dataset, open_built_dataset
from augforge.sources.hdf5_arrays import opened, read_pixels, read_values
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec


def is_hdf5(path: Path) -> bool:
    """Tell whether a path is a folder that augforge built, or a file whose name ends in ``.h5`` or ``.hdf5``."""
    return is_built_dataset(path) or (path.is_file() and path.suffix.lower() in (".h5", ".hdf5"))


def open_hdf5(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open an HDF5 file, such as one shard of a data set, or a folder that augforge built.

    Images that are stored in one piece are memory-mapped.

    Parameters
    ----------
    path
        The file or folder.
    spec
        What is wanted of it; ``images`` and ``labels`` name arrays of a file, see `choose_arrays`.
    prepare
        As in `open_source`.

    Raises
    ------
    SourceError
        If the file is damaged, or has no such arrays, or they are not what they should be.
    """
    if path.is_dir():
        return open_built_dataset(path, spec, prepare)
    with opened(path) as file:
        images_name, labels_name = choose_arrays(file.names(), spec, path)
        images_from, labels_from = (f"{path}: array '{name}'" for name in (images_name, labels_name))
        images = file.describe(images_name)
        check_images(images.dtype, images.shape, spec, images_from)
        labels = None
        if labels_name is not None:
            stored = file.describe(labels_name)
            check_labels(stored.dtype, stored.shape, images.shape[0], images_from, labels_from)
            labels = as_labels(read_values(file, stored), labels_from)
        pixels = read_pixels(file, images, images_from)
    return Source.as_asked(
        spec,
        gray_images(pixels, spec, prepare, images_from),
        labels,
        images_from=images_from,
        labels_from=labels_from,
    )
