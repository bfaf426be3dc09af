"""CSV files with an image in each line, as Kaggle's digit recognizer has them.

::

    label,pixel0,pixel1,...,pixel783       the first line may also be missing, or call the pixels 1x1, 1x2, ...
    5,0,0,...,0

A file without the label's column, such as Kaggle's ``test.csv``, is an unlabelled source.
"""

import codecs
import gzip
import itertools
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError
from augforge.sources.files.arrays import gray_images, image_shape
from augforge.sources.files.csv_parsing import find_fault, line_blocks, parse_lines, quoted
from augforge.sources.files.damage import is_gzipped, naming_damage
from augforge.sources.gathering import Gatherer
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source, check_image_shape
from augforge.sources.spec import DEFAULT_CLASSES, SourceSpec

_LABEL = "label"
_MAX_LINE = 16 << 20
_BY_ROW = re.compile(r"(\d{1,4})x(\d{1,4})")


@dataclass(frozen=True)
class _Layout:
    """What the columns are: perhaps a label, then the pixels of an image of this shape."""

    columns: tuple[str, ...]
    labelled: bool
    shape: tuple[int, int]


def is_csv_file(path: Path) -> bool:
    """Tell whether a path is a file whose name ends as a CSV file's does."""
    return path.is_file() and path.name.lower().endswith((".csv", ".csv.gz"))


def open_csv_file(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open a CSV file.

    Parameters
    ----------
    path
        The file, gzipped or not, which is told from its first bytes.
    spec
        What is wanted of it; ``shape`` is needed where the images are not square.
    prepare
        As in `open_source`.

    Raises
    ------
    SourceError
        If the file is not as described above; the message names line and column.
    """
    with naming_damage(path), _opened(path) as stream:
        first = stream.readline(_MAX_LINE).removeprefix(codecs.BOM_UTF8)
        layout, headed = _read_layout(first, spec, path)
        blocks = line_blocks(stream, len(layout.columns))
        if not headed:
            blocks = itertools.chain([first.rstrip(b"\r\n")], blocks)
        images, labels = _read_rows(blocks, layout, 2 if headed else 1, spec, path)
    check_image_shape(images.shape, str(path))
    return Source.as_asked(
        spec,
        gray_images(images, spec, prepare, str(path)),
        labels if layout.labelled else None,
        images_from=str(path),
        labels_from=str(path),
    )


def _read_rows(
    blocks: Iterable[bytes], layout: _Layout, line: int, spec: SourceSpec, path: Path
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return images and labels of blocks of lines, the first of which has this number."""
    first_pixel = int(layout.labelled)
    with Gatherer(str(path)) as pixels, Gatherer(str(path)) as labels:
        for text in blocks:
            rows = parse_lines(text, len(layout.columns))
            if rows is None:
                raise SourceError(f"{path}: {find_fault(text, layout.columns, line)}")
            if layout.labelled and not spec.unlabelled:
                _check_labels(rows[:, 0], spec, path, line)
            labels.append(rows[:, :first_pixel])
            pixels.append(rows[:, first_pixel:])
            line += len(rows)
        return pixels.finish().reshape(-1, *layout.shape), labels.finish()


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        if not is_gzipped(file):
            yield file
            return
        with gzip.GzipFile(fileobj=file) as stream:
            yield cast("BinaryIO", stream)


def _read_layout(first: bytes, spec: SourceSpec, path: Path) -> tuple[_Layout, bool]:
    """Return what the columns are, and whether the first line is a header and no image yet."""
    place = f"{path}: line 1"
    if not first.strip():
        raise SourceError(f"{path}: {'line 1 is empty' if first else 'an empty file'}; {_NEEDED}")
    if len(first) >= _MAX_LINE:
        raise SourceError(f"{place} does not end within {_MAX_LINE:,} bytes; {_NEEDED}")
    try:
        cells = first.decode().rstrip("\r\n").split(",")
    except UnicodeDecodeError as error:
        raise SourceError(f"{place}: byte {error.start + 1} is no text; {_NEEDED}") from None
    if not cells[0].strip('" ').isdigit():
        return _read_header([cell.strip('" ') for cell in cells], spec, place), True
    return _headless(len(cells), spec, place), False


_NEEDED = "needed is a line such as 'label,pixel0,pixel1,...' or an image's numbers"


def _read_header(cells: list[str], spec: SourceSpec, place: str) -> _Layout:
    labelled = cells[0].lower() == _LABEL
    pixels = cells[int(labelled) :]
    for column, name in enumerate(cells[1:], 2):
        if name.lower() == _LABEL:
            raise SourceError(
                f"{place}, column {column} is called '{name}'; the label comes first: make it column 1"
            )
    if not pixels:
        raise SourceError(f"{place}: no columns of pixels; {_NEEDED}")
    by_row = _BY_ROW.fullmatch(pixels[-1])
    shape = (int(by_row[1]), int(by_row[2])) if by_row else None
    start = 1 if pixels[0] == "pixel1" else 0
    for index, name in enumerate(pixels):
        needed = _by_row(index, shape) if shape else f"pixel{index + start}"
        if name != needed:
            allowed = f"'{needed}'" if index or labelled else f"'{_LABEL}' or '{needed}'"
            raise SourceError(
                f"{place}, column {index + 1 + labelled} is called {quoted(name.encode())}; needed is {allowed}"
            )
    if shape is None or spec.shape is not None:
        shape = image_shape(len(pixels), spec, place)
    return _Layout(tuple(cells), labelled, shape)


def _by_row(index: int, shape: tuple[int, int]) -> str:
    row, column = divmod(index, max(1, shape[1]))
    return f"{row + 1}x{column + 1}"


def _headless(columns: int, spec: SourceSpec, place: str) -> _Layout:
    """Return the layout of a file without a header: no square number is one more than another."""
    whole = math.prod(spec.shape) if spec.shape else math.isqrt(columns) ** 2
    labelled = columns == whole + 1 if spec.shape else columns != whole
    pixels = columns - labelled
    shape = image_shape(pixels, spec, f"{place}: no header, {columns} columns")
    names = tuple(f"pixel{index}" for index in range(pixels))
    return _Layout((_LABEL, *names) if labelled else names, labelled, shape)


def _check_labels(labels: NDArray[np.uint8], spec: SourceSpec, path: Path, line: int) -> None:
    classes = len(spec.class_names) if spec.class_names else spec.classes or DEFAULT_CLASSES
    wrong = np.flatnonzero(labels >= classes)
    if len(wrong):
        label = labels[wrong[0]]
        raise SourceError(
            f"{path}: line {line + wrong[0]}, column 1 ({_LABEL}): label {label} is out of range: with {classes} "
            f"classes labels are 0 to {classes - 1}; 'classes: NUMBER' in the source sets how many there are"
        )
