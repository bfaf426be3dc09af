"""Small recipes on real digits."""

from collections.abc import Callable

import pytest

import augforge
from augforge.recipe import Recipe

TEXT = """
version: 1
name: small
source: {{dataset: mnist-10k, split: test}}
seed: 7
variants: {variants}
distort:
  - rotate: {{degrees: [-12, 12]}}
  - shift: {{x: [-3, 3], y: [-3, 3]}}
  - pixel_noise: {{fraction: [0, 0.05], value: [128, 255]}}
{more}
guard: {{min_ink_kept: 0.95}}
output: {{shard_size: {shard_size}, compression: {compression}}}
"""


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    """Give a maker of recipes with 2,000 originals and so many variants of each."""

    def made(
        variants: int = 2, shard_size: int = 1024, compression: str = "none", more: str = "", seed: int = 7
    ) -> Recipe:
        text = TEXT.format(variants=variants, shard_size=shard_size, compression=compression, more=more)
        return augforge.parse_recipe(text, overrides=(f"seed={seed}",))

    return made
