"""CSV files with an image in each line.

::

    label,pixel0,pixel1,...,pixel783       optional; the pixels may also be named 1x1, 1x2, ...
    5,0,0,...,0

A file without the column of labels, such as Kaggle's ``test.csv``, is an unlabeled source.
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
from augforge.sources.decoding import SpillBuffer, is_gzipped, report_damage
from augforge.sources.files.arrays import convert_images, image_shape
from augforge.sources.files.csv_parsing import find_fault, parse_lines, quote, read_blocks
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source, check_image_shape
from augforge.sources.spec import DEFAULT_CLASSES, SourceSpec

_LABEL = "label"
_MAX_LINE = 16 << 20
_BY_ROW = re.compile(r"(\d{1,4})x(\d{1,4})")


@dataclass(frozen=True)
class _Layout:
    """Names of the columns: perhaps a label, then pixels."""

    columns: tuple[str, ...]
    labelled: bool
    shape: tuple[int, int]


def is_csv_file(path: Path) -> bool:
    """Check for a file named ``*.csv`` or ``*.csv.gz``."""
    return path.is_file() and path.name.lower().endswith((".csv", ".csv.gz"))


def open_csv_file(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open a CSV file.

    Parameters
    ----------
    path : Path
        The file, gzipped or not.
    spec : SourceSpec
        The source; ``shape`` is needed if the images are not square.
    prepare : callable, optional
        As in `open_source`.

    Raises
    ------
    SourceError
        If the file has another format; the message names line and column.
    """
    with report_damage(path), _open(path) as stream:
        first = stream.readline(_MAX_LINE).removeprefix(codecs.BOM_UTF8)
        layout, has_header = _read_layout(first, spec, path)
        blocks = read_blocks(stream, len(layout.columns))
        if not has_header:
            blocks = itertools.chain([first.rstrip(b"\r\n")], blocks)
        images, labels = _read_rows(blocks, layout, 2 if has_header else 1, spec, path)
    check_image_shape(images.shape, str(path))
    return Source.from_spec(
        spec,
        convert_images(images, spec, prepare, str(path)),
        labels if layout.labelled else None,
        images_from=str(path),
        labels_from=str(path),
    )


def _read_rows(
    blocks: Iterable[bytes], layout: _Layout, line: int, spec: SourceSpec, path: Path
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read images and labels from blocks of lines."""
    first_pixel = int(layout.labelled)
    with SpillBuffer(str(path)) as pixels, SpillBuffer(str(path)) as labels:
        for text in blocks:
            rows = parse_lines(text, len(layout.columns))
            if rows is None:
                raise SourceError(f"{path}: {find_fault(text, layout.columns, line)}")
            if layout.labelled and not spec.unlabeled:
                _check_labels(rows[:, 0], spec, path, line)
            labels.append(rows[:, :first_pixel])
            pixels.append(rows[:, first_pixel:])
            line += len(rows)
        return pixels.finish().reshape(-1, *layout.shape), labels.finish()


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as file:
        if not is_gzipped(file):
            yield file
            return
        with gzip.GzipFile(fileobj=file) as stream:
            yield cast("BinaryIO", stream)


def _read_layout(first: bytes, spec: SourceSpec, path: Path) -> tuple[_Layout, bool]:
    """Parse the first line; return the columns, and whether it is a header."""
    where = f"{path}: line 1"
    if not first.strip():
        raise SourceError(f"{path}: {'line 1 is empty' if first else 'an empty file'}; {_NEEDED}")
    if len(first) >= _MAX_LINE:
        raise SourceError(f"{where} does not end within {_MAX_LINE:,} bytes; {_NEEDED}")
    try:
        cells = first.decode().rstrip("\r\n").split(",")
    except UnicodeDecodeError as error:
        raise SourceError(f"{where}: byte {error.start + 1} is not text; {_NEEDED}") from None
    if not cells[0].strip('" ').isdigit():
        return _read_header([cell.strip('" ') for cell in cells], spec, where), True
    return _guess_layout(len(cells), spec, where), False


_NEEDED = "needed: a line such as 'label,pixel0,pixel1,...', or the numbers of an image"


def _read_header(cells: list[str], spec: SourceSpec, where: str) -> _Layout:
    labelled = cells[0].lower() == _LABEL
    pixels = cells[int(labelled) :]
    for column, name in enumerate(cells[1:], 2):
        if name.lower() == _LABEL:
            raise SourceError(f"{where}, column {column} is named '{name}'; labels must be in column 1")
    if not pixels:
        raise SourceError(f"{where}: no columns of pixels; {_NEEDED}")
    by_row = _BY_ROW.fullmatch(pixels[-1])
    shape = (int(by_row[1]), int(by_row[2])) if by_row else None
    start = 1 if pixels[0] == "pixel1" else 0
    for index, name in enumerate(pixels):
        needed = _name_by_row(index, shape) if shape else f"pixel{index + start}"
        if name != needed:
            allowed = f"'{needed}'" if index or labelled else f"'{_LABEL}' or '{needed}'"
            raise SourceError(
                f"{where}, column {index + 1 + labelled} is named {quote(name.encode())}; needed: {allowed}"
            )
    if shape is None or spec.shape is not None:
        shape = image_shape(len(pixels), spec, where)
    return _Layout(tuple(cells), labelled, shape)


def _name_by_row(index: int, shape: tuple[int, int]) -> str:
    row, column = divmod(index, max(1, shape[1]))
    return f"{row + 1}x{column + 1}"


def _guess_layout(columns: int, spec: SourceSpec, where: str) -> _Layout:
    """Infer columns without header: a square, perhaps plus one.

    This is unambiguous, since two squares never differ by one.
    """
    whole = math.prod(spec.shape) if spec.shape else math.isqrt(columns) ** 2
    labelled = columns == whole + 1 if spec.shape else columns != whole
    pixels = columns - labelled
    shape = image_shape(pixels, spec, f"{where}: no header, {columns} columns")
    names = tuple(f"pixel{index}" for index in range(pixels))
    return _Layout((_LABEL, *names) if labelled else names, labelled, shape)


def _check_labels(labels: NDArray[np.uint8], spec: SourceSpec, path: Path, line: int) -> None:
    classes = len(spec.class_names) if spec.class_names else spec.classes or DEFAULT_CLASSES
    wrong = np.flatnonzero(labels >= classes)
    if len(wrong):
        label = labels[wrong[0]]
        raise SourceError(
            f"{path}: line {line + wrong[0]}, column 1 ({_LABEL}): label {label} is out of range: with {classes} "
            f"classes labels are 0 to {classes - 1}; write 'classes: NUMBER' in the source to change this"
        )
