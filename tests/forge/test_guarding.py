from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import augforge
from augforge import kernels
from augforge.errors import RecipeError
from augforge.forge import Batch, Forge, guarding
from augforge.forge.measuring import measure_pixels
from augforge.recipe.guard import GUARD_KINDS
from augforge.sources import Source
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


def measure_ink_kept(made: Batch, of: Forge) -> np.ndarray:
    shifts = kernels.translations(column(made, "shift.x"), column(made, "shift.y"))
    return affine_ink_kept(of.source.images[made.source_index], shifts)


STEPS = "shift: {x: [-14, 14], y: [-14, 14]}"


def test_every_sample_keeps_its_ink() -> None:
    guarded = forge(STEPS, 0.95)
    made = guarded.make(range(16_000))
    assert (measure_ink_kept(made, guarded) >= 0.95).all()
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


def test_all_ink_can_be_required() -> None:
    guarded = forge(STEPS, 1.0)
    assert (measure_ink_kept(guarded.make(range(2000)), guarded) == 1).all()


def test_coins_and_choices_are_not_redrawn() -> None:
    steps = "[{shift: {x: [-14, 14], probability: 0.5}}, {gray_level: {gain: [0.5, 1.5]}}]"
    group = f"one_of: {{id: way, steps: {steps}}}"
    made, free = forge(group, 0.95).make(range(4000)), forge(group, 0.0).make(range(4000))
    for name in ("way.choice", "shift.applied", "gray_level.applied", "gray_level.gain"):
        np.testing.assert_array_equal(column(made, name), column(free, name))
    assert (column(made, "guard.attempts")[column(made, "shift.applied") == 0] == 0).all()


@pytest.mark.parametrize(
    "steps",
    [
        "gray_level: {gain: [0.5, 1]}",
        "pixel_dropout: {fraction: 1}",
        "stroke_width: {pixels: [0.5, 2]}",
        "gap: {count: 2, length: 2}",
    ],
)
def test_only_geometry_is_guarded(steps: str) -> None:
    made = forge(steps, 1.0).make(range(100))
    assert not column(made, "guard.attempts").any()


def test_geometry_is_judged_as_a_whole() -> None:
    # The second shift undoes the first.
    guarded = forge(
        "shift: {x: 14, id: there}\n  - gray_level: {bias: 0}\n  - shift: {x: -14, id: back}", 1.0
    )
    assert not column(guarded.make(range(50)), "guard.attempts").any()


# Guards by kind.


def guarded(steps: str, guard: str, **more: str) -> Forge:
    head = "".join(f"{key}: {value}\n" for key, value in more.items())
    return Forge(
        augforge.parse_recipe(
            f"version: 1\nname: t\nsource: mnist-10k\nseed: 7\nvariants: 2\nkeep_originals: false\n{head}"
            f"distort: [{steps}]\nguard: {{{guard}}}"
        )
    )


def find_turns(made: Batch) -> np.ndarray:
    return np.abs(column(made, "rotate.degrees"))


def test_turns_are_limited_by_class() -> None:
    forge = guarded("{rotate: {degrees: [-90, 90]}}", "max_turn: [60, {limit: 20, for_labels: [6, 9]}]")
    made = forge.make(range(4000))
    six_or_nine = np.isin(made.labels, [6, 9])
    assert find_turns(made)[six_or_nine].max() <= 20 + 1e-5
    assert 59 < find_turns(made)[~six_or_nine].max() <= 60 + 1e-5
    assert "guard.max_turn" in forge.columns
    assert column(made, "guard.max_turn").any()


def test_turns_of_several_steps_add_up() -> None:
    there_and_back = "{rotate: {degrees: 80}}, {gray_level: {gain: 1}}, {rotate: {degrees: -70, id: back}}"
    assert not column(guarded(there_and_back, "max_turn: 10.001").make(range(50)), "guard.attempts").any()
    assert column(guarded(there_and_back, "max_turn: 9.999").make(range(50)), "guard.attempts").all()
    # A shear turns by about half its angle; a scale does not turn.
    lean = guarded("{shear: {x: 30}}, {scale: {x: 0.5, y: 2}}", "max_turn: 1").make(range(50))
    assert column(lean, "guard.max_turn").all()


@pytest.mark.parametrize("steps", ["{stroke_width: {pixels: [0, 4]}}", "{scale: {factor: [1, 1.6]}}"])
def test_ink_grows_by_no_more_than_its_share(steps: str) -> None:
    forge = guarded(steps, "max_ink_growth: 0.5")
    made = forge.make(range(2000))
    before = forge.originals(made.source_index).sum(axis=(1, 2), dtype=np.int64)
    after = made.images.sum(axis=(1, 2), dtype=np.int64)
    assert (after <= 1.5 * before).all()
    assert (after > 1.45 * before).any()


def count_components(images: np.ndarray, levels: np.ndarray) -> np.ndarray:
    return kernels.count_components(images, levels, 3)


def test_strokes_keep_their_components_and_holes() -> None:
    steps = "{stroke_width: {pixels: [0, 4]}}, {gap: {count: [0, 2], length: [1, 3]}}"
    forge, free = guarded(steps, "max_stroke_changes: 0"), guarded(steps, "max_stroke_changes: 255")
    made, unguarded = forge.make(range(2000)), free.make(range(2000))
    originals = forge.originals(made.source_index)
    levels = ((originals.max(axis=(1, 2)).astype(int) + 1) // 2).astype(np.uint8)
    before = count_components(originals, levels)
    np.testing.assert_array_equal(count_components(made.images, levels), before)
    changed = (count_components(unguarded.images, levels) != before).any(axis=1)
    assert 0.2 < changed.mean() < 0.95
    np.testing.assert_array_equal(column(made, "guard.max_stroke_changes") > 0, changed)
    np.testing.assert_array_equal(made.images[~changed], unguarded.images[~changed])


def test_noise_is_not_a_component() -> None:
    forge = guarded(
        "{pixel_noise: {fraction: 0.2, value: 255}}, {rotate: {degrees: 0}}", "max_stroke_changes: 0"
    )
    assert not column(forge.make(range(100)), "guard.attempts").any()


def measure_contrast(forge: Forge, made: Batch) -> np.ndarray:
    originals = forge.originals(made.source_index).astype(int)
    half = (originals.max(axis=(1, 2), keepdims=True) + 1) // 2
    images, strokes, paper = made.images.astype(float), originals >= half, 4 * originals < half
    sums = [(images * where).sum(axis=(1, 2)) / where.sum(axis=(1, 2)) for where in (strokes, paper)]
    return np.abs(sums[0] - sums[1])


@pytest.mark.parametrize(
    "steps",
    [
        "{gray_level: {gain: [0.1, 1]}}",
        "{background: {level: [0, 220]}}",
        "{invert: {}}, {contrast: {factor: [0.1, 1]}}",
        "{blur: {sigma: 0.1}}, {gray_level: {gain: [0.2, 1]}}, {gaussian_noise: {sd: [0, 20]}}",
    ],
)
def test_strokes_stand_out_from_the_paper(steps: str) -> None:
    forge = guarded(steps, "min_contrast: 80")
    made = forge.make(range(1000))
    assert measure_contrast(forge, made).min() >= 80 - 1e-9
    attempts = column(made, "guard.level_attempts")
    assert 0 < (attempts > 0).mean() < 1
    np.testing.assert_array_equal(column(made, "guard.min_contrast") > 0, attempts > 0)
    free = guarded(steps, "").make(range(1000))
    np.testing.assert_array_equal(made.images[attempts == 0], free.images[attempts == 0])


def test_shape_and_levels_are_judged_separately() -> None:
    # Steps of levels before and after shape: all are rendered in the listed order.
    steps = (
        "{gray_level: {gain: [0.2, 1], id: ink}}, {rotate: {degrees: [-90, 90]}}, "
        "{pixel_dropout: {fraction: [0, 0.2]}}, {shift: {x: [-8, 8]}}, {background: {level: [0, 100]}}"
    )
    forge = guarded(steps, "max_turn: 30, min_ink_kept: 0.95, min_contrast: 60, max_stroke_changes: 2")
    made, free = forge.make(range(1500)), guarded(steps, "").make(range(1500))
    assert find_turns(made).max() <= 30 + 1e-5
    shape, levels = column(made, "guard.attempts") > 0, column(made, "guard.level_attempts") > 0
    for name in ("ink.gain", "pixel_dropout.fraction", "background.level"):
        np.testing.assert_array_equal(column(made, name)[~levels], column(free, name)[~levels])
        assert (column(made, name)[levels] != column(free, name)[levels]).all()
    for name in ("rotate.degrees", "shift.x"):
        np.testing.assert_array_equal(column(made, name)[~shape], column(free, name)[~shape])
        assert (column(made, name)[shape] != column(free, name)[shape]).all()
    same = ~shape & ~levels
    np.testing.assert_array_equal(made.images[same], free.images[same])


def test_a_sample_alone_is_the_same_under_every_guard() -> None:
    steps = (
        "{elastic: {displacement: [0, 6], smoothness: [2, 5]}}, {stroke_width: {pixels: [-2, 3]}}, "
        "{rotate: {degrees: [-60, 60]}}, {gray_level: {gain: [0.1, 1]}}, {invert: {probability: 0.5}}"
    )
    guard = "min_ink_kept: 0.98, max_turn: 40, max_ink_growth: 0.3, max_stroke_changes: 0, min_contrast: 60"
    forge = guarded(steps, guard)
    whole = forge.make(range(600))
    assert (column(whole, "guard.attempts") > 0).mean() > 0.2
    for number in range(0, 600, 23):
        alone = forge.make([number])
        np.testing.assert_array_equal(alone.images[0], whole.images[number])
        np.testing.assert_array_equal(alone.parameters[0], whole.parameters[number])


def test_redrawn_fields_differ_and_are_recorded() -> None:
    forge = guarded("{elastic: {displacement: 4, smoothness: 3}}", "min_ink_kept: 0.999")
    made, free = (
        forge.make(range(2000)),
        guarded("{elastic: {displacement: 4, smoothness: 3}}", "").make(range(2000)),
    )
    again = (column(made, "guard.attempts") == 1) & (column(made, "guard.pull") == 0)
    assert again.any()
    assert (made.images[again] != free.images[again]).any(axis=(1, 2)).all()
    # Displacements that would fold are lowered, and recorded as such.
    lowered = column(made, "elastic.displacement")
    assert (lowered < 4).any()
    assert (lowered > 0).all()


def test_guards_of_levels_and_imgaug_exclude_each_other() -> None:
    with pytest.raises(RecipeError, match="'min_contrast' cannot be used with step 'imgaug'"):
        guarded("{imgaug: {augmenter: GaussianBlur, sigma: 1}}", "min_contrast: 60")


def test_guards_are_limited_to_existing_classes() -> None:
    with pytest.raises(
        RecipeError,
        match="the guard 'max_turn' names class 12, but the source 'mnist-10k' has classes 0 to 9",
    ):
        guarded("{rotate: {degrees: 5}}", "max_turn: {limit: 3, for_labels: [12]}")


def test_blank_originals_pass_every_guard() -> None:
    source = Source.from_arrays("blank", "train", np.zeros((4, 28, 28), np.uint8), None)
    recipe = augforge.parse_recipe(
        "version: 1\nname: t\nsource: {path: /nowhere}\nkeep_originals: false\n"
        "distort: [{elastic: {displacement: 3, smoothness: 3}}, {stroke_width: {pixels: 2}}]\n"
        "guard: {min_ink_kept: 1, max_ink_growth: 0, max_stroke_changes: 0, min_contrast: 255}"
    )
    made = Forge(recipe, source).make(range(4))
    assert not made.images.any()
    assert not column(made, "guard.attempts").any()


def test_only_rejected_samples_are_rendered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    render = guarding.render

    def counted(images: np.ndarray, steps: Any, *chain: Any) -> np.ndarray:
        sizes.append((len(images), [step.step_id for step in steps]))
        return render(images, steps, *chain)

    monkeypatch.setattr(guarding, "render", counted)
    steps = "{stroke_width: {pixels: [0, 3]}}, {gray_level: {gain: [0.2, 1]}}"
    made = guarded(steps, "max_stroke_changes: 0, min_contrast: 60").make(range(500))
    shape = (column(made, "guard.attempts") > 0).sum()
    levels = (column(made, "guard.level_attempts") > 0).sum()
    assert 0 < levels < shape < 250
    # First all samples by shape, then the rejected ones; then all with their levels, and again the rejected ones.
    by_shape = [size for size, ids in sizes if ids == ["stroke_width"]]
    by_levels = [size for size, ids in sizes if ids == ["gray_level"]]
    for again, rejected in ((by_shape, shape), (by_levels, levels)):
        assert again[:2] == [500, rejected]
        assert again == sorted(again, reverse=True)


@pytest.mark.parametrize("between", ["", "{stroke_width: {pixels: [0, 1]}}, "])
def test_a_guards_chain_is_rendered_if_it_holds_all_geometry(
    between: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = f"{{rotate: {{degrees: [-30, 30]}}}}, {between}{{shift: {{x: [-9, 9]}}}}"
    forge = guarded(steps, "min_ink_kept: 0.9, max_ink_growth: 0.9, min_contrast: 60")
    made, render = forge.make(range(300)), guarding.render
    monkeypatch.setattr(guarding, "render", lambda images, steps, *chain: render(images, steps))
    np.testing.assert_array_equal(made.images, forge.make(range(300)).images)
    monkeypatch.setattr(guarding, "compose_geometry", lambda steps: None)
    monkeypatch.setattr(guarding, "render", render)
    assert not np.array_equal(made.images, forge.make(range(300)).images)


def test_without_geometry_nothing_turns() -> None:
    made = guarded("{smudge: {length: 4, degrees: 0, strength: 0.5}}", "max_turn: 0").make(range(100))
    assert not column(made, "guard.attempts").any()
    assert (column(made, "smudge.length") == 4).all()


def test_kept_originals_are_not_judged() -> None:
    steps = "{stroke_width: {pixels: [-2, 2]}}, {gray_level: {gain: [0.1, 0.3]}}"
    forge = guarded(steps, "max_ink_growth: 0, min_contrast: 250")
    recipe = replace(forge.recipe, keep_originals=True)
    made = Forge(recipe).make(range(8000, 8500)), Forge(recipe).make(range(500))
    judged = [name for name in forge.columns if name.startswith("guard.")]
    assert all(column(made[0], name).any() for name in judged)
    assert not any(column(made[1], name).any() for name in judged)
    np.testing.assert_array_equal(made[1].images, forge.originals(np.arange(500)))


def test_shapes_without_enough_contrast_are_redrawn() -> None:
    forge = guarded("{stroke_width: {pixels: [-0.5, 0.5]}}", "min_contrast: 230")
    made, free = forge.make(range(400)), guarded("{stroke_width: {pixels: [-0.5, 0.5]}}", "").make(range(400))
    originals = forge.originals(made.source_index)
    (kind,) = (kind for kind in GUARD_KINDS if kind.name == "min_contrast")
    before = measure_pixels(kind, originals, originals, originals)
    after = measure_pixels(kind, originals, made.images, made.images)
    again = column(made, "guard.attempts") > 0
    assert 0 < again.mean() < 1
    # Samples reach the limit if their original does; fainter ones keep half of its contrast.
    assert after[before >= 230].min() >= 230
    assert (before < 230).any()
    assert (after >= before / 2).all()
    # Without steps of levels, nothing else is redrawn.
    assert not column(made, "guard.level_attempts").any()
    np.testing.assert_array_equal(made.images[~again], free.images[~again])


def test_faint_or_lost_ink_has_no_contrast() -> None:
    faint = guarded("{scale: {factor: 0.15}}, {gray_level: {gain: 0.2}}", "min_contrast: 60").make(range(200))
    assert (column(faint, "guard.min_contrast") > 0).mean() > 0.95
    lost = guarded("{shift: {x: 40}}, {gray_level: {gain: 0.9}}", "min_contrast: 60").make(range(50))
    assert (column(lost, "guard.pull") > 0).all()
    assert (column(lost, "guard.min_contrast") > 0).all()


def test_guards_of_shape_and_blocks_that_reshape_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augforge.distortions.imgaug_step.ImgaugStep.shapes", True)
    with pytest.raises(RecipeError, match="'max_turn' cannot be used with step 'imgaug'"):
        guarded("{imgaug: {augmenter: Affine, rotate: [-10, 10]}}", "max_turn: 5")


@pytest.mark.parametrize(
    "steps",
    [
        "{shift: {x: 30}}",
        "{shift: {x: [-60, 60], y: [-60, 60]}}, {gray_level: {gain: [0.2, 1]}}",
        "{crop_and_pad: {left: -27}}",
    ],
)
def test_no_sample_without_ink_passes_min_contrast(steps: str) -> None:
    forge, free = guarded(steps, "min_contrast: 60"), guarded(steps, "")
    made, unguarded = forge.make(range(500)), free.make(range(500))
    blank = ~unguarded.images.any(axis=(1, 2))
    assert blank.any()
    # One gray pixel at the edge is not enough.
    assert made.images.max(axis=(1, 2)).min() >= 60
    again = column(made, "guard.attempts") > 0
    assert again[blank].all()
    assert again.sum() - blank.sum() < 0.05 * blank.sum()
    assert (column(made, "guard.min_contrast")[again] > 0).all()


def test_min_contrast_judges_ink_by_class() -> None:
    forge = guarded("{shift: {x: 30}}", "min_contrast: {limit: 60, for_labels: [1]}")
    made = forge.make(range(300))
    np.testing.assert_array_equal(made.images.any(axis=(1, 2)), made.labels == 1)
