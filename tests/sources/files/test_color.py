"""Conversion of colors to gray."""

import numpy as np
import pytest

from augforge.sources.files import color
from augforge.sources.files.color import drop_unused_channels, to_gray

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("level", [0, 1, 127, 254, 255])
def test_gray_stays_gray(level: int) -> None:
    assert to_gray(np.full((1, 1, 3), level, np.uint8)).tolist() == [[level]]


def test_transparent_pixels_are_white() -> None:
    black = np.zeros((1, 4, 4), np.uint8)
    black[0, :, 3] = [0, 1, 128, 255]
    assert to_gray(black).tolist() == [[255, 254, 127, 0]]


def test_stacks_are_converted() -> None:
    pixels = RNG.integers(0, 256, (3, 4, 5, 4), np.uint8)
    np.testing.assert_array_equal(to_gray(pixels), np.stack([to_gray(one) for one in pixels]))


def test_unused_channels_are_dropped() -> None:
    gray = RNG.integers(0, 256, (4, 5), np.uint8)
    opaque = np.full((4, 5), 255, np.uint8)
    np.testing.assert_array_equal(drop_unused_channels(np.stack([gray, gray, gray], axis=-1)), gray)
    np.testing.assert_array_equal(drop_unused_channels(np.stack([gray, gray, gray, opaque], axis=-1)), gray)
    colors = np.stack([gray, gray, gray + 1, opaque], axis=-1)
    np.testing.assert_array_equal(drop_unused_channels(colors), colors[..., :3])
    clear = np.stack([gray, gray, gray, opaque - 1], axis=-1)
    np.testing.assert_array_equal(drop_unused_channels(clear), clear)


@pytest.mark.parametrize("channels", [3, 4])
def test_large_pictures_are_converted_in_blocks(monkeypatch: pytest.MonkeyPatch, channels: int) -> None:
    pixels = RNG.integers(0, 256, (6, 5, channels), np.uint8)
    whole = to_gray(pixels)
    monkeypatch.setattr(color, "_BLOCK", 7)
    np.testing.assert_array_equal(to_gray(pixels), whole)
