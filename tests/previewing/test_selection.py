import numpy as np
import pytest

from augforge.errors import AugforgeError
from augforge.previewing.selection import choose_originals, find_node, isolate_step, name_original
from augforge.recipe.steps import single_steps
from tests.previewing.conftest import make_source


@pytest.mark.parametrize(
    ("count", "chosen"),
    [
        (1, [4]),  # the first of class 0
        (5, [4, 3, 2, 1, 0]),
        (7, [4, 9, 3, 8, 2, 1, 0]),
        (100, [*range(4, 40, 5), *range(3, 40, 5), *range(2, 40, 5), *range(1, 40, 5), *range(0, 40, 5)]),
    ],
)
def test_one_original_of_each_class_comes_first(count, chosen):
    assert choose_originals(make_source(), count).tolist() == chosen


def test_a_rare_class_is_shown_too():
    labels = np.zeros(40, np.uint8)
    labels[33] = 4
    assert choose_originals(make_source(labels=labels), 3).tolist() == [0, 1, 33]


def test_unlabeled_originals_are_spread():
    assert choose_originals(make_source(labels=None), 4).tolist() == [0, 10, 20, 30]
    assert choose_originals(make_source(3, labels=None), 4).tolist() == [0, 1, 2]


def test_originals_are_named_by_their_class():
    assert name_original(make_source(), 1) == "3"
    assert name_original(make_source(labels=None), 1) == "#1"


@pytest.mark.parametrize("step_id", ["rotate", "pen", "dirt", "shear", "shift"])
def test_a_step_alone_draws_what_it_draws_in_the_whole_recipe(step_id, forge):
    whole = forge()
    alone = isolate_step(whole, find_node(whole.recipe.distort, step_id))
    numbers = np.arange(len(whole.source), len(whole))
    batch, expected = alone.make(numbers), whole.make(numbers)
    alone_by_name = dict(zip(batch.columns, batch.parameters.T, strict=True))
    whole_by_name = dict(zip(expected.columns, expected.parameters.T, strict=True))
    for step in single_steps(alone.recipe.distort):
        compared = (whole_by_name["guard.attempts"] == 0) & (whole_by_name.get(f"{step.id}.applied", 1) == 1)
        assert compared.any()
        for name in step.distortion.drawn():
            assert np.array_equal(
                alone_by_name[f"{step.id}.{name}"][compared], whole_by_name[f"{step.id}.{name}"][compared]
            )


def test_a_step_alone_is_always_applied(forge):
    alone = isolate_step(forge(), find_node(forge().recipe.distort, "shift"))
    assert alone.columns == ("shift.x",)
    assert np.count_nonzero(alone.make(range(40, 80)).parameters) == 40


@pytest.mark.parametrize(
    ("distort", "message"),
    [
        (
            "[{rotate: {degrees: 5}}, {one_of: {id: pen, steps: [{shear: {x: 5}}]}}]",
            "there is no step 'shaer'. Did you mean 'shear'? Steps: rotate, pen, shear",
        ),
        ("[]", "there is no step 'shaer': the recipe has no steps"),
    ],
)
def test_an_unknown_step_raises(distort, message, forge):
    with pytest.raises(AugforgeError) as error:
        find_node(forge(distort).recipe.distort, "shaer")
    assert str(error.value) == message
