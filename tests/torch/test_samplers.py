import itertools
import pickle

import pytest
import torch
from fake_digits import fake_dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import BatchSampler, DataLoader, DistributedSampler, Sampler

from augforge.errors import DatasetError
from augforge.torch import make_loader

# Python tells that torch has threads when it forks.
FORKING = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

SHUFFLES = st.sampled_from([{}, {"shuffle": True}, {"shuffle": "window", "window": 20}])


def numbered(samples=100, batch_size=8, **options):
    return make_loader(fake_dataset(samples, 1), batch_size, fields="number", **options)


def numbers(loader):
    return [batch.tolist() for batch in loader]


@given(
    samples=st.integers(0, 90),
    batch_size=st.integers(1, 40),
    world_size=st.integers(1, 4),
    shuffle=SHUFFLES,
    tail=st.sampled_from([None, "exact", "pad"]),
    drop_last=st.booleans(),
    epoch=st.integers(0, 3),
)
@settings(deadline=None)
def test_a_loader_of_torch_with_the_sampler_gives_the_same_batches(
    samples, batch_size, world_size, shuffle, tail, drop_last, epoch
):
    for rank in range(world_size):
        options = {"rank": rank, "world_size": world_size, "tail": tail, "drop_last": drop_last, **shuffle}
        loader = numbered(samples, batch_size, **options)
        loader.sampler.set_epoch(epoch)
        assert loader.epoch == loader.sampler.epoch == epoch
        expected = numbers(loader)
        assert list(loader.batch_sampler) == expected
        assert (len(loader.sampler), len(loader.batch_sampler)) == (sum(map(len, expected)), len(expected))
        by_sampler = DataLoader(loader.dataset, batch_size=batch_size, sampler=loader.sampler)
        by_batches = DataLoader(loader.dataset, batch_sampler=loader.batch_sampler)
        assert numbers(by_sampler) == numbers(by_batches) == expected


def test_a_side_of_a_split_has_its_own_indices():
    side = fake_dataset(10, 3).of_originals(torch.tensor([2, 5]).numpy())
    loader = make_loader(side, 4, shuffle=True, fields="number")
    assert sorted(loader.sampler) == [0, 1, 2, 3, 4, 5]
    by_sampler = DataLoader(loader.dataset, batch_size=4, sampler=loader.sampler)
    assert numbers(by_sampler) == numbers(loader)


@FORKING
@pytest.mark.parametrize("workers", [0, 1])
def test_the_epoch_set_through_the_sampler_is_the_loaders(workers):
    """Look for a sampler in both ways of Lightning and Fabric."""
    options = {
        "shuffle": True,
        "num_workers": workers,
        "multiprocessing_context": "fork" if workers else None,  # spawning imports torch anew
    }
    loader, expected = numbered(**options), numbered(shuffle=True)
    for epoch, sampler in enumerate([loader.sampler, loader.batch_sampler.sampler, loader.sampler]):
        sampler.set_epoch(epoch)
        expected.set_epoch(epoch)
        assert numbers(loader) == numbers(expected)


def test_naming_the_loaded_epoch_through_the_sampler_goes_on_in_the_middle():
    loader, other = numbered(shuffle=True), numbered(shuffle=True)
    loader.set_epoch(2)
    expected = numbers(loader)
    list(itertools.islice(loader, 5))
    other.load_state_dict(loader.state_dict())
    other.sampler.set_epoch(2)
    assert list(other.batch_sampler) == expected
    assert numbers(other) == expected[5:]


def test_frameworks_share_out_only_what_is_one_process_own():
    assert isinstance(numbered().sampler, Sampler)
    assert isinstance(numbered().batch_sampler, BatchSampler)
    assert isinstance(numbered().sampler, DistributedSampler)
    sampler = numbered(rank=1, world_size=3).sampler
    assert (sampler.rank, sampler.num_replicas, sampler.drop_last) == (1, 3, False)
    assert not isinstance(numbered(world_size=1).sampler, DistributedSampler)


class TestAttributes:
    PROBED = (
        *("dataset", "sampler", "batch_sampler", "batch_size", "drop_last", "collate_fn", "num_workers"),
        *("pin_memory", "pin_memory_device", "prefetch_factor", "persistent_workers", "timeout", "generator"),
        *("multiprocessing_context", "worker_init_fn", "in_order", "shuffle", "seed", "epoch", "device"),
        *("num_samples", "total_size", "num_replicas", "rank", "data_source", "state_dict", "no_such_thing"),
        *("__pl_saved_args", "_dataset_kind", "_auto_collation", "_iterator", "total_batch_size"),
    )

    @pytest.mark.parametrize(
        "loader",
        [
            numbered(),
            numbered(rank=1, world_size=3, drop_last=True),
            numbered(world_size=1),
            numbered(num_workers=1),
            numbered(samples=0),
        ],
    )
    def test_are_there_or_absent(self, loader):
        sampler = loader.sampler
        for thing in (loader, sampler, loader.batch_sampler, iter(sampler), iter(loader), loader.dataset):
            for name in {*self.PROBED, *dir(thing)}:
                hasattr(thing, name)  # lets everything but AttributeError through

    def test_a_rank_outside_its_group_raises_where_it_is_used_and_not_where_it_is_looked_up(
        self, monkeypatch
    ):
        loader = numbered(world_size=2)
        pretend(monkeypatch, 3, 4)
        for name in self.PROBED:
            hasattr(loader, name)
            hasattr(loader.sampler, name)
        with pytest.raises(ValueError, match="rank=3; allowed: 0 to 1"):
            next(iter(loader))

    def test_say_what_was_given(self):
        loader = numbered(batch_size=7, drop_last=True, num_workers=2, pin_memory=True)
        found = (loader.batch_size, loader.drop_last, loader.num_workers, loader.pin_memory)
        assert found == (7, True, 2, True)
        found = (
            numbered().drop_last,
            numbered().num_workers,
            numbered().pin_memory,
            numbered().prefetch_factor,
        )
        assert found == (False, 0, False, None)


class TestState:
    """The state that torchdata's StatefulDataLoader saves of a sampler."""

    @pytest.mark.parametrize("taken", [0, 1, 37, 100])
    def test_of_an_iterator_is_where_another_goes_on(self, taken):
        loader, other = numbered(shuffle=True), numbered(shuffle=True)
        loader.set_epoch(3)
        expected = list(loader.sampler)
        iterator = iter(loader.sampler)
        begun = list(itertools.islice(iterator, taken))
        resumed = iter(other.sampler)
        resumed.load_state_dict(pickle.loads(pickle.dumps(iterator.state_dict())))
        assert begun + list(resumed) == expected
        assert other.epoch == 3

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"seed": 1}, "saved with seed=1, this loader has seed=0"),
            ({"samples": 9}, "saved with samples=9, this loader has samples=100"),
            ({"world_size": 2}, "saved with world_size=2, this loader has world_size=1"),
            ({"yielded": 101}, "not the state of a sampler: yielded=101; allowed: 0 to 100"),
            ({"epoch": None}, "not the state of a sampler: epoch=None is not an integer"),
        ],
    )
    def test_of_another_is_refused(self, change, message):
        iterator = iter(numbered(shuffle=True).sampler)
        with pytest.raises(DatasetError, match=message):
            iterator.load_state_dict(iterator.state_dict() | change)


def pretend(monkeypatch, rank, world_size):
    """Let torch.distributed report a rank and a world size."""
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: rank)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: world_size)


class TestRanksOfTorchDistributed:
    def test_are_taken_when_the_first_pass_begins(self, monkeypatch):
        loader = numbered(shuffle=True)
        this = iter(loader)
        pretend(monkeypatch, 1, 3)
        expected = numbered(shuffle=True, rank=1, world_size=3)
        assert len(loader) == len(expected) == 5
        assert numbers(this) == numbers(expected)
        assert list(loader.sampler) == list(expected.sampler)

    def test_decide_the_tail(self, monkeypatch):
        loader = numbered(batch_size=30)
        assert [len(batch) for batch in numbers(loader)] == [30, 30, 30, 10]
        loader = numbered(batch_size=30)
        pretend(monkeypatch, 1, 2)
        assert [len(batch) for batch in numbers(loader)] == [30, 30]

    @pytest.mark.parametrize("given", [{"rank": 0, "world_size": 1}, {"rank": 2, "world_size": 4}])
    def test_explicit_ones_win(self, given, monkeypatch):
        expected = numbers(numbered(**given))
        loader = numbered(**given)
        pretend(monkeypatch, 1, 3)
        assert numbers(loader) == expected
        monkeypatch.undo()
        assert numbers(loader) == expected

    @pytest.mark.parametrize("read", [numbers, lambda loader: list(loader.sampler)])
    def test_a_change_after_the_first_pass_raises(self, read, monkeypatch):
        loader = numbered()
        next(iter(loader))
        pretend(monkeypatch, 1, 2)
        with pytest.raises(RuntimeError, match=r"began as rank 0 of 1, and .* now says rank 1 of 2"):
            read(loader)
        assert len(loader) == 13
        monkeypatch.undo()
        assert len(read(loader)) in (13, 100)

    def test_a_change_before_it_does_not(self, monkeypatch):
        loader = numbered()
        assert len(loader) == 13
        pretend(monkeypatch, 1, 2)
        iter(loader)
        assert len(loader) == 7
        assert numbers(loader) == numbers(numbered(rank=1, world_size=2))

    @FORKING
    def test_transforms_in_workers_differ_between_them(self, monkeypatch):
        def noise(rank):
            pretend(monkeypatch, rank, 2)
            dataset = fake_dataset(fields="image", transform=_noise)
            return torch.cat(list(make_loader(dataset, 10, num_workers=1, multiprocessing_context="fork")))

        assert not noise(0).equal(noise(1))


def _noise(images):
    return torch.randint(100, images.shape)


@pytest.mark.slow("spawns processes of torch")
def test_a_real_group(tmp_path):
    """Test two processes, each with a loader made before the process group."""
    torch.multiprocessing.spawn(_rank, (str(tmp_path),), nprocs=2)
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    expected = [numbers(numbered(shuffle=True, rank=rank, world_size=2)) for rank in range(2)]
    assert found == expected


def _rank(rank, folder):
    loader = numbered(shuffle=True)
    torch.distributed.init_process_group("gloo", f"file://{folder}/group", rank=rank, world_size=2)
    torch.save(numbers(loader), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


class TestPickled:
    @pytest.mark.parametrize("steps", [0, 2])
    @pytest.mark.parametrize("options", [{}, {"num_workers": 1}, {"rank": 1, "world_size": 2}])
    def test_it_stands_where_it_stood(self, options, steps):
        loader = numbered(shuffle=True, **options)
        loader.set_epoch(4)
        list(itertools.islice(loader, steps))
        other = pickle.loads(pickle.dumps(loader))
        assert other.state_dict() == loader.state_dict()
        other.sampler.set_epoch(5)
        assert other.epoch == 5
        assert next(iter(other.batch_sampler)) != next(iter(loader.batch_sampler))


class TestSharedOutTwice:
    """Stand-ins for Accelerate's classes, which divide any sampler's samples."""

    class BatchSamplerShard:
        def __init__(self, batch_sampler):
            self.batch_sampler = batch_sampler

        def __iter__(self):
            for number, batch in enumerate(self.batch_sampler):
                if number % 2:
                    yield batch

    def test_is_refused(self):
        shard = self.BatchSamplerShard(numbered(rank=1, world_size=2).batch_sampler)
        with pytest.raises(
            RuntimeError, match=r"share of one rank, .* BatchSamplerShard would divide it again"
        ):
            list(shard)

    def test_the_whole_order_may_be_shared_out(self):
        assert len(list(self.BatchSamplerShard(numbered(rank=0, world_size=1).batch_sampler))) == 6
