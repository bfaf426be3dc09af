"""Choose the paths of pictures, and write PNG files.

All paths are checked before the first picture is written. A result never replaces a drawing or another result, and
never goes to a folder where the same command would read it as a drawing the next time.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from augforge.errors import AugforgeError, join_names


def write_png(picture: Any, path: Path) -> None:
    """Write a PNG atomically, and create its folder.

    The file is not flushed to disk: after a power failure the command can be run again.

    Parameters
    ----------
    picture : PIL.Image.Image or ndarray
        The picture; an array is uint8, (H, W).
    path : Path
        The file.

    Raises
    ------
    AugforgeError
        If the file cannot be written.
    """
    from PIL import Image

    from augforge.format.publishing import publish
    from augforge.previewing import encode_png

    _check_paths([path])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AugforgeError(f"{path}: cannot be written: {error.strerror}: {error.filename}") from error
    data = encode_png(picture if isinstance(picture, Image.Image) else Image.fromarray(picture))
    publish(path, data, durable=False)


def _check_paths(paths: Iterable[Path]) -> None:
    """Check that pictures can have these paths.

    Raises
    ------
    AugforgeError
        If a path is a folder, or one of its parents is a file or another of the paths.
    """
    pictures = set(paths)
    for path in pictures:
        if path.is_dir():
            raise AugforgeError(
                f"{path}: cannot be written: it is a folder; move it away, or choose another path"
            )
    for folder in sorted({folder for path in pictures for folder in path.parents}):
        if folder in pictures or (folder.exists() and not folder.is_dir()):
            below = min(path for path in pictures if folder in path.parents)
            what = "another picture" if folder in pictures else "a file"
            raise AugforgeError(f"{below}: cannot be written: {folder} is {what}, not a folder")


def place_results(files: Iterable[Path], out: Path, show: Path | None) -> dict[Path, Path]:
    """Map each drawing to the path of its result.

    Parameters
    ----------
    files : iterable of Path
        Pictures, or folders of them. Results keep the subfolders. Pictures below `out` are no drawings.
    out : Path
        Folder of the results.
    show : Path, optional
        Another picture to be written.

    Returns
    -------
    dict of Path to Path
        Drawing -> result.

    Raises
    ------
    AugforgeError
        If two paths conflict, or one cannot be written.
    """
    files = tuple(files)
    targets = _map_targets(files, out)
    written = {target.resolve(): (target, "--out") for target in targets.values()}
    if show is not None:
        if show.resolve() in written:
            raise AugforgeError(f"{show} is the path of a result; choose another with --show")
        written[show.resolve()] = (show, "--show")
    _check_drawings(set(targets), written)
    _check_folders({file.resolve(): file for file in files if file.is_dir()}, out.resolve(), written)
    if out.exists() and not out.is_dir():
        raise AugforgeError(f"--out {out} is a file; needed: a folder, new or existing")
    _check_paths(path for path, _ in written.values())
    return targets


def _map_targets(files: tuple[Path, ...], out: Path) -> dict[Path, Path]:
    sources: dict[Path, Path] = {}
    for file in files:
        for source, relative in _find_drawings(file, out):
            target = (out / relative).with_suffix(".png")
            if other := sources.get(target):
                if other.resolve() == source.resolve():
                    raise AugforgeError(f"{source} is given twice; give each drawing once")
                raise AugforgeError(
                    f"{other} and {source} have the same result, {target}; rename one of them"
                )
            sources[target] = source
    return {source: target for target, source in sources.items()}


def _find_drawings(file: Path, out: Path) -> Iterator[tuple[Path, Path]]:
    """Yield a file, or the drawings of a folder, with paths relative to it."""
    from augforge.sources.files.pictures import ENDINGS, pictures_below

    if not file.is_dir():
        yield file, Path(file.name)
        return
    found = pictures_below(file)
    if file.resolve() in out.resolve().parents:
        results = file / out.resolve().relative_to(file.resolve())
        found = [path for path in found if not path.is_relative_to(results)]
    if not found:
        raise AugforgeError(f"{file}: no pictures ({join_names(ENDINGS)}) in this folder")
    for path in found:
        yield path, path.relative_to(file)


def _check_drawings(sources: set[Path], written: Mapping[Path, tuple[Path, str]]) -> None:
    """Raise `AugforgeError` if a written file would replace a drawing."""
    for source in sources:
        if found := written.get(source.resolve()):
            path, option = found
            raise AugforgeError(f"{path} is one of the drawings; choose another path with {option}")


def _check_folders(folders: Mapping[Path, Path], out: Path, written: Mapping[Path, tuple[Path, str]]) -> None:
    """Raise `AugforgeError` if the next run would read a written file as a drawing."""
    for folder, given in folders.items():
        for real, (path, option) in written.items():
            if not real.is_relative_to(folder) or (folder in out.parents and real.is_relative_to(out)):
                continue
            raise AugforgeError(
                f"{path} is in the folder {given}, so the next run would read it as a drawing; "
                f"choose another path with {option}"
            )
