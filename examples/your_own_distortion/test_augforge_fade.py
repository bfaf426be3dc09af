"""Tests of the rules of all distortions, and of this distortion's effect."""

from typing import Any, ClassVar

from augforge_fade import Fade

import augforge
from augforge.distortions import Distortion, registry
from augforge.testing import DistortionConformance


class TestFade(DistortionConformance):
    """Check every rule that augforge relies on, with each example."""

    distortion: ClassVar[type[Distortion]] = Fade
    examples: ClassVar[list[dict[str, Any]]] = [{"x": [-0.8, 0.8], "y": [-1, 1]}, {"x": 0.5}]


def test_the_entry_point_is_installed() -> None:
    """Recipes find the distortion by its name."""
    assert registry()["fade"] is Fade


def test_the_right_edge_loses_its_share() -> None:
    """The left edge stays, the right edge loses a quarter."""
    recipe = "version: 1\nname: fading\nsource: mnist-10k\ndistort: [{fade: {x: 0.25}}]\n"
    forge = augforge.Forge(augforge.parse_recipe(recipe))
    before = forge.make(range(1000)).images.astype(int)
    after = forge.make(range(len(forge) // 2, len(forge) // 2 + 1000)).images
    middle = (before[:, :, 9] * (1 - 0.25 * 9 / 27) + 0.5).astype(int)
    assert (after[:, :, 0] == before[:, :, 0]).all()
    assert (after[:, :, 9] == middle).all()
