"""Small sources and forges."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import augforge
from augforge import Forge
from augforge.sources import Source

HEAD = """\
version: 1
name: shown
seed: 11
source: mnist-10k
variants: {variants}
keep_originals: {keep_originals}
guard: {{min_ink_kept: 0.9}}
distort: {distort}
"""

STEPS = """
  - rotate: {degrees: [-30, 10]}
  - one_of:
      id: pen
      probability: 0.5
      steps:
        - gray_level: {gain: 0.5, gamma: {choice: [2, 0.5, 1.5]}}
        - some_of: {id: dirt, count: 1, steps: [{pixel_dropout: {fraction: [0, 0.4]}}, {shear: {x: [0, 30]}}]}
  - shift: {x: [-3, 3], for_labels: [1]}"""


def make_source(count: int = 40, shape: tuple[int, int] = (28, 28), labels: Any = "cycle") -> Source:
    """Make a source of blobs; by default with labels 4, 3, 2, 1, 0, 4, ..."""
    height, width = shape
    y, x = np.mgrid[:height, :width]
    center = np.arange(count)[:, np.newaxis, np.newaxis] % 7 - 3
    distance = np.hypot(y - height / 2 - center, x - width / 2) / (min(height, width) / 4)
    images = np.rint(255 * np.clip(1.5 - distance, 0, 1)).astype(np.uint8)
    labels = (4 - np.arange(count) % 5).astype(np.uint8) if isinstance(labels, str) else labels
    return Source.from_arrays("blobs", "train", images, labels, classes=5)


@pytest.fixture
def forge() -> Callable[..., Forge]:
    """A function that makes forges."""

    def make(
        distort: str = STEPS, variants: int = 6, keep_originals: bool = True, source: Source | None = None
    ) -> Forge:
        text = HEAD.format(variants=variants, keep_originals=str(keep_originals).lower(), distort=distort)
        return Forge(augforge.parse_recipe(text), source=source or make_source())

    return make
