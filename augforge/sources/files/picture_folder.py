"""Folders of pictures.

Either one folder for each class, named after it, or a flat folder of pictures without labels::

    digits/0/anna-1.png       label 0, "0"         drawings/anna-1.png      no labels
    digits/0/anna-2.png                            drawings/anna-2.png
    digits/seven/x.jpg        label 1, "seven"

Classes are sorted by name, or by number if all names are integers; pictures are sorted by name. Hidden files and
files left by desktops are ignored.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augforge.errors import Problems, SourceError, did_you_mean, join_names
from augforge.sources.files.color import to_gray
from augforge.sources.files.pictures import ENDINGS, is_hidden, is_picture, read_picture
from augforge.sources.preparing import Pictures, Prepare, stack
from augforge.sources.source import Source, check_image_shape
from augforge.sources.spec import MAX_CLASSES, SourceSpec


def has_pictures(path: Path) -> bool:
    """Check for pictures in a folder or its subfolders."""
    return path.is_dir() and any(
        any(map(is_picture, visible_entries(entry))) if entry.is_dir() else is_picture(entry)
        for entry in visible_entries(path)
    )


def open_picture_folder(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open a folder of pictures, or of folders of pictures.

    Parameters
    ----------
    path : Path
        The folder.
    spec : SourceSpec
        The source; ``class_names`` sets the allowed class folders and their order.
    prepare : callable, optional
        As in `open_source`; it gets color pictures in color.

    Raises
    ------
    SourceError
        If the folder has visible files that are not pictures, or no pictures; if pictures are in color without
        ``color: gray``; if they differ in size and are not prepared. The message names the files, at most 20.
    """
    if not path.is_dir():
        raise SourceError(f"{path}: a file; needed: a folder of pictures")
    folders = [entry for entry in visible_entries(path) if entry.is_dir()]
    names = _name_classes(path, folders, spec) if folders else ()
    folders.sort(key=lambda folder: names.index(folder.name))
    files = [
        (file, folder.name) for folder, pictures in _list_pictures(folders or [path]) for file in pictures
    ]
    images = stack(_read_all([file for file, _ in files], spec, prepare), prepare)
    check_image_shape(images.shape, str(path))
    return Source.from_spec(
        spec,
        images,
        np.array([names.index(name) for _, name in files], np.uint8) if folders else None,
        class_names=names,
        images_from=str(path),
        labels_from=str(path),
    )


def visible_entries(folder: Path) -> list[Path]:
    """List the visible entries of a folder, sorted by name."""
    found = (entry for entry in folder.iterdir() if not is_hidden(entry.name))
    return sorted(found, key=lambda entry: entry.name)


def _name_classes(path: Path, folders: list[Path], spec: SourceSpec) -> tuple[str, ...]:
    """Name the classes, in the order of their labels."""
    beside = [entry.name for entry in visible_entries(path) if not entry.is_dir()]
    if beside:
        raise SourceError(
            f"{path}: {beside[0]} is beside class folders ({_shorten(folders)}); "
            f"move it into one of them, or elsewhere"
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
            f"{path}: {len(found)} class folders ({_shorten(folders)}), but 'classes' is {spec.classes}; "
            f"write 'class_names: [...]' to name all classes, even without a folder"
        )
    if all(name.isascii() and name.isdigit() for name in found):
        found.sort(key=int)
    return tuple(found)


def _shorten(folders: list[Path]) -> str:
    names = [folder.name for folder in folders]
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _list_pictures(folders: list[Path]) -> list[tuple[Path, list[Path]]]:
    """List the pictures of each folder; raise on other entries."""
    problems = Problems("files and folders cannot be used")
    found = [(folder, visible_entries(folder)) for folder in folders]
    for folder, entries in found:
        for entry in entries:
            if entry.is_dir():
                problems.add(
                    f"{entry}: a folder in a class folder, which may hold only pictures; "
                    f"for one split of several give its path"
                )
            elif not is_picture(entry):
                problems.add(
                    f"{entry}: not a picture by its name (needed: {join_names(ENDINGS)}); "
                    f"move it away, or hide it with a leading dot in its name"
                )
        if not entries:
            problems.add(
                f"{folder}: no pictures ({join_names(ENDINGS)}) in this folder; at least one is needed"
            )
    if problems:
        raise SourceError(problems.text(sum(max(1, len(entries)) for _, entries in found)))
    return found


def _read_all(files: list[Path], spec: SourceSpec, prepare: Prepare | None) -> Pictures:
    for file in files:
        try:
            yield str(file), _read(file, spec, prepare)
        except SourceError as error:
            yield str(file), error


def _read(file: Path, spec: SourceSpec, prepare: Prepare | None) -> NDArray[np.uint8]:
    pixels = read_picture(file)
    if pixels.ndim == 3:
        if spec.colour is None:
            kind = "partly transparent" if pixels.shape[2] == 4 else "in color"
            raise SourceError(f"{file}: {kind}; write 'color: gray' in the source to convert it to gray")
        if prepare is None:
            return to_gray(pixels)
    return pixels
