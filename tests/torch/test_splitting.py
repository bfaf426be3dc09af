import numpy as np
import pytest
from fake_digits import fake_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from augforge.torch import make_loader, split_by_source


@given(st.integers(2, 60), st.integers(1, 6), st.floats(0.01, 0.99), st.integers(0, 2**40))
@settings(deadline=None)
def test_no_original_is_on_both_sides_and_none_is_lost(originals, variants, fraction, seed):
    dataset = fake_dataset(originals, variants, fields=("number", "source_index"))
    count = round(fraction * originals)
    if not 0 < count < originals:
        with pytest.raises(ValueError, match="leaves one side empty"):
            split_by_source(dataset, fraction, seed)
        return
    first, second = split_by_source(dataset, fraction, seed)
    assert len(first) == count * variants
    numbers, sources = zip(*(side[:] for side in (first, second)), strict=True)
    assert set(sources[0].tolist()).isdisjoint(sources[1].tolist())
    assert sorted(np.concatenate(numbers).tolist()) == list(range(len(dataset)))


def test_seed_decides():
    def split(seed):
        return split_by_source(fake_dataset(1000), 0.5, seed)[0].originals.tolist()

    assert split(0) == split(0)
    assert split(0) != split(1)


def test_does_not_depend_on_the_number_of_variants():
    few, many = (split_by_source(fake_dataset(100, variants), 0.3)[0] for variants in (2, 9))
    np.testing.assert_array_equal(few.originals, many.originals)


def test_a_side_can_be_split_again():
    rest, test = split_by_source(fake_dataset(20), 0.8)
    training, validation = split_by_source(rest, 0.5)
    parts = [part.originals for part in (training, validation, test)]
    assert [part.size for part in parts] == [8, 8, 4]
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(20))


def test_a_side_keeps_its_options_and_can_be_loaded():
    side, _ = split_by_source(fake_dataset(20, fields="source_index"), 0.5)
    found = np.concatenate([np.asarray(batch) for batch in make_loader(side, 7, shuffle=True)])
    np.testing.assert_array_equal(np.sort(found), np.repeat(side.originals, 5))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan"), 0.01])
def test_a_side_must_not_be_empty(fraction):
    with pytest.raises(ValueError, match=f"fraction {fraction} of 10 originals leaves one side empty"):
        split_by_source(fake_dataset(), fraction)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((fake_dataset(), "x"), "fraction='x' is not a number"),
        ((fake_dataset(), None), "fraction=None is not a number"),
        ((fake_dataset(), 0.5, "x"), "seed='x' is not an integer"),
        (([1, 2], 0.5), "split_by_source takes a ShardDataset, .* not list"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(TypeError, match=message):
        split_by_source(*arguments)


def test_pinned():
    # Published validation scores of users rely on these values: a change mixes their sides.
    assert split_by_source(fake_dataset(), 0.4, 7)[0].originals.tolist() == [4, 5, 7, 8]
