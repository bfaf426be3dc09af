"""The rules of every distortion, and what this one is for."""

from typing import Any, ClassVar

from augforge_fade import Fade

import augforge
from augforge.distortions import Distortion, registry
from augforge.testing import DistortionConformance


class TestFade(DistortionConformance):
    """Every rule that augforge relies on, checked with each of the examples."""

    distortion: ClassVar[type[Distortion]] = Fade
    examples: ClassVar[list[dict[str, Any]]] = [{"x": [-0.8, 0.8], "y": [-1, 1]}, {"x": 0.5}]


def test_recipes_know_it() -> None:
    """The entry point is installed."""
    assert registry()["fade"] is Fade


def test_the_right_edge_loses_its_share() -> None:
    """What is at the left edge stays, what is at the right one loses a quarter."""
    recipe = "version: 1\nname: fading\nsource: mnist-10k\ndistort: [{fade: {x: 0.25}}]\n"
    forge = augforge.Forge(augforge.parse_recipe(recipe))
    before = forge.make(range(1000)).images.astype(int)
    after = forge.make(range(len(forge) // 2, len(forge) // 2 + 1000)).images
    middle = (before[:, :, 9] * (1 - 0.25 * 9 / 27) + 0.5).astype(int)
    assert (after[:, :, 0] == before[:, :, 0]).all()
    assert (after[:, :, 9] == middle).all()
