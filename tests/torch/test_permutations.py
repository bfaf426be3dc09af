import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from augforge.torch.permutations import FeistelPermutation, SortedPermutation, _choose_rectangle, permutation

KINDS = pytest.mark.parametrize("kind", [SortedPermutation, FeistelPermutation])
SIZES = pytest.mark.parametrize("size", [65_537, 99_991, 262_144, 540_000])


def whole(size, seed=0, purpose="test", epoch=0, part=0, kind=permutation):
    return kind(size, seed, purpose, epoch, part)(np.arange(size))


@KINDS
@given(
    size=st.integers(0, 5000),
    seed=st.integers(-5, 2**70),
    epoch=st.integers(0, 2**32 - 1),
    part=st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_is_a_permutation(kind, size, seed, epoch, part):
    order = whole(size, seed, "test", epoch, part, kind)
    np.testing.assert_array_equal(np.sort(order), np.arange(size))


@SIZES
def test_is_a_permutation_of_large_sizes(size):
    assert (np.bincount(whole(size), minlength=size) == 1).all()


@KINDS
def test_any_part_equals_the_whole(kind):
    order = whole(1009, kind=kind)
    positions = np.random.default_rng(0).permutation(1009)[:300]
    np.testing.assert_array_equal(kind(1009, 0, "test")(positions), order[positions])


@given(size=st.integers(1, 10**6), seed=st.integers(0, 9), data=st.data())
@settings(deadline=None)
def test_the_network_in_plain_python(size, seed, data):
    shuffle = FeistelPermutation(size, seed, "test")
    positions = data.draw(st.lists(st.integers(0, shuffle.size - 1), max_size=20))
    found = shuffle(np.array(positions, np.int64))
    assert found.tolist() == [_sent_through(shuffle, number) for number in positions]


def _sent_through(shuffle, number):
    down, across = (table.tolist() for table in shuffle._shifts)
    while True:
        row, column = divmod(number, shuffle._columns)
        for columns_move, rows_move in zip(down, across, strict=True):
            row = (row + columns_move[column]) % shuffle._rows
            column = (column + rows_move[row]) % shuffle._columns
        number = row * shuffle._columns + column
        if number < shuffle.size:
            return number


@given(st.integers(1, 2**62))
def test_the_rectangle_holds_all_and_is_nearly_square(size):
    rows, columns = _choose_rectangle(size)
    assert size <= rows * columns < size + rows
    assert rows <= 2 * columns + 2


def test_billions_need_small_tables_only():
    shuffle = permutation(10**12, 3, "test")
    numbers = shuffle(np.arange(10**12 - 1000, 10**12))
    assert np.unique(numbers).size == 1000
    assert numbers.min() >= 0
    assert numbers.max() < 10**12
    assert sum(table.nbytes for table in shuffle._shifts) < 100e6


@KINDS
def test_every_argument_matters(kind):
    changes = [{}, {"seed": 1}, {"purpose": "other"}, {"epoch": 1}, {"part": 1}]
    orders = [whole(100, kind=kind, **change) for change in changes]
    for one, other in itertools.combinations(orders, 2):
        assert (one == other).mean() < 0.2


@KINDS
def test_input_is_not_written_to(kind):
    positions = np.arange(50)
    kind(50, 0, "test")(positions)
    np.testing.assert_array_equal(positions, np.arange(50))


def test_kept_while_it_is_used():
    assert permutation(10, 0, "test") is permutation(10, 0, "test")


def test_pinned():
    # Resumed trainings of users rely on these values: a change loses their position.
    assert whole(10).tolist() == [9, 2, 8, 4, 6, 1, 0, 5, 3, 7]
    assert permutation(10**9, 7, "shuffle", 2)(np.arange(4)).tolist() == [
        441376896,
        925191096,
        916563314,
        971307107,
    ]


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_all_orders_of_a_few_are_equally_likely(size):
    orders = list(itertools.permutations(range(size)))
    seen = Counter(tuple(whole(size, seed)) for seed in range(20 * len(orders)))
    assert stats.chisquare([seen[order] for order in orders]).pvalue > 1e-4


@KINDS
def test_any_position_holds_any_value(kind):
    size, draws = 30, 1500
    counts = np.zeros((size, size))
    for seed in range(draws):
        counts[np.arange(size), whole(size, seed, kind=kind)] += 1
    statistic = ((counts - draws / size) ** 2 / (draws / size)).sum()
    assert stats.chi2.sf(statistic, (size - 1) ** 2) > 1e-4


@SIZES
def test_position_says_nothing_about_value(size):
    order = whole(size)
    cells, _, _ = np.histogram2d(np.arange(size), order, bins=16)
    assert stats.chisquare(cells.ravel(), ddof=30).pvalue > 1e-4
    assert np.count_nonzero(order == np.arange(size)) < 10  # Poisson of mean 1


@SIZES
def test_neighbours_are_unrelated(size):
    order = whole(size, 5)
    columns = _choose_rectangle(size)[1]
    for lag in (1, 2, columns, columns + 1, 60_000):
        correlation = np.corrcoef(order[:-lag], order[lag:])[0, 1]
        assert abs(correlation) < 4.5 / np.sqrt(size - lag)
        steps = (order[lag:] - order[:-lag]) % size
        cells = np.bincount(steps * 64 // size, minlength=64)
        assert stats.chisquare(cells).pvalue > 1e-4
        # A difference repeated too often would mean that neighbors move together.
        assert np.unique(steps, return_counts=True)[1].max() < 15


def test_low_digits_are_uniform_too():
    order = whole(540_000, 9)
    for modulus in (2, 10, 64, 784):
        cells = np.histogram2d(np.arange(order.size) * 8 // order.size, order % modulus, bins=(8, modulus))[0]
        assert stats.chi2_contingency(cells).pvalue > 1e-4


def test_epochs_are_unrelated():
    one, other = whole(100_000, 3, epoch=0), whole(100_000, 3, epoch=1)
    assert abs(np.corrcoef(one, other)[0, 1]) < 4.5 / np.sqrt(100_000)
    assert np.count_nonzero(one == other) < 10
