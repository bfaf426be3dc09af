import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from augforge.torch.orders import InOrder, Shuffled, WindowShuffled


def whole(order, epoch=0):
    return order.at(np.arange(order.samples), epoch)


@st.composite
def any_order(draw):
    samples, seed = draw(st.integers(0, 400)), draw(st.integers(0, 2**64))
    window = draw(st.integers(1, 500))
    return draw(
        st.sampled_from([InOrder(samples), Shuffled(samples, seed), WindowShuffled(samples, seed, window)])
    )


@given(any_order(), st.integers(0, 3))
@settings(deadline=None)
def test_every_sample_has_one_position(order, epoch):
    np.testing.assert_array_equal(np.sort(whole(order, epoch)), np.arange(order.samples))


@given(any_order(), st.data())
@settings(deadline=None)
def test_a_position_holds_the_same_whatever_is_asked_with_it(order, data):
    positions = data.draw(st.lists(st.integers(0, max(0, order.samples - 1)), max_size=20))
    if order.samples:
        asked = np.array(positions, np.int64)
        np.testing.assert_array_equal(order.at(asked, 1), whole(order, 1)[asked])


def test_in_order_is_in_order():
    np.testing.assert_array_equal(whole(InOrder(7), epoch=3), np.arange(7))


@pytest.mark.parametrize("make", [Shuffled, WindowShuffled])
def test_seed_and_epoch_decide(make):
    order = make(1000, 5)
    np.testing.assert_array_equal(whole(order), whole(make(1000, 5)))
    assert (whole(order) == whole(order, 1)).mean() < 0.02
    assert (whole(order) == whole(make(1000, 6))).mean() < 0.02


@given(st.integers(1, 5000), st.integers(1, 800), st.integers(0, 9))
@settings(deadline=None)
def test_a_window_touches_few_runs(samples, window, seed):
    order = WindowShuffled(samples, seed, window)
    run = max(1, window // 4)
    for first in range(0, samples, window):
        here = order.at(np.arange(first, min(first + window, samples)), 0)
        # Four whole runs; cut at both ends, after the short run, and with a window that is no multiple of four.
        assert np.unique(here // run).size <= -(-window // run) + 2


def test_runs_of_a_window_are_mixed_and_runs_are_in_random_order():
    samples, window = 102_400, 4096
    order = whole(WindowShuffled(samples, 3, window))
    for first in range(0, samples, window):
        here = order[first : first + window]
        cells = np.histogram2d(np.arange(window) * 8 // window, here // 1024 % 97, bins=(8, 97))[0]
        cells = cells[:, cells.any(axis=0)]
        assert stats.chi2_contingency(cells).pvalue > 1e-5
    runs = order.reshape(-1, window) // 1024
    assert abs(np.corrcoef(np.arange(len(runs)), runs.mean(axis=1))[0, 1]) < 0.8


def test_a_set_of_one_window_is_shuffled_completely():
    order = whole(WindowShuffled(10_000, 0, 10_000))
    cells, _, _ = np.histogram2d(np.arange(10_000), order, bins=10)
    assert stats.chisquare(cells.ravel(), ddof=18).pvalue > 1e-4


def test_a_billion_samples_need_no_list():
    positions = np.arange(10**9 - 300_000, 10**9, 1000)
    for order in (Shuffled(10**9, 1), WindowShuffled(10**9, 1)):
        samples = order.at(positions, 4)
        assert np.unique(samples).size == positions.size
        assert 0 <= samples.min() <= samples.max() < 10**9


def test_pinned():
    # Resumed trainings of users rely on these values: a change loses their position.
    assert whole(Shuffled(10, 0)).tolist() == [8, 9, 3, 5, 7, 0, 6, 4, 1, 2]
    assert whole(WindowShuffled(10, 0, 4), epoch=1).tolist() == [6, 9, 8, 5, 3, 1, 7, 2, 4, 0]
