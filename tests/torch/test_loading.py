import itertools
import json

import numpy as np
import pytest
import torch
from fake_digits import FakeReader, fake_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from augforge.errors import DatasetError
from augforge.torch import make_loader

# torch warns of two workers on one core; Python warns of forks while torch has threads.
WORKERS = pytest.mark.filterwarnings(
    "ignore:This DataLoader will create", "ignore:This process .* is multi-threaded:DeprecationWarning"
)

SHUFFLES = st.sampled_from([{}, {"shuffle": True}, {"shuffle": "window", "window": 20}])


def numbers(loader):
    """List the sample numbers of each batch."""
    return [batch.tolist() for batch in loader]


def numbered(originals=10, variants=10, batch_size=8, **options):
    return make_loader(fake_dataset(originals, variants), batch_size, fields="number", **options)


def ranks(dataset, world_size, **options):
    return [
        make_loader(dataset, rank=rank, world_size=world_size, fields="number", **options)
        for rank in range(world_size)
    ]


def in_turn(passes):
    """List all ranks' samples in the order of training steps."""
    return [
        number for step in itertools.zip_longest(*passes, fillvalue=[]) for batch in step for number in batch
    ]


class TestBatches:
    def test_are_images_and_labels(self):
        images, labels = next(iter(make_loader(fake_dataset(), 8)))
        assert images.dtype == torch.uint8
        assert images.shape == (8, 1, 3, 2)
        assert labels.dtype == torch.int64
        assert labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]

    def test_fields_scale_and_transform(self):
        dataset = fake_dataset()
        loader = make_loader(dataset, 8, fields=("label", "image"), scale=True, transform=torch.negative)
        labels, images = next(iter(loader))
        assert labels.shape == (8,)
        assert images.equal(-(dataset[:8][0] / 255))
        assert len(dataset[0]) == 2

    def test_come_in_order_unless_shuffled(self):
        assert in_turn([numbers(numbered())]) == list(range(100))

    def test_of_an_empty_set(self):
        loader = numbered(originals=0, shuffle=True)
        assert len(loader) == 0
        assert numbers(loader) == []
        loader.load_state_dict(loader.state_dict())

    def test_leave_torchs_random_numbers_alone(self):
        before = torch.get_rng_state()
        numbers(numbered(shuffle=True))
        numbers(numbered(shuffle=True, pin_memory=False))
        assert torch.get_rng_state().equal(before)


class TestStretches:
    """Batches are read several at a time."""

    def test_hold_as_many_batches_as_fit(self):
        dataset = fake_dataset(10, 1000)
        assert [len(labels) for _, labels in make_loader(dataset, 300)] == [*[300] * 33, 100]
        assert dataset._reader.shapes == [(13, 300), (13, 300), (7, 300), (1, 100)]

    def test_are_one_batch_where_frames_or_batches_are_large(self):
        dataset = fake_dataset(10, 2, image_shape=(1024, 1024))
        list(make_loader(dataset, 4))
        assert dataset._reader.shapes == [(1, 4)] * 5
        dataset = fake_dataset(10, 1000)
        list(make_loader(dataset, 5000))
        assert dataset._reader.shapes == [(1, 5000)] * 2

    def test_give_each_batch_its_own_part(self):
        batches = [images for images, _ in make_loader(fake_dataset(10, 10), 8)]
        expected = [images.clone() for images in batches]
        for images in batches[::2]:
            images.zero_()
        assert all(one.equal(other) for one, other in zip(batches[1::2], expected[1::2], strict=True))

    @WORKERS
    @pytest.mark.parametrize("fields", ["number", ("image", "parameters")])
    def test_from_workers_are_cut_alike(self, fields):
        dataset = fake_dataset(10, 100, fields=fields)
        for one, other in zip(make_loader(dataset, 7, num_workers=2), make_loader(dataset, 7), strict=True):
            pairs = [(one, other)] if fields == "number" else zip(one, other, strict=True)
            assert all(values.equal(expected) for values, expected in pairs)

    @WORKERS
    def test_leave_work_for_every_worker(self):
        loader = make_loader(fake_dataset(10, 10, reader=_WorkerReader, fields="label"), 10, num_workers=2)
        assert {labels[0].item() for labels in loader} == {0, 1}

    @WORKERS
    @pytest.mark.parametrize("workers", [0, 1])
    def test_are_transformed_batch_by_batch(self, workers):
        dataset = fake_dataset(10, 10, fields="image", transform=_row_count)
        assert list(make_loader(dataset, 30, num_workers=workers, pin_memory=False)) == [30, 30, 30, 10]
        assert list(make_loader(dataset, 30)) == [30, 30, 30, 10]


class _WorkerReader(FakeReader):
    def read(self, numbers, fields):
        worker = torch.utils.data.get_worker_info().id
        return super().read(numbers, fields) | {"label": np.full(len(numbers), worker, np.uint8)}


def _row_count(images):
    return len(images)


class TestOrder:
    def test_seed_and_epoch_decide(self):
        loader, other = numbered(shuffle=True), numbered(shuffle=True)
        first = numbers(loader)
        assert first == numbers(loader) == numbers(other)
        loader.set_epoch(1)
        assert first != numbers(loader)
        loader.set_epoch(0)
        assert first == numbers(loader)
        assert first != numbers(numbered(shuffle=True, seed=1))

    def test_batch_size_and_ranks_do_not(self):
        expected = in_turn([numbers(numbered(shuffle=True))])
        assert in_turn([numbers(numbered(shuffle=True, batch_size=33))]) == expected
        loaders = ranks(fake_dataset(10, 10), 3, batch_size=7, shuffle=True, tail="exact")
        assert in_turn([numbers(loader) for loader in loaders]) == expected

    @WORKERS
    @pytest.mark.parametrize("shuffle", [False, True, "window"])
    def test_workers_do_not(self, shuffle):
        expected = numbers(numbered(shuffle=shuffle, seed=3))
        assert numbers(numbered(shuffle=shuffle, seed=3, num_workers=2)) == expected

    @WORKERS
    @pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
    def test_start_methods_do_not(self, method):
        loader = numbered(shuffle=True, num_workers=1, multiprocessing_context=method)
        assert numbers(loader) == numbers(numbered(shuffle=True))

    @WORKERS
    def test_persistent_workers_see_each_epoch(self):
        loader = numbered(shuffle=True, num_workers=2, persistent_workers=True, prefetch_factor=3)
        plain = numbered(shuffle=True)
        next(iter(loader))
        for epoch in (0, 0, 1):
            loader.set_epoch(epoch)
            plain.set_epoch(epoch)
            assert numbers(loader) == numbers(plain)


def add_noise(images):
    return images + torch.randint(100, images.shape)


@WORKERS
def test_transforms_in_workers_differ_between_ranks_and_repeat_with_the_seed():
    def load(**options):
        dataset = fake_dataset(fields="image", transform=add_noise)
        return torch.cat(list(make_loader(dataset, 10, num_workers=1, **options)))

    assert load().equal(load())
    assert not load().equal(load(seed=1))
    first, second = load(world_size=2), load(world_size=2, rank=1)
    noise = [
        images[:10] - fake_dataset()[start : start + 10][0] for images, start in ((first, 0), (second, 10))
    ]
    assert not noise[0].equal(noise[1])


class TestTail:
    def test_one_rank_is_exact(self):
        assert [len(batch) for batch in numbers(numbered(batch_size=30))] == [30, 30, 30, 10]

    def test_several_are_padded(self):
        passes = [numbers(loader) for loader in ranks(fake_dataset(10, 10), 3, batch_size=15)]
        assert [[len(batch) for batch in found] for found in passes] == [[15, 15, 15]] * 3
        assert in_turn(passes) == [*range(100), *range(35)]

    def test_can_be_chosen(self):
        passes = [numbers(loader) for loader in ranks(fake_dataset(10, 10), 3, batch_size=15, tail="exact")]
        assert [len(found[-1]) for found in passes] == [4, 3, 3]
        assert len(numbers(numbered(batch_size=30, tail="pad"))[-1]) == 30

    def test_can_be_dropped(self):
        assert [len(batch) for batch in numbers(numbered(batch_size=30, drop_last=True))] == [30, 30, 30]


class TestLength:
    @given(st.integers(0, 50), st.integers(1, 60), st.integers(1, 4), SHUFFLES, st.booleans())
    @settings(deadline=None)
    def test_is_the_number_of_batches(self, samples, batch_size, world_size, shuffle, drop_last):
        dataset = fake_dataset(samples, 1)
        for loader in ranks(dataset, world_size, batch_size=batch_size, drop_last=drop_last, **shuffle):
            assert len(numbers(loader)) == len(loader)

    @given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 4), st.booleans(), st.integers(0, 9))
    @settings(deadline=None)
    def test_is_that_of_a_whole_epoch_at_all_times(self, samples, batch_size, world_size, drop_last, steps):
        loaders = ranks(fake_dataset(samples, 1), world_size, batch_size=batch_size, drop_last=drop_last)
        others = ranks(fake_dataset(samples, 1), world_size, batch_size=batch_size, drop_last=drop_last)
        for loader, other in zip(loaders, others, strict=True):
            whole = len(numbers(other))
            list(itertools.islice(loader, steps))
            other.load_state_dict(loader.state_dict())
            assert (len(loader), len(other)) == (whole, whole)
            assert [len(other) for _ in other] == [whole] * (whole - min(steps, whole))
            assert len(other) == whole


class TestPasses:
    """A pass begins with its first batch, not when a framework asks for an iterator."""

    def test_an_iterator_that_nobody_reads_costs_nothing(self):
        loader, other = numbered(), numbered()
        list(itertools.islice(loader, 3))
        other.load_state_dict(loader.state_dict())
        iter(other)
        assert other.state_dict() == loader.state_dict()
        assert numbers(other)[0] == list(range(24, 32))

    @WORKERS
    @pytest.mark.parametrize("workers", [0, 1])
    def test_an_epoch_or_state_set_before_its_first_batch_counts(self, workers):
        loader, expected = numbered(shuffle=True, num_workers=workers), numbered(shuffle=True)
        expected.set_epoch(1)
        first = numbers(expected)
        this = iter(loader)
        loader.set_epoch(1)
        assert numbers(this) == first

        list(itertools.islice(expected, 3))
        state = expected.state_dict()
        this = iter(loader)
        loader.load_state_dict(state)
        assert loader.state_dict() == state
        assert numbers(this) == first[3:]

    def test_a_finished_state_and_the_next_epoch(self):
        """Resume as Lightning does from a checkpoint at the end of an epoch."""
        loader, other = numbered(shuffle=True), numbered(shuffle=True)
        numbers(loader)
        other.load_state_dict(loader.state_dict())
        this = iter(other)
        other.set_epoch(1)
        loader.set_epoch(1)
        assert numbers(this) == numbers(loader)


class TestLaws:
    """Properties for any samples, ranks and batches, wherever training stops and resumes."""

    @given(
        samples=st.integers(1, 120),
        epoch=st.integers(0, 5),
        shuffle=SHUFFLES,
        seed=st.integers(0, 99),
        sessions=st.lists(st.tuples(st.integers(1, 4), st.integers(1, 40), st.integers(0, 5)), max_size=4),
        last=st.tuples(st.integers(1, 4), st.integers(1, 40), st.none()),
    )
    @settings(deadline=None, max_examples=200)
    def test_resumed_is_uninterrupted(self, samples, epoch, shuffle, seed, sessions, last):
        dataset, shuffle = fake_dataset(samples, 1), {"seed": seed, **shuffle}
        expected = in_turn([numbers(_at(make_loader(dataset, 7, fields="number", **shuffle), epoch))])
        assert sorted(expected) == list(range(samples))

        seen, state = [], None
        for world_size, batch_size, steps in [*sessions, last]:
            loaders = ranks(dataset, world_size, batch_size=batch_size, tail="exact", **shuffle)
            for loader in loaders:
                loader.load_state_dict(state) if state else loader.set_epoch(epoch)
            passes = [iter(loader) for loader in loaders]
            seen += in_turn([[batch.tolist() for batch in itertools.islice(one, steps)] for one in passes])
            if steps is None:
                break
            states = [loader.state_dict() for loader in loaders]
            state = states[0]
            assert states == [state] * world_size
            assert state["position"] == len(seen)
        assert seen == expected

    @given(st.integers(1, 90), st.integers(1, 30), st.integers(1, 5), st.integers(0, 3), SHUFFLES)
    @settings(deadline=None)
    def test_padded_ranks_are_equally_long_and_lose_nothing(
        self, samples, batch_size, world_size, epoch, shuffle
    ):
        loaders = ranks(fake_dataset(samples, 1), world_size, batch_size=batch_size, tail="pad", **shuffle)
        passes = [numbers(_at(loader, epoch)) for loader in loaders]
        assert {len(batch) for found in passes for batch in found} == {batch_size}
        assert len({len(found) for found in passes}) == 1
        found = in_turn(passes)
        assert sorted(found[:samples]) == list(range(samples))
        assert found[samples:] == [found[k % samples] for k in range(samples, len(found))]

    # Real worker processes, forked for speed: an epoch of two trainings, each with its own number of
    # ranks and workers and its own batch size, and then the whole of the next epoch.
    @WORKERS
    @given(
        samples=st.integers(1, 120),
        epoch=st.integers(0, 5),
        shuffle=SHUFFLES,
        begun=st.tuples(st.integers(0, 2), st.integers(1, 2), st.integers(1, 40), st.integers(0, 5)),
        ended=st.tuples(st.integers(0, 2), st.integers(1, 2), st.integers(1, 40), st.none()),
    )
    @settings(deadline=None, max_examples=12)
    def test_workers_give_every_sample_once_an_epoch_resumed_or_not(
        self, samples, epoch, shuffle, begun, ended
    ):
        dataset = fake_dataset(samples, 1)
        plain = make_loader(dataset, 7, fields="number", **shuffle)
        seen, state = [], None
        for workers, world_size, batch_size, steps in (begun, ended):
            options = {"batch_size": batch_size, "num_workers": workers, "tail": "exact", **shuffle}
            if workers:
                options["multiprocessing_context"] = "fork"
            loaders = ranks(dataset, world_size, **options)
            for loader in loaders:
                loader.load_state_dict(state) if state else loader.set_epoch(epoch)
            seen += in_turn([[batch.tolist() for batch in itertools.islice(one, steps)] for one in loaders])
            state = loaders[0].state_dict()
            assert [loader.state_dict() for loader in loaders] == [state] * world_size
        assert sorted(seen) == list(range(samples))
        assert seen == in_turn([numbers(_at(plain, epoch))])
        following = in_turn([numbers(_at(loader, epoch + 1)) for loader in loaders])
        assert following == in_turn([numbers(_at(plain, epoch + 1))])

    @WORKERS
    @pytest.mark.parametrize("shuffle", [True, "window"])
    def test_resumed_with_other_workers(self, shuffle):
        loader = numbered(shuffle=shuffle, num_workers=2)
        expected = numbers(numbered(shuffle=shuffle))
        begun = [
            batch.tolist() for batch in itertools.islice(loader, 3)
        ]  # workers have prefetched more by now
        other = numbered(shuffle=shuffle)
        other.load_state_dict(loader.state_dict())
        assert begun + numbers(other) == expected
        again = numbered(shuffle=shuffle, num_workers=1)
        again.load_state_dict(loader.state_dict())
        assert begun + numbers(again) == expected


def _at(loader, epoch):
    loader.set_epoch(epoch)
    return loader


class TestState:
    def test_is_plain(self):
        loader = numbered(shuffle="window", seed=5, window=30)
        state = loader.state_dict()
        assert json.loads(json.dumps(state)) == state
        del state["dataset"]
        assert state == {
            "version": 1,
            "samples": 100,
            "shuffle": "window",
            "seed": 5,
            "window": 30,
            "epoch": 0,
            "position": 0,
        }

    def test_counts_what_was_handed_out(self):
        loader = numbered()
        batches = iter(loader)
        assert loader.state_dict()["position"] == 0
        assert [loader.state_dict()["position"] for _ in batches] == [*range(8, 100, 8), 100]

    @pytest.mark.parametrize("options", [{"tail": "exact"}, {"tail": "pad"}, {"drop_last": True}])
    def test_of_a_finished_epoch_says_so_on_every_rank(self, options):
        loaders = ranks(fake_dataset(10, 10), 3, batch_size=11, **options)
        for loader in loaders:
            loader.set_epoch(4)
            numbers(loader)
        state = loaders[0].state_dict()
        assert [loader.state_dict() for loader in loaders] == [state] * 3
        assert (state["epoch"], state["position"]) == (4, 100)

        other = numbered()
        other.load_state_dict(state)
        assert other.state_dict() == state
        other.set_epoch(4)
        assert numbers(other) == []
        other.set_epoch(5)
        assert other.state_dict()["position"] == 0
        assert len(numbers(other)) == 13

    def test_of_a_finished_epoch_leaves_its_loader_free_to_repeat_it(self):
        loader = numbered()
        first = numbers(loader)
        assert loader.state_dict()["position"] == 100
        assert len(loader) == 13
        assert numbers(loader) == first

    def test_after_the_last_batch_nothing_is_left_of_the_epoch(self):
        loader, other = numbered(batch_size=50), numbered(batch_size=50)
        batches = iter(loader)
        next(batches), next(batches)
        other.load_state_dict(loader.state_dict())
        assert numbers(other) == []
        assert len(numbers(other)) == 2

    def test_a_loop_over_epochs_goes_on_in_the_middle(self):
        def train(loader, steps, last=2):
            for epoch in range(loader.epoch, 3):
                loader.set_epoch(epoch)
                for batch in loader:
                    yield batch.tolist()
                    if (steps := steps - 1) == 0:
                        return
                if epoch == last:
                    return

        expected = list(train(numbered(shuffle=True), 99))
        for stop in (1, 12, 13, 14, 26, 38):
            loader, other = numbered(shuffle=True), numbered(shuffle=True)
            begun = list(train(loader, stop))
            other.load_state_dict(loader.state_dict())
            assert begun + list(train(other, 99)) == expected

        loader, other = numbered(shuffle=True), numbered(shuffle=True)
        begun = list(train(loader, 99, last=1))  # stopped between two epochs
        other.load_state_dict(loader.state_dict())
        assert begun + list(train(other, 99)) == expected

    def test_a_new_pass_begins_at_the_start(self):
        loader = numbered()
        next(iter(loader))
        assert numbers(loader)[0] == list(range(8))

    def test_another_epoch_begins_at_the_start(self):
        loader = numbered()
        next(iter(loader))
        loader.set_epoch(1)
        assert loader.state_dict()["position"] == 0
        assert len(loader) == 13

    def test_an_abandoned_pass_does_not_count(self):
        loader = numbered()
        abandoned, current = iter(loader), iter(loader)
        next(current)
        list(abandoned)
        assert loader.state_dict()["position"] == 8

    def test_of_a_side_belongs_to_the_side(self):
        dataset = fake_dataset()
        sides = [make_loader(dataset.of_originals(np.array(chosen)), 4) for chosen in ([1, 2], [3, 4])]
        sides[0].load_state_dict(sides[0].state_dict())
        with pytest.raises(DatasetError, match="belongs to another data set"):
            sides[1].load_state_dict(sides[0].state_dict())

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"dataset": "0" * 64}, "belongs to another data set"),
            ({"samples": 99}, "another data set, of 99 samples; this one has 100"),
            ({"version": 2}, "the state has version 2; allowed: 1"),
            ({"seed": 1}, "saved with seed=1, this loader has seed=0: make it with the same"),
            ({"shuffle": False}, "saved with shuffle=False, this loader has shuffle=True"),
            ({"position": 101}, "position=101; allowed: 0 to 100"),
            ({"position": "3"}, "position='3' is not an integer"),
            ({"epoch": -1}, "epoch=-1; allowed: 0 to"),
        ],
    )
    def test_of_another_loader_is_refused(self, change, message):
        loader = numbered(shuffle=True)
        before = loader.state_dict()
        with pytest.raises(DatasetError, match=message):
            loader.load_state_dict(before | change)
        assert loader.state_dict() == before

    @pytest.mark.parametrize("state", [{}, {"version": 1}, {"model": 3}, None, [1]])
    def test_that_is_none_is_refused(self, state):
        with pytest.raises(DatasetError, match="this is not the state of a loader"):
            numbered().load_state_dict(state)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size=0; allowed: 1 or more"),
        ({"batch_size": 2.5}, TypeError, "batch_size=2.5 is not an integer"),
        ({"rank": 2, "world_size": 2}, ValueError, "rank=2; allowed: 0 to 1"),
        ({"rank": 2}, ValueError, "rank=2 needs world_size, unless torch.distributed is initialized first"),
        ({"rank": "2"}, TypeError, "rank='2' is not an integer"),
        ({"rank": -1}, ValueError, "rank=-1; allowed: 0 to 0"),
        ({"world_size": 0}, ValueError, "world_size=0; allowed: 1 or more"),
        ({"num_workers": -1}, ValueError, "num_workers=-1; allowed: 0 or more"),
        ({"seed": "x"}, TypeError, "seed='x' is not an integer"),
        ({"shuffle": "windows"}, ValueError, "shuffle='windows'; allowed: False, True, \"window\""),
        ({"shuffle": None}, ValueError, "shuffle=None; allowed"),
        ({"shuffle": "window", "window": 0}, ValueError, "window=0; allowed: 1 or more"),
        ({"shuffle": True, "window": 9}, ValueError, 'window=9 needs shuffle="window"'),
        ({"tail": "drop"}, ValueError, 'tail=\'drop\'; allowed: "exact", "pad"'),
        ({"fields": "labels"}, ValueError, "no field is named 'labels'.*Did you mean 'label'"),
        ({"pin_memry": True}, TypeError, "no argument 'pin_memry'.*Did you mean 'pin_memory'"),
        ({"collate_fn": list}, TypeError, "no argument 'collate_fn'"),
    ],
)
def test_wrong_arguments(options, error, message):
    with pytest.raises(error, match=message):
        make_loader(fake_dataset(), **{"batch_size": 4, **options})


def test_a_foreign_dataset_is_refused():
    with pytest.raises(TypeError, match=r"make_loader takes a ShardDataset, .* not TensorDataset"):
        make_loader(torch.utils.data.TensorDataset(torch.zeros(3)), 2)


def test_epoch_must_be_a_number():
    loader = numbered()
    with pytest.raises(ValueError, match="epoch=-1; allowed: 0 to 4294967295"):
        loader.set_epoch(-1)


def test_iterators_that_nobody_reads_change_no_position():
    loader = numbered()
    steps = iter(loader)
    for _ in range(3):
        next(steps)
    iter(loader)  # frameworks check whether a loader is iterable
    assert loader.state_dict()["position"] == 24
    next(steps)
    assert loader.state_dict()["position"] == 32


def test_a_loaded_position_counts_once():
    loader = numbered()
    next(iter(loader))
    again = numbered()
    again.load_state_dict(loader.state_dict())
    rest, _ = iter(again), iter(again)
    assert len(list(rest)) == len(loader) - 1
    assert len(list(again)) == len(loader)
