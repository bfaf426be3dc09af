"""Inversion has no parameter to tell where it is applied."""

import numpy as np
import pytest

import augforge
from augforge.forge import Forge

HEAD = "version: 1\nname: t\nsource: mnist-10k\nvariants: 2\nkeep_originals: true\ndistort:\n"


def forge(steps: str) -> Forge:
    return Forge(augforge.parse_recipe(HEAD + steps))


@pytest.mark.parametrize("step", ["  - invert:\n", "  - invert: {}\n", "  - invert: {id: negative}\n"])
def test_it_is_read_without_parameters(step: str) -> None:
    made = forge(step)
    assert made.columns == ()
    assert augforge.parse_recipe(made.recipe.to_yaml()) == made.recipe
    count = len(made.source)
    batch = made.make([0, count, 2 * count])
    np.testing.assert_array_equal(batch.images[0], made.source.images[0])
    np.testing.assert_array_equal(batch.images[1:], np.stack([255 - made.source.images[0]] * 2))


def test_what_is_not_applied_is_the_identity() -> None:
    made = forge("  - invert: {probability: 0.5}\n")
    assert made.columns == ("invert.applied",)
    batch = made.make(np.arange(8000, 9000))
    originals = made.source.images[batch.source_index]
    applied = batch.parameters[:, 0] == 1
    assert 400 < applied.sum() < 600
    np.testing.assert_array_equal(batch.images, np.where(applied[:, None, None], 255 - originals, originals))


def test_a_guard_leaves_it_as_it_is() -> None:
    steps = "  - shift: {x: [-20, 20]}\n  - invert: {probability: 0.5}\n"
    free = forge(steps).make(np.arange(8000, 8500))
    guarded = forge(steps + "guard: {min_ink_kept: 0.99}\n").make(np.arange(8000, 8500))
    assert (guarded.parameters[:, 2] > 0).any()
    np.testing.assert_array_equal(free.parameters[:, 1], guarded.parameters[:, 1])
    # The frame's corners are blank, so they tell the polarity.
    np.testing.assert_array_equal(guarded.images[:, 0, 0] == 255, guarded.parameters[:, 1] == 1)


def test_runs_of_gray_steps_are_in_order() -> None:
    made = forge("  - invert:\n  - contrast: {factor: 0.5, middle: 0}\n  - gray_level: {bias: 10}\n")
    batch = made.make([8000])
    expected = np.floor((255.0 - made.source.images[0]) * 0.5 + 0.5) + 10
    np.testing.assert_array_equal(batch.images[0], expected)
