"""``normalize:`` in a recipe: what it may say, and that the forge does it before all distortions."""

from typing import Any

import numpy as np
import pytest

import augforge
from augforge.errors import RecipeError
from augforge.forge import Forge
from augforge.normalizing import Normalizer, normalize
from augforge.sources import SourceSpec, open_source

TEXT = "version: 1\nname: t\nsource: mnist-10k\nvariants: 1\ndistort: []\n"

GOOD: list[tuple[str, Normalizer | None]] = [
    ("", None),
    ("normalize: false\n", None),
    ("normalize: true\n", Normalizer()),
    ("normalize: {}\n", Normalizer()),
    ("normalize: {upright: true}\n", Normalizer(upright=True)),
    ("normalize: {polarity: dark-on-light, pen: as-drawn}\n", Normalizer("dark-on-light", False, "as-drawn")),
]


@pytest.mark.parametrize(("said", "expected"), GOOD, ids=[said.strip() or "nothing" for said, _ in GOOD])
def test_good_settings(said: str, expected: Normalizer | None) -> None:
    recipe = augforge.parse_recipe(TEXT + said)
    assert recipe.normalize == expected
    assert augforge.parse_recipe(recipe.to_yaml()) == recipe


BAD = [
    ("normalize: yes\n", "'normalize' must be a mapping such as true, or {pen: as-drawn}, got"),
    ("normalize: {pen: thick}\n", "'pen' must be one of as-drawn, mnist, got 'thick'"),
    ("normalize: {polarty: auto}\n", "unknown key 'polarty' of normalize. Did you mean 'polarity'?"),
    ("normalize: {upright: 1}\n", "'upright' must be true or false"),
]


@pytest.mark.parametrize(("said", "message"), BAD, ids=[said.strip() for said, _ in BAD])
def test_bad_settings(said: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        augforge.parse_recipe(TEXT + said)
    assert f"<recipe>:6:{15 if '{' not in said else 1}" in str(caught.value) or "<recipe>:6:" in str(
        caught.value
    )
    assert message in str(caught.value)


@pytest.mark.parametrize("options", [{}, {"upright": True, "pen": "as-drawn"}])
def test_originals_are_normalised_first(tmp_path: Any, options: dict[str, Any]) -> None:
    digits = open_source(SourceSpec(dataset="mnist-10k", split="test"))
    drawings = np.pad(digits.images[:20].repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (9, 0), (0, 31)))
    np.savez(tmp_path / "drawings.npz", images=255 - drawings, labels=digits.labels[:20])
    said = ", ".join(f"{key}: {str(value).lower()}" for key, value in options.items())
    text = f"version: 1\nname: t\nsource: {{path: drawings.npz}}\nnormalize: {{{said}}}\nvariants: 0\ndistort: []\n"
    forge = Forge(augforge.parse_recipe(text, base=tmp_path))
    np.testing.assert_array_equal(forge.make(range(20)).images, normalize(drawings, **options))
    assert (
        forge.pixel_digest
        != Forge(augforge.parse_recipe(text.replace("normalize", "# "), base=tmp_path)).pixel_digest
    )
