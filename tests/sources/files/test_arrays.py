"""Arrays of images and labels: order of reading, gray levels, preparation."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.sources import SourceSpec
from augforge.sources.files import arrays as module
from augforge.sources.files.arrays import convert_images, open_arrays, to_labels
from augforge.sources.files.color import to_gray

PATH = Path("/digits.any")
IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (7, 4, 3), np.uint8)
COLORS = RNG.integers(0, 256, (7, 4, 3, 4), np.uint8)


class Arrays:
    """Arrays in memory; `asked` is what was asked for."""

    def __init__(self, **arrays: np.ndarray) -> None:
        self.arrays = arrays
        self.asked: list[str] = []

    def names(self) -> list[str]:
        return list(self.arrays)

    def describe(self, name: str) -> np.ndarray:
        self.asked.append(f"describe {name}")
        return self.arrays[name]

    def values(self, array: np.ndarray) -> np.ndarray:
        self.asked.append("values")
        return array

    def pixels(self, array: np.ndarray) -> np.ndarray:
        self.asked.append("pixels")
        return array

    @contextmanager
    def opened(self) -> Iterator["Arrays"]:
        yield self
        self.asked.append("close")


def _open(arrays: Arrays, prepare: Any = None, **spec: Any) -> Any:
    return open_arrays(arrays.opened(), PATH, SourceSpec(path=PATH, **spec), prepare)


def test_claims_come_before_values_and_pixels_last() -> None:
    arrays = Arrays(images=IMAGES, labels=np.array([[3], [4]], np.int64))
    source = _open(arrays)
    np.testing.assert_array_equal(source.images, IMAGES)
    np.testing.assert_array_equal(source.labels, [3, 4])
    assert arrays.asked == ["describe images", "describe labels", "values", "pixels", "close"]


def test_unwanted_labels_are_not_read() -> None:
    arrays = Arrays(images=IMAGES, labels=np.array(["five", "six"]))
    assert _open(arrays, labels="none").labels is None
    assert arrays.asked == ["describe images", "pixels", "close"]


def test_images_are_prepared_when_the_file_is_closed() -> None:
    arrays = Arrays(images=IMAGES)
    _open(arrays, lambda pixels: arrays.asked.append("prepare") or pixels, labels="none")
    assert arrays.asked == ["describe images", "pixels", "close", "prepare", "prepare"]


@pytest.mark.parametrize(
    ("arrays", "asked", "message"),
    [
        (
            {"images": IMAGES / 255, "labels": IMAGES},
            1,
            "float64 of shape (2, 4, 3); needed: uint8",
        ),
        (
            {"images": IMAGES, "labels": np.zeros(2)},
            2,
            "array 'labels': float64 of shape (2,); needed:",
        ),
        (
            {"images": IMAGES, "labels": np.zeros(3, int)},
            2,
            "3 labels, but 2 images in /digits.any: array",
        ),
    ],
)
def test_nothing_is_read_after_a_wrong_claim(arrays: dict[str, np.ndarray], asked: int, message: str) -> None:
    file = Arrays(**arrays)
    with pytest.raises(SourceError) as raised:
        _open(file)
    assert message in str(raised.value)
    assert file.asked == ["describe images", "describe labels"][:asked]


def test_labels_of_every_width() -> None:
    for dtype in ("u1", "i1", "<i8", ">u4"):
        found = to_labels(np.array([[5], [0], [100]], dtype), "labels")
        assert found.dtype == np.uint8
        assert found.tolist() == [5, 0, 100]


def _spec(**spec: Any) -> SourceSpec:
    return SourceSpec(path=Path("/digits"), **spec)


def test_gray_images_are_not_copied() -> None:
    assert convert_images(GRAY, _spec(), None, "digits") is GRAY
    assert np.shares_memory(convert_images(GRAY[..., np.newaxis], _spec(), None, "digits"), GRAY)
    flat = convert_images(GRAY.reshape(7, 12), _spec(shape=(4, 3)), None, "digits")
    assert np.shares_memory(flat, GRAY)
    np.testing.assert_array_equal(flat, GRAY)


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
@pytest.mark.parametrize("channels", [3, 4])
def test_colors_are_converted_in_blocks(monkeypatch: pytest.MonkeyPatch, block: int, channels: int) -> None:
    monkeypatch.setattr(module, "_BLOCK_BYTES", block)
    images = COLORS[..., :channels]
    np.testing.assert_array_equal(
        convert_images(images, _spec(colour="gray"), None, "digits"), to_gray(images)
    )


@pytest.mark.parametrize("images", [GRAY, GRAY[..., np.newaxis], COLORS[..., :3], COLORS])
def test_preparing_gets_gray_or_color_images(images: np.ndarray) -> None:
    seen: list[np.ndarray] = []

    def prepare(pixels: np.ndarray) -> np.ndarray:
        seen.append(pixels)
        return pixels.reshape(-1)[:4].reshape(2, 2)

    made = convert_images(images, _spec(colour="gray"), prepare, "digits")
    np.testing.assert_array_equal(np.stack(seen), np.squeeze(images) if images.shape[-1] == 1 else images)
    np.testing.assert_array_equal(made, images.reshape(7, -1)[:, :4].reshape(7, 2, 2))
