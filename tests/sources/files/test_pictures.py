"""Picture files of each kind, and an error for each kind of bad file."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augforge.errors import SourceError
from augforge.sources.files import pictures
from augforge.sources.files.pictures import is_picture, pictures_below, read_picture

GRAY = np.random.default_rng(0).integers(0, 256, (6, 9), np.uint8)
COLOURS = np.random.default_rng(1).integers(0, 256, (6, 9, 3), np.uint8)


def _save(folder: Path, image: Image.Image, name: str = "a.png", **options: object) -> Path:
    image.save(folder / name, **options)
    return folder / name


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_gray_however_it_is_stored(tmp_path: Path, mode: str) -> None:
    np.testing.assert_array_equal(read_picture(_save(tmp_path, Image.fromarray(GRAY).convert(mode))), GRAY)


def test_black_and_white(tmp_path: Path) -> None:
    image = Image.fromarray(GRAY > 99)
    assert image.mode == "1"
    np.testing.assert_array_equal(read_picture(_save(tmp_path, image)), (GRAY > 99) * 255)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.jpg", "a.JPEG"])
def test_every_kind_of_file(tmp_path: Path, name: str) -> None:
    path = _save(tmp_path, Image.fromarray(np.full((6, 9), 77, np.uint8)), name)
    assert is_picture(path)
    np.testing.assert_array_equal(read_picture(path), np.full((6, 9), 77))


def test_color_pictures_stay_in_color(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_picture(_save(tmp_path, Image.fromarray(COLOURS))), COLOURS)
    clear = np.dstack([COLOURS, GRAY])
    np.testing.assert_array_equal(read_picture(_save(tmp_path, Image.fromarray(clear))), clear)


def test_gray_with_a_transparent_level(tmp_path: Path) -> None:
    path = _save(tmp_path, Image.fromarray(np.array([[5, 6]], np.uint8)), transparency=5)
    assert read_picture(path).tolist() == [[[5, 5, 5, 0], [6, 6, 6, 255]]]


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that the picture must be turned clockwise
    path = _save(tmp_path, Image.fromarray(GRAY), exif=exif)
    np.testing.assert_array_equal(read_picture(path), np.rot90(GRAY, -1))


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _claiming(width: int, height: int) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(bytes(1000))) + _chunk(b"IEND", b"")


def _as(kind: str, image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


GOOD = _png(Image.fromarray(np.random.default_rng(2).integers(0, 256, (60, 60), np.uint8)))
FRAMES = [Image.fromarray(GRAY), Image.fromarray(255 - GRAY)]
BAD = {
    "empty": (b"", "not a picture in PNG, JPEG or BMP format, or damaged"),
    "text": (b"not a picture", "not a picture in PNG, JPEG or BMP format, or damaged"),
    "GIF": (_as("GIF", Image.fromarray(GRAY)), "not a picture in PNG, JPEG or BMP format, or damaged"),
    "TIFF": (_as("TIFF", Image.fromarray(GRAY)), "not a picture in PNG, JPEG or BMP format, or damaged"),
    "magic alone": (GOOD[:8], None),
    "cut": (GOOD[: len(GOOD) // 2], None),
    "cut JPEG": (_as("JPEG", Image.fromarray(COLOURS))[:-30], None),
    "wrong sum": (GOOD[:60] + b"\xff\xff" + GOOD[62:], None),
    "of 16 bits": (
        _png(Image.fromarray(GRAY.astype(np.uint16) * 256)),
        "pixels of mode I;16; needed: 8 bits for each gray level or color",
    ),
    "of several frames": (
        _as("PNG", FRAMES[0], save_all=True, append_images=FRAMES[1:]),
        "2 frames; needed: a picture of one",
    ),
    "large bomb": (
        _claiming(10_000, 9_000),
        "9000 x 10000 pixels (height x width); at most 67,108,864 pixels are allowed in one picture",
    ),
    "larger bomb": (
        _claiming(2**31 - 1, 2**31 - 1),
        None,
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD.keys())
def test_bad_pictures(tmp_path: Path, content: bytes, message: str | None) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(SourceError) as raised:
        read_picture(path)
    if message is None:  # the rest is Pillow's to say
        assert str(raised.value).startswith(f"{path}: ")
        assert "\n" not in str(raised.value)
    else:
        assert str(raised.value) == f"{path}: {message}"


def test_a_picture_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        read_picture(tmp_path / "absent.png")
    assert str(raised.value) == f"{tmp_path / 'absent.png'}: cannot be read: No such file or directory"


def test_the_limit_is_of_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 54)
    assert read_picture(_save(tmp_path, Image.fromarray(GRAY))).shape == (6, 9)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 53)
    with pytest.raises(SourceError, match="at most 53 pixels are allowed"):
        read_picture(tmp_path / "a.png")


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for length in range(0, len(GOOD) - 16, 97):
        path.write_bytes(GOOD[:length])
        with pytest.raises(SourceError):
            read_picture(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(SourceError) as raised:
        read_picture(tmp_path / "a.png")
    assert str(raised.value) == (
        f"{tmp_path / 'a.png'}: not a regular file; needed: a picture in PNG, JPEG or BMP format"
    )


def test_hidden_files_are_ignored(tmp_path: Path) -> None:
    for name in ("b.png", "a/c.JPG", "._b.png", ".thumbs/b.png", "a/.git/d/e.png", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")  # that it cannot be read is to be told
    assert [path.relative_to(tmp_path).as_posix() for path in pictures_below(tmp_path)] == [
        *("a/c.JPG", "b.png", "pipe.png")
    ]


def test_an_unreadable_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pictures_below(tmp_path / "absent")
