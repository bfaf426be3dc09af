"""What the ready recipes make is what they expect."""

import pytest

from augforge.forge import Forge
from augforge.recipe import load_recipe, ready_recipes
from augforge.shards import LEAF
from augforge.shards.hashing import content_hash, content_header, leaf_hash
from augforge.shards.layout import DTYPES


@pytest.mark.parametrize("name", ready_recipes())
def test_the_content_hash_is_the_expected_one(name: str) -> None:
    recipe = load_recipe(name)
    if name == "with-imgaug":  # which is the same only with the same libraries
        assert recipe.expect is None
        return
    forge = Forge(recipe)
    leaves = []
    for start in range(0, len(forge), 2 * LEAF):
        batch = forge.make(range(start, min(len(forge), start + 2 * LEAF)))
        arrays = {field: getattr(batch, field) for field in DTYPES}
        for leaf in (slice(LEAF), slice(LEAF, 2 * LEAF)):
            part = {field: array[leaf] for field, array in arrays.items()}
            if len(part["images"]):
                leaves.append(leaf_hash(part, batch.columns))
    header = content_header(len(forge), forge.image_shape, forge.labelled, forge.columns)
    assert content_hash(header, leaves) == recipe.expect, "if pixels changed on purpose: make expect"
    assert recipe.settings_digest(forge.source.originals_digest) == recipe.expect_of
