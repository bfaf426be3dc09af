from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augforge.torch.ranks import RankShare


@st.composite
def shares(draw, tail=None, drop_last=None):
    """Draw the shares of all ranks and their begin."""
    samples, world_size = draw(st.integers(0, 200)), draw(st.integers(1, 5))
    batch_size = draw(st.integers(1, 60))
    tail = tail or draw(st.sampled_from(["exact", "pad"]))
    drop = draw(st.booleans()) if drop_last is None else drop_last
    begin = draw(st.integers(0, samples))
    return [RankShare(samples, batch_size, rank, world_size, tail, drop) for rank in range(world_size)], begin


def batches(share, begin):
    return [row.tolist() for span in share.spans(begin) for row in span]


def in_turn(of_ranks):
    """List all ranks' batches in the order of training steps."""
    steps = max(map(len, of_ranks))
    return [rank[step] for step in range(steps) for rank in of_ranks if step < len(rank)]


@given(shares())
def test_count_is_the_number_of_batches(case):
    ranks, begin = case
    for share in ranks:
        assert share.count(begin) == len(batches(share, begin))


@given(shares(tail="exact", drop_last=False))
def test_exact_gives_every_position_once_and_in_order(case):
    ranks, begin = case
    found = [*chain.from_iterable(in_turn([batches(share, begin) for share in ranks]))]
    assert found == list(range(begin, ranks[0].samples))


@given(shares(tail="exact", drop_last=False))
def test_exact_shares_the_rest_evenly(case):
    ranks, begin = case
    sizes = [sum(map(len, batches(share, begin))) for share in ranks]
    assert max(sizes) - min(sizes) <= 1
    assert sizes[0] == max(sizes)
    assert all(size > 0 for share in ranks for size in map(len, batches(share, begin)))


@given(shares(tail="pad", drop_last=False))
def test_pad_gives_all_ranks_equally_many_full_batches(case):
    ranks, begin = case
    of_ranks = [batches(share, begin) for share in ranks]
    assert len({len(found) for found in of_ranks}) == 1
    assert {len(batch) for found in of_ranks for batch in found} <= {ranks[0].batch_size}
    samples = ranks[0].samples
    found = [*chain.from_iterable(in_turn(of_ranks))]
    assert found == [position % samples for position in range(begin, begin + len(found))]
    assert samples - begin <= len(found) < samples - begin + ranks[0].global_batch


@given(shares(drop_last=True))
def test_drop_last_leaves_full_batches_only(case):
    ranks, begin = case
    of_ranks = [batches(share, begin) for share in ranks]
    found = [*chain.from_iterable(in_turn(of_ranks))]
    assert found == list(range(begin, begin + len(found)))
    assert ranks[0].samples - begin - len(found) < ranks[0].global_batch
    assert {len(batch) for batches in of_ranks for batch in batches} <= {ranks[0].batch_size}


def test_a_batch_may_be_larger_than_any_memory():
    share = RankShare(6000, 10**12, 0, 1, "exact", False)
    (span,) = share.spans(0)
    assert np.array_equal(span, [np.arange(6000)])


def test_a_long_share_comes_in_spans():
    share = RankShare(1_000_000, 300, 1, 2, "exact", False)
    spans = list(share.spans(0))
    assert all(span.size <= 16_384 for span in spans)
    assert spans[0][0, 0] == 300
    assert np.concatenate([span.ravel() for span in spans]).size == 500_000
