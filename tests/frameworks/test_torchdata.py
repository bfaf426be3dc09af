import itertools
import pickle

import pytest
from fake_digits import fake_dataset

from augforge.torch import make_loader

stateful = pytest.importorskip("torchdata.stateful_dataloader")

pytestmark = pytest.mark.filterwarnings(
    "ignore:'set_vital' is deprecated:UserWarning",  # what torchdata calls
    "ignore:This DataLoader will create",
    "ignore:This process .* is multi-threaded:DeprecationWarning",
)
ENDINGS = [{}, {"rank": 1, "world_size": 3, "tail": "exact"}, {"rank": 1, "world_size": 3}]


def made(workers=0, **options):
    """Make torchdata's loader over ours; return both."""
    loader = make_loader(fake_dataset(100, 1, fields="number"), 8, shuffle=True, **options)
    context = {"multiprocessing_context": "fork"} if workers else {}
    own = stateful.StatefulDataLoader(
        loader.dataset, batch_size=8, sampler=loader.sampler, num_workers=workers, **context
    )
    return own, loader


def numbers(batches):
    return [batch.tolist() for batch in batches]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("options", ENDINGS)
def test_its_epochs_are_the_loaders(options, workers):
    own, loader = made(workers, **options)
    for epoch in range(3):
        loader.sampler.set_epoch(epoch)
        assert numbers(own) == numbers(loader)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("options", ENDINGS)
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_it_goes_on_in_the_middle_of_an_epoch(steps, options, workers):
    own, loader = made(workers, **options)
    loader.set_epoch(2)
    expected = numbers(loader)
    batches = iter(own)
    begun = numbers(itertools.islice(batches, steps))
    state = pickle.loads(pickle.dumps(own.state_dict()))

    own, loader = made(workers, **options)
    own.load_state_dict(state)
    assert begun + numbers(own) == expected
    loader.set_epoch(3)
    assert numbers(own) == numbers(loader)


def test_our_loader_is_stateful_as_torchdata_means_it():
    from torchdata.stateful_dataloader.stateful import Stateful

    loader = make_loader(fake_dataset(), 8)
    assert isinstance(loader, Stateful)
    assert isinstance(iter(loader.sampler), Stateful)
