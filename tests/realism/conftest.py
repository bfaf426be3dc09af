"""Bars of known properties, and forges of a few distortions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import augforge
from augforge import Forge
from augforge.sources import Source

HEAD = "version: 1\nname: tried\nseed: 5\nsource: {source}\nvariants: {variants}\ndistort: {distort}\n"
TEST_DIGITS = "{dataset: mnist-10k, split: test}"


def bar(
    height: float = 16,
    width: float = 3,
    at: tuple[float, float] = (0.0, 0.0),
    slant: float = 0.0,
    shape: tuple[int, int] = (28, 28),
    levels: tuple[int, int] = (0, 255),
) -> np.ndarray[Any, Any]:
    """Draw an antialiased bar, `at` pixels right of and below the center, with a slant in degrees."""
    fine = 8
    y, x = (np.arange(side * fine) / fine + 0.5 / fine - side / 2 for side in shape)
    down = y[:, np.newaxis] - at[1]
    right = x[np.newaxis, :] - at[0] + down * np.tan(np.radians(slant))
    inside = (np.abs(down) < height / 2) & (np.abs(right) < width / 2)
    cover = inside.reshape(shape[0], fine, shape[1], fine).mean(axis=(1, 3))
    paper, ink = levels
    return np.rint(paper + (ink - paper) * cover).astype(np.uint8)


@pytest.fixture
def forge() -> Callable[..., Forge]:
    """Return a function that makes forges, by default on the 2,000 bundled test digits."""

    def make(distort: str, *more: str, variants: int = 1, source: Source | None = None) -> Forge:
        text = HEAD.format(source=TEST_DIGITS, variants=variants, distort=distort)
        return Forge(augforge.parse_recipe("\n".join((text, *more))), source=source)

    return make
