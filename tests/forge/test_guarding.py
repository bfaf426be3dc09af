import numpy as np
import pytest

import augforge
from augforge import kernels
from augforge.forge import Batch, Forge
from tests.kernels.chains import affine_ink_kept

RECIPE = """
version: 1
name: t
source: mnist-10k
seed: 7
variants: 2
keep_originals: false
distort:
  - {steps}
guard: {{min_ink_kept: {least}}}
"""


def forge(steps: str, least: float) -> Forge:
    return Forge(augforge.parse_recipe(RECIPE.format(steps=steps, least=least)))


def column(batch: Batch, name: str) -> np.ndarray:
    return batch.parameters[:, batch.columns.index(name)].astype(np.float64)


def kept(made: Batch, of: Forge) -> np.ndarray:
    shifts = kernels.translations(column(made, "shift.x"), column(made, "shift.y"))
    return affine_ink_kept(of.source.images[made.source_index], shifts)


STEPS = "shift: {x: [-14, 14], y: [-14, 14]}"


def test_every_sample_keeps_its_ink() -> None:
    guarded = forge(STEPS, 0.95)
    made = guarded.make(range(16_000))
    assert (kept(made, guarded) >= 0.95).all()
    attempts, pull = column(made, "guard.attempts"), column(made, "guard.pull")
    assert 0 < (attempts > 0).mean() < 1
    assert set(np.unique(attempts)) == set(range(9))
    assert (attempts[pull > 0] == 8).all()
    assert (pull > 0).any()


def test_accepted_samples_are_as_without_guard() -> None:
    guarded, free = (forge(STEPS, least) for least in (0.95, 0.0))
    made, other = guarded.make(range(2000)), free.make(range(2000))
    untouched = column(made, "guard.attempts") == 0
    assert untouched.any()
    np.testing.assert_array_equal(made.images[untouched], other.images[untouched])
    assert "guard.attempts" not in free.columns


def test_redrawn_values_are_independent_of_the_first() -> None:
    made, free = forge(STEPS, 0.95).make(range(16_000)), forge(STEPS, 0.0).make(range(16_000))
    once = (column(made, "guard.attempts") == 1) & (column(made, "guard.pull") == 0)
    assert (column(made, "shift.x")[once] != column(free, "shift.x")[once]).all()


def test_constants_are_pulled_toward_the_identity() -> None:
    guarded = forge("shift: {x: 20}", 0.9)
    made = guarded.make(range(100))
    pull = column(made, "guard.pull")
    assert set(pull) <= {1 - 0.5**n for n in range(1, 9)} | {1.0}
    np.testing.assert_array_equal(column(made, "shift.x"), (20 * (1 - pull)).astype(np.float32))


def test_nothing_less_than_everything_may_be_asked() -> None:
    guarded = forge(STEPS, 1.0)
    assert (kept(guarded.make(range(2000)), guarded) == 1).all()


def test_coins_and_choices_stay() -> None:
    steps = "[{shift: {x: [-14, 14], probability: 0.5}}, {gray_level: {gain: [0.5, 1.5]}}]"
    group = f"one_of: {{id: way, steps: {steps}}}"
    made, free = forge(group, 0.95).make(range(4000)), forge(group, 0.0).make(range(4000))
    for name in ("way.choice", "shift.applied", "gray_level.applied", "gray_level.gain"):
        np.testing.assert_array_equal(column(made, name), column(free, name))
    assert (column(made, "guard.attempts")[column(made, "shift.applied") == 0] == 0).all()


@pytest.mark.parametrize("steps", ["gray_level: {gain: [0.5, 1]}", "pixel_dropout: {fraction: 1}"])
def test_only_geometry_is_guarded(steps: str) -> None:
    made = forge(steps, 1.0).make(range(100))
    assert not column(made, "guard.attempts").any()


def test_all_geometry_counts_together() -> None:
    # There and back again: what counts is where all geometry together leaves the ink.
    guarded = forge(
        "shift: {x: 14, id: there}\n  - gray_level: {bias: 0}\n  - shift: {x: -14, id: back}", 1.0
    )
    assert not column(guarded.make(range(50)), "guard.attempts").any()
