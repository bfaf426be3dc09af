"""Choose where pictures go, and write them.

All paths are checked before the first picture is written. A result never replaces a drawing or another result, and
never goes where the same command would take it for a drawing the next time.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from augforge.errors import AugforgeError, listed


def write_png(picture: Any, path: Path) -> None:
    """Write a picture, a PIL image or a uint8 (H, W) array, atomically; its folder is made.

    Nobody waits for the disk: after a power failure the command can make its pictures again.

    Raises
    ------
    AugforgeError
        If it cannot be written there.
    """
    from PIL import Image

    from augforge.format.publishing import publish
    from augforge.previewing import encode_png

    check_paths([path])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AugforgeError(f"{path} cannot be written: {error.strerror}: {error.filename}") from error
    data = encode_png(picture if isinstance(picture, Image.Image) else Image.fromarray(picture))
    publish(path, data, durable=False)


def check_paths(paths: Iterable[Path]) -> None:
    """Make sure that pictures can have these names, as far as that can be told before they are written.

    Raises
    ------
    AugforgeError
        If one is a folder, or one of its folders is a file, or would be another of the pictures.
    """
    places = set(paths)
    for path in places:
        if path.is_dir():
            raise AugforgeError(
                f"{path} is a folder, where a picture is to be written; move it away, or choose another place"
            )
    for folder in sorted({folder for path in places for folder in path.parents}):
        if folder in places or (folder.exists() and not folder.is_dir()):
            below = min(path for path in places if folder in path.parents)
            what = "another of the pictures" if folder in places else "a file"
            raise AugforgeError(f"{below} cannot be written: {folder} is {what}; needed is a folder")


def place_results(files: Iterable[Path], out: Path, show: Path | None) -> dict[Path, Path]:
    """Return where each drawing's result goes.

    Parameters
    ----------
    files
        Pictures, or folders of them, whose subfolders are kept. Pictures below `out` are left out of a folder.
    out
        The folder of the results.
    show
        A picture that is written beside them, if there is to be one.

    Raises
    ------
    AugforgeError
        If anything is not as said above, or cannot be written there.
    """
    files = tuple(files)
    targets = _targets(files, out)
    written = {target.resolve(): (target, "--out") for target in targets.values()}
    if show is not None:
        if show.resolve() in written:
            raise AugforgeError(f"{show} is where a result goes; choose another place with --show")
        written[show.resolve()] = (show, "--show")
    _check_drawings(set(targets), written)
    _check_folders({file.resolve(): file for file in files if file.is_dir()}, out.resolve(), written)
    if out.exists() and not out.is_dir():
        raise AugforgeError(f"--out {out} is a file; needed is a folder for the results, old or new")
    check_paths(path for path, _ in written.values())
    return targets


def _targets(files: tuple[Path, ...], out: Path) -> dict[Path, Path]:
    sources: dict[Path, Path] = {}
    for file in files:
        for source, place in _pictures(file, out):
            target = (out / place).with_suffix(".png")
            if other := sources.get(target):
                if other.resolve() == source.resolve():
                    raise AugforgeError(f"{source} is given twice; give every drawing once")
                raise AugforgeError(f"{other} and {source} would both become {target}; rename one of them")
            sources[target] = source
    return {source: target for target, source in sources.items()}


def _pictures(file: Path, out: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the pictures that a file or folder stands for, each with its place below the folder of results."""
    from augforge.sources.files.pictures import ENDINGS, pictures_below

    if not file.is_dir():
        yield file, Path(file.name)
        return
    found = pictures_below(file)
    if file.resolve() in out.resolve().parents:
        results = file / out.resolve().relative_to(file.resolve())
        found = [path for path in found if not path.is_relative_to(results)]
    if not found:
        raise AugforgeError(f"{file}: no pictures ({listed(ENDINGS)}) in this folder")
    for path in found:
        yield path, path.relative_to(file)


def _check_drawings(sources: set[Path], written: Mapping[Path, tuple[Path, str]]) -> None:
    """Raise `AugforgeError` if anything would be written over a drawing."""
    for source in sources:
        if found := written.get(source.resolve()):
            path, option = found
            another = "folder" if option == "--out" else "place"
            raise AugforgeError(f"{path} is one of the drawings; choose another {another} with {option}")


def _check_folders(folders: Mapping[Path, Path], out: Path, written: Mapping[Path, tuple[Path, str]]) -> None:
    """Raise `AugforgeError` if anything written would be among the drawings of a folder the next time."""
    for folder, given in folders.items():
        for real, (path, option) in written.items():
            if not real.is_relative_to(folder) or (folder in out.parents and real.is_relative_to(out)):
                continue
            raise AugforgeError(
                f"{path} would lie among the drawings in {given}, and be one of them the next time; "
                f"choose another place with {option}"
            )
