"""Folders of pictures: labels, and an error for each kind of bad folder."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from augforge.errors import SourceError
from augforge.sources import Source, SourceSpec
from augforge.sources.files.picture_folder import has_pictures, open_picture_folder
from augforge.sources.preparing import Prepare

INK = np.array([250, 0, 0], np.uint8)


def _make(folder: Path, **files: Any) -> Path:
    """Write pictures (gray level, or array) and other files (bytes) under names in which __ stands for a slash."""
    root = folder / "digits"
    root.mkdir()
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir()
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            array = content if isinstance(content, np.ndarray) else np.full((2, 3), content, np.uint8)
            Image.fromarray(array).save(path)
    return root


def _open(root: Path, prepare: Prepare | None = None, **spec: Any) -> Source:
    return open_picture_folder(root, SourceSpec(path=root, **spec), prepare)


def _levels(source: Source) -> list[int]:
    return [int(level) for level in source.images[:, 0, 0]]


def test_classes_come_by_name_and_pictures_by_name(tmp_path: Path) -> None:
    root = _make(
        tmp_path,
        **{"two__b.png": 4, "two__a.BMP": 3, "one__x.png": 1, "one__10.png": 0, "zero__k.png": 6},
        **{".hidden": b"x", "two__.DS_Store": b"x", "two__Thumbs.db": b"x", ".git__a.png": 9},
    )
    source = _open(root)
    assert source.class_names == ("one", "two", "zero")
    assert source.labels is not None
    assert source.labels.tolist() == [0, 0, 1, 1, 2]
    assert _levels(source) == [0, 1, 3, 4, 6]
    assert source.images.shape == (5, 2, 3)


def test_numbers_come_as_numbers(tmp_path: Path) -> None:
    root = _make(tmp_path, **{f"{number}__a.png": number for number in range(12)})
    source = _open(root)
    assert source.class_names == tuple(str(number) for number in range(12))
    assert _levels(source) == list(range(12))


def test_class_names_set_the_order_and_may_be_more(tmp_path: Path) -> None:
    root = _make(tmp_path, **{"one__a.png": 1, "two__a.png": 2})
    source = _open(root, class_names=("zero", "two", "one"))
    assert source.class_names == ("zero", "two", "one")
    assert source.labels is not None
    assert source.labels.tolist() == [1, 2]
    assert _levels(source) == [2, 1]


def test_without_labels(tmp_path: Path) -> None:
    source = _open(_make(tmp_path, **{"b.png": 2, "a.png": 1}))
    assert source.labels is None
    assert source.class_names == ()
    assert _levels(source) == [1, 2]


def test_labels_may_be_left_aside(tmp_path: Path) -> None:
    source = _open(_make(tmp_path, **{"one__a.png": 1, "two__a.png": 2}), labels="none")
    assert source.labels is None
    assert _levels(source) == [1, 2]


def test_any_size_where_they_are_prepared(tmp_path: Path) -> None:
    large = np.full((50, 40), 7, np.uint8)
    root = _make(tmp_path, **{"one__a.png": 5, "two__a.png": large})
    source = _open(root, lambda pixels: pixels[:2, :2])
    assert source.images.tolist() == [[[5, 5], [5, 5]], [[7, 7], [7, 7]]]


def test_color_pictures_are_converted_on_request(tmp_path: Path) -> None:
    root = _make(tmp_path, **{"a.png": np.full((2, 3, 3), INK, np.uint8), "b.png": 9})
    source = _open(root, colour="gray")
    assert _levels(source) == [75, 9]
    shapes: list[tuple[int, ...]] = []

    def prepare(pixels: np.ndarray) -> np.ndarray:
        shapes.append(pixels.shape)
        return pixels.reshape(2, -1)[:, :3]

    _open(root, prepare, colour="gray")
    assert shapes == [(2, 3, 3), (2, 3)], "prepare gets pictures in color"


CLEAR = np.full((2, 3, 4), 99, np.uint8)
BAD: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "empty": ({}, {}, ": no pictures (.bmp, .jpeg, .jpg, .png) in this folder; at least one is needed"),
    "hidden alone": (
        {".DS_Store": b"x"},
        {},
        ": no pictures (.bmp, .jpeg, .jpg, .png) in this folder; at least one is needed",
    ),
    "empty class": (
        {"one__a.png": 1, "two": None},
        {},
        "/two: no pictures (.bmp, .jpeg, .jpg, .png) in this folder; at least one is needed",
    ),
    "pictures beside classes": (
        {"one__a.png": 1, "a.png": 1},
        {},
        ": a.png is beside class folders (one); move it into one of them, or elsewhere",
    ),
    "another file": (
        {"one__a.png": 1, "one__notes.txt": b"x"},
        {},
        "/one/notes.txt: not a picture by its name (needed: .bmp, .jpeg, .jpg, .png); "
        "move it away, or hide it with a leading dot in its name",
    ),
    "GIF": (
        {"a.png": 1, "b.gif": 1},
        {},
        "/b.gif: not a picture by its name (needed: .bmp, .jpeg, .jpg, .png); "
        "move it away, or hide it with a leading dot in its name",
    ),
    "splits": (
        {"train__a.png": 1, "test__one__a.png": 1},
        {},
        "/test/one: a folder in a class folder, which may hold only pictures; "
        "for one split of several give its path",
    ),
    "unreadable": (
        {"one__a.png": 1, "one__b.png": b"x"},
        {},
        "/one/b.png: not a picture in PNG, JPEG or BMP format, or damaged",
    ),
    "several sizes": (
        {"a.png": 1, "b.png": np.zeros((3, 3), np.uint8)},
        {},
        "/b.png: 3 x 3 pixels (height x width), but {root}/a.png has 2 x 3; "
        "for pictures of several sizes write 'normalize:' in the recipe",
    ),
    "too large": (
        {"a.png": np.zeros((1, 4097), np.uint8)},
        {},
        ": images of 1 x 4097 pixels (height x width); at most 4096 x 4096 is allowed",
    ),
    "colors": (
        {"a.png": np.full((2, 3, 3), INK, np.uint8)},
        {},
        "/a.png: in color; write 'color: gray' in the source to convert it to gray",
    ),
    "transparent": (
        {"a.png": CLEAR},
        {},
        "/a.png: partly transparent; write 'color: gray' in the source to convert it to gray",
    ),
    "a class that is not named": (
        {"one__a.png": 1, "tow__a.png": 1},
        {"class_names": ("one", "two")},
        ": the folder 'tow' is not among 'class_names' in the source: one, two. Did you mean 'two'?",
    ),
    "another number of classes": (
        {f"{name}__a.png": 1 for name in "abcd"},
        {"classes": 10},
        ": 4 class folders (a, b, c, ...), but 'classes' is 10; "
        "write 'class_names: [...]' to name all classes, even without a folder",
    ),
    "too many classes": (
        {f"{number}__a.png": 1 for number in range(257)},
        {},
        ": 257 class folders; at most 256 are allowed",
    ),
    "a number of classes without classes": (
        {"a.png": 1},
        {"classes": 3},
        ": no labels, so 'classes' has no effect; leave it out",
    ),
    "names without classes": (
        {"a.png": 1},
        {"class_names": ("one", "two")},
        ": no labels, so 'class_names' has no effect; leave it out",
    ),
}


@pytest.mark.parametrize(("files", "spec", "message"), BAD.values(), ids=BAD.keys())
def test_bad_folders(tmp_path: Path, files: dict[str, Any], spec: dict[str, Any], message: str) -> None:
    root = _make(tmp_path, **files)
    with pytest.raises(SourceError) as raised:
        _open(root, **spec)
    assert str(raised.value) == f"{root}{message.replace('{root}', str(root))}"


def test_all_bad_pictures_are_reported_together(tmp_path: Path) -> None:
    bad = {f"{number:02}.png": b"x" for number in range(30)}
    root = _make(tmp_path, **bad, **{"a.png": 1, "b.png": INK.reshape(1, 1, 3), "c.png": 1})

    def prepare(pixels: Any) -> Any:
        raise SourceError("it has no ink")

    for wanted, count in ((None, 31), (prepare, 33)):
        with pytest.raises(SourceError) as raised:
            _open(root, wanted)
        lines = str(raised.value).splitlines()
        assert lines[0] == f"{count} of 33 originals cannot be used:"
        assert lines[1:3] == [
            f"  {root}/{name}.png: not a picture in PNG, JPEG or BMP format, or damaged"
            for name in ("00", "01")
        ]
        assert (len(lines), lines[-1]) == (22, f"  and {count - 20} more")
    for name in bad:
        (root / name).unlink()
    with pytest.raises(SourceError) as raised:
        _open(root, prepare)
    assert str(raised.value).splitlines() == [
        "3 of 3 originals cannot be used:",
        f"  {root}/a.png: it has no ink",
        f"  {root}/b.png: in color; write 'color: gray' in the source to convert it to gray",
        f"  {root}/c.png: it has no ink",
    ]


def test_all_other_files_are_reported_together(tmp_path: Path) -> None:
    root = _make(tmp_path, one__a__b=None, one__c=b"x", two__d=b"x", two__e__f=None, three=None)
    with pytest.raises(SourceError) as raised:
        _open(root)
    lines = str(raised.value).splitlines()
    assert lines[0] == "5 of 5 files and folders cannot be used:"
    assert [line.strip().removeprefix(f"{root}/").split(":")[0] for line in lines[1:]] == [
        *("one/a", "one/c"),
        "three",
        *("two/d", "two/e"),
    ]


def test_color_is_an_error_even_with_preparing(tmp_path: Path) -> None:
    root = _make(tmp_path, **{"a.png": np.full((2, 3, 3), INK, np.uint8)})
    with pytest.raises(SourceError, match="in color; write 'color: gray'"):
        _open(root, lambda pixels: pixels[..., 0])


def test_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(SourceError, match=r"a\.png: a file; needed: a folder of pictures$"):
        _open(tmp_path / "a.png")


def test_it_is_recognized_by_its_content(tmp_path: Path) -> None:
    root = _make(tmp_path, **{"one__notes.txt": b"x", "two": None})
    assert not has_pictures(root)
    (root / "two" / "a.jpg").touch()
    assert has_pictures(root)
    assert has_pictures(root / "two")
    assert not has_pictures(root / "two" / "a.jpg")
