"""Test the ready recipes against their expected hashes."""

import pytest

from augforge.forge import Forge
from augforge.format.hashing import ContentHash, leaf_hash
from augforge.format.layout import LEAF, SampleLayout
from augforge.recipe import load_recipe, ready_recipes

# The two largest; the others are made in a few seconds each.
LARGE = ("harsh", "mnist-8m-like")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow("a large data set")) if name in LARGE else name
        for name in ready_recipes()
    ],
)
def test_the_content_hash_is_the_expected_one(name: str) -> None:
    recipe = load_recipe(name)
    if name == "with-imgaug":  # bit-identical only with the same libraries
        assert recipe.expect is None
        return
    forge = Forge(recipe)
    layout = SampleLayout(
        forge.image_shape, forge.columns, len(forge.source.class_names), "none", forge.pixel_digest
    )
    content = ContentHash(len(forge), layout)
    for start in range(0, len(forge), 2 * LEAF):
        batch = forge.make(range(start, min(len(forge), start + 2 * LEAF)))
        arrays = {plan.name: getattr(batch, plan.name) for plan in layout.arrays(1)}
        for leaf in (slice(LEAF), slice(LEAF, 2 * LEAF)):
            part = {field: array[leaf] for field, array in arrays.items()}
            if len(part["images"]):
                content.add(leaf_hash(part, layout))
    assert content.hexdigest() == recipe.expect, "if pixels changed on purpose: make expect"
    assert recipe.settings_digest(forge.source.originals_digest) == recipe.expect_of
