"""Detection of formats."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.sources import SourceSpec
from augforge.sources.formats import FORMATS, check_keys, find_format


def test_by_name_and_by_look(make_folder: Callable[..., Path], images: np.ndarray) -> None:
    folder = make_folder(**{"train-images-idx3-ubyte": images})
    assert find_format(folder, None) is FORMATS["idx"]
    assert find_format(folder, "idx") is FORMATS["idx"]


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("a.csv", "csv"),
        ("a.csv.gz", "csv"),
        ("a.npz", "npz"),
        ("a.h5", "hdf5"),
        ("a.hdf5", "hdf5"),
        ("set/manifest.json", "hdf5"),
        ("idx/train-images-idx3-ubyte.gz", "idx"),
        ("flat/a.png", "folder"),
        ("classes/one/a.jpg", "folder"),
    ],
)
def test_every_format_is_recognized(tmp_path: Path, name: str, format_name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert find_format(tmp_path / name.split("/")[0], None).name == format_name


def test_keys_are_the_formats_own_names() -> None:
    assert all(key == known.name for key, known in FORMATS.items())


def test_unknown_paths(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        find_format(tmp_path, "idxx")
    assert (
        str(raised.value) == "unknown format 'idxx'; known: csv, folder, hdf5, idx, npz. Did you mean 'idx'?"
    )
    for name in (None, "csv"):
        with pytest.raises(SourceError) as raised:
            find_format(tmp_path / "absent", name)
        assert str(raised.value) == f"{tmp_path / 'absent'}: no such file or folder"
    with pytest.raises(SourceError) as raised:
        find_format(tmp_path, None)
    assert str(raised.value) == (
        f"{tmp_path}: an empty folder. Known formats are "
        "hdf5: a data set that augforge built, or an .h5 or .hdf5 file; "
        "idx: a folder of MNIST-like IDX files, gzipped or not; "
        "csv: a .csv or .csv.gz file with a label and pixels in each line; "
        "npz: an .npz file with arrays of images and labels; "
        "folder: a folder of pictures (.png, .jpg, .jpeg, .bmp), or of folders of pictures, one for each class"
    )


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([".hidden", "Thumbs.db"], "an empty folder"),
        (["0/", "1/"], "a folder that holds only folders"),
        (
            ["a.gif", "0/b.GIF", "0/c.tiff", "notes", "deep/er/a.png"],
            "a folder without pictures or other known originals; suffixes of its files: .gif, .tiff, none",
        ),
        (
            [f"a.{letter}" for letter in "jihgfedcb"],
            "a folder without pictures or other known originals; "
            "suffixes of its files: .b, .c, .d, .e, .f, .g, .h, .i, ...",
        ),
    ],
)
def test_a_folder_of_other_files(tmp_path: Path, names: list[str], said: str) -> None:
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir() if name.endswith("/") else path.touch()
    with pytest.raises(SourceError) as raised:
        find_format(tmp_path, None)
    assert str(raised.value).startswith(f"{tmp_path}: {said}. Known formats are hdf5: ")


def test_a_file_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "a.gif").touch()
    with pytest.raises(SourceError, match=r"a\.gif: unknown format of originals\. Known formats are hdf5: "):
        find_format(tmp_path / "a.gif", None)


@pytest.mark.parametrize(
    ("format_name", "spec", "message"),
    [
        ("csv", {"split": "test"}, "'split: test' has no effect on the format csv, only on hdf5, idx, npz"),
        ("idx", {"images": "x"}, "'images: x' has no effect on the format idx, only on hdf5, npz"),
        (
            "idx",
            {"shape": (28, 28)},
            "'shape: [28, 28]' has no effect on the format idx, only on csv, hdf5, npz",
        ),
        (
            "csv",
            {"colour": "gray"},
            "'color: gray' has no effect on the format csv, only on folder, hdf5, npz",
        ),
        (
            "folder",
            {"labels": "names.txt"},
            "'labels: names.txt' has no effect on the format folder, only on hdf5, npz; "
            "'labels: none' goes with every format",
        ),
    ],
)
def test_keys_without_effect(format_name: str, spec: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError) as raised:
        check_keys(FORMATS[format_name], SourceSpec(path=Path("/digits"), **spec))
    assert str(raised.value) == f"/digits: {message}"


@pytest.mark.parametrize("known", FORMATS.values(), ids=lambda known: known.name)
def test_labels_may_be_left_aside_in_every_format(known: Any) -> None:
    check_keys(known, SourceSpec(path=Path("/digits"), labels="none"))
