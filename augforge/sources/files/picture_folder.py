"""Folders of pictures.

One folder for each class, whose name is the class's, or a flat folder of pictures without labels::

    digits/0/anna-1.png       label 0, "0"         drawings/anna-1.png      no labels
    digits/0/anna-2.png                            drawings/anna-2.png
    digits/seven/x.jpg        label 1, "seven"

Classes come in the order of their names, or, if all of these are whole numbers, of the numbers; pictures in the
order of their names. What begins with a dot is ignored, and so is what desktops leave behind.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augforge.errors import Problems, SourceError, did_you_mean, listed
from augforge.sources.files.colour import to_gray
from augforge.sources.files.pictures import ENDINGS, is_hidden, is_picture, read_picture
from augforge.sources.preparing import Prepare, stacked
from augforge.sources.source import Source, check_image_shape
from augforge.sources.spec import MAX_CLASSES, SourceSpec


def has_pictures(path: Path) -> bool:
    """Tell whether a path is a folder with a picture in it, or in one of the folders in it."""
    return path.is_dir() and any(
        any(map(is_picture, visible_entries(entry))) if entry.is_dir() else is_picture(entry)
        for entry in visible_entries(path)
    )


def open_picture_folder(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open a folder of pictures, or of folders of pictures.

    Parameters
    ----------
    path
        The folder.
    spec
        What is wanted of it; ``class_names`` sets which class folders there may be, and their order.
    prepare
        As in `open_source`; given pictures in colour as they are.

    Raises
    ------
    SourceError
        If anything that is not hidden is no picture, or none is there; if pictures are in colour and the spec does
        not say ``colour: gray``; if they are of several sizes and not prepared. The message names the files, the
        first 20 of many.
    """
    if not path.is_dir():
        raise SourceError(f"{path}: a file; needed: a folder of pictures")
    folders = [entry for entry in visible_entries(path) if entry.is_dir()]
    names = _class_names(path, folders, spec) if folders else ()
    folders.sort(key=lambda folder: names.index(folder.name))
    files = [(file, folder.name) for folder, pictures in _pictures_in(folders or [path]) for file in pictures]
    images = stacked(_read_all([file for file, _ in files], spec, prepare), prepare)
    check_image_shape(images.shape, str(path))
    return Source.as_asked(
        spec,
        images,
        np.array([names.index(name) for _, name in files], np.uint8) if folders else None,
        class_names=names,
        images_from=str(path),
        labels_from=str(path),
    )


def visible_entries(folder: Path) -> list[Path]:
    """Return what is in a folder, but what is hidden, by name."""
    found = (entry for entry in folder.iterdir() if not is_hidden(entry.name))
    return sorted(found, key=lambda entry: entry.name)


def _class_names(path: Path, folders: list[Path], spec: SourceSpec) -> tuple[str, ...]:
    """Return the names of the classes in the order of their labels."""
    beside = [entry.name for entry in visible_entries(path) if not entry.is_dir()]
    if beside:
        raise SourceError(
            f"{path}: {beside[0]} lies beside class folders ({_shown(folders)}); "
            f"put it into one of them, or elsewhere"
        )
    found = [folder.name for folder in folders]
    if spec.class_names is not None:
        if unknown := [name for name in found if name not in spec.class_names]:
            raise SourceError(
                f"{path}: the folder '{unknown[0]}' is not among 'class_names' in the source: "
                f"{', '.join(spec.class_names)}.{did_you_mean(unknown[0], spec.class_names)}"
            )
        return spec.class_names
    if len(found) > MAX_CLASSES:
        raise SourceError(f"{path}: {len(found)} class folders; at most {MAX_CLASSES} are allowed")
    if spec.classes not in (None, len(found)):
        raise SourceError(
            f"{path}: {len(found)} class folders ({_shown(folders)}), but 'classes' is {spec.classes}; "
            f"'class_names: [...]' names all classes, also those without a folder"
        )
    if all(name.isascii() and name.isdigit() for name in found):
        found.sort(key=int)
    return tuple(found)


def _shown(folders: list[Path]) -> str:
    names = [folder.name for folder in folders]
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _pictures_in(folders: list[Path]) -> list[tuple[Path, list[Path]]]:
    """Return the pictures in each folder, by name; there must be some, and nothing else."""
    problems = Problems("files and folders cannot be used")
    found = [(folder, visible_entries(folder)) for folder in folders]
    for folder, entries in found:
        for entry in entries:
            if entry.is_dir():
                problems.add(
                    f"{entry}: a folder in a class folder, where only pictures belong; "
                    f"a split of its own is given by its path"
                )
            elif not is_picture(entry):
                problems.add(
                    f"{entry}: no picture by its name, which ends in {listed(ENDINGS)}; "
                    f"move it away, or hide it by a dot at the beginning of its name"
                )
        if not entries:
            problems.add(f"{folder}: no pictures ({listed(ENDINGS)}) in this folder; at least one is needed")
    if problems:
        raise SourceError(problems.text(sum(max(1, len(entries)) for _, entries in found)))
    return found


def _read_all(
    files: list[Path], spec: SourceSpec, prepare: Prepare | None
) -> Iterator[tuple[str, NDArray[np.uint8] | SourceError]]:
    for file in files:
        found: NDArray[np.uint8] | SourceError
        try:
            found = _read(file, spec, prepare)
        except SourceError as error:
            found = error
        yield str(file), found


def _read(file: Path, spec: SourceSpec, prepare: Prepare | None) -> NDArray[np.uint8]:
    pixels = read_picture(file)
    if pixels.ndim == 3:
        if spec.colour is None:
            kind = "partly transparent" if pixels.shape[2] == 4 else "in colour"
            raise SourceError(f"{file}: {kind}; 'colour: gray' in the source turns it to gray")
        if prepare is None:
            return to_gray(pixels)
    return pixels
