"""Arrays of images: every form, made gray and prepared, in blocks or not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augforge.sources import SourceSpec
from augforge.sources.files import arrays
from augforge.sources.files.arrays import gray_images
from augforge.sources.files.colour import to_gray

RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (7, 4, 3), np.uint8)
COLOURS = RNG.integers(0, 256, (7, 4, 3, 4), np.uint8)


def _spec(**spec: Any) -> SourceSpec:
    return SourceSpec(path=Path("/digits"), **spec)


def test_what_is_right_already_is_handed_on() -> None:
    assert gray_images(GRAY, _spec(), None, "digits") is GRAY
    assert np.shares_memory(gray_images(GRAY[..., np.newaxis], _spec(), None, "digits"), GRAY)
    flat = gray_images(GRAY.reshape(7, 12), _spec(shape=(4, 3)), None, "digits")
    assert np.shares_memory(flat, GRAY)
    np.testing.assert_array_equal(flat, GRAY)


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
@pytest.mark.parametrize("channels", [3, 4])
def test_colours_are_turned_by_blocks(monkeypatch: pytest.MonkeyPatch, block: int, channels: int) -> None:
    monkeypatch.setattr(arrays, "_BLOCK_BYTES", block)
    images = COLOURS[..., :channels]
    np.testing.assert_array_equal(gray_images(images, _spec(colour="gray"), None, "digits"), to_gray(images))


@pytest.mark.parametrize("images", [GRAY, GRAY[..., np.newaxis], COLOURS[..., :3], COLOURS])
def test_what_prepares_gets_gray_or_colours_as_they_are(images: np.ndarray) -> None:
    seen: list[np.ndarray] = []

    def prepare(pixels: np.ndarray) -> np.ndarray:
        seen.append(pixels)
        return pixels.reshape(-1)[:4].reshape(2, 2)

    made = gray_images(images, _spec(colour="gray"), prepare, "digits")
    np.testing.assert_array_equal(np.stack(seen), np.squeeze(images) if images.shape[-1] == 1 else images)
    np.testing.assert_array_equal(made, images.reshape(7, -1)[:, :4].reshape(7, 2, 2))
