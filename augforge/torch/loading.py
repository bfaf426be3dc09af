"""The loader: batches in an order that can be repeated, shared among ranks, and taken up again anywhere.

What it keeps is one number, the position in the global order (`augforge.torch.orders`) up to which batches
have been handed out; batches that workers have prefetched do not count.
"""

import operator
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from augforge.errors import DatasetError, did_you_mean, listed
from augforge.randomness import stream_key
from augforge.torch.orders import DEFAULT_WINDOW, InOrder, Order, Shuffled, WindowShuffled
from augforge.torch.ranks import RankShare
from augforge.torch.samples import Fields, SampleDataset, Transform

_STATE_VERSION = 1
# Samples that are read at a time, so that several batches share the cost of a call, and of passing a tensor to
# another process; but the first batch must not be long in coming, frames may be large, and all workers need work.
_TOGETHER = 4096
_PIXELS = 1 << 22
_STRETCHES_OF_A_WORKER = 4
_LOADER_OPTIONS = frozenset(
    {
        "generator",
        "multiprocessing_context",
        "persistent_workers",
        "pin_memory",
        "pin_memory_device",
        "prefetch_factor",
        "timeout",
        "worker_init_fn",
    }
)


def make_loader(
    dataset: SampleDataset,
    batch_size: int,
    *,
    shuffle: bool | str = False,
    seed: int = 0,
    num_workers: int = 0,
    rank: int = 0,
    world_size: int = 1,
    drop_last: bool = False,
    tail: str | None = None,
    window: int | None = None,
    fields: Fields | None = None,
    scale: bool | None = None,
    transform: Transform | None = None,
    **loader_options: Any,
) -> "Loader":
    """Return a loader of batches.

    Parameters
    ----------
    dataset : ShardDataset, ForgeDataset, or a side of `split_by_source`
        Where the samples come from.
    batch_size : int
        Samples in a batch of this rank, at least 1.
    shuffle : {False, True, "window"}
        True: every epoch a random order of its own of the whole set. "window": in random order too, but
        reading nearly in sequence, for sets larger than memory (`augforge.torch.orders.WindowShuffled`).
    seed : int
        With the epoch it decides the order, and nothing else does: neither batch size, workers nor ranks.
    num_workers : int
        Worker processes. 0 is best for shards, which are read faster than batches can be passed between
        processes; use some for `ForgeDataset` or costly transforms.
    rank, world_size : int
        Which of how many training processes this one is. Batch k of all ranks together is a stretch of
        batch_size x world_size positions of the order.
    drop_last : bool
        Leave out what does not fill a batch on every rank.
    tail : {"exact", "pad"}, optional
        What to do with it otherwise. "exact" (the default of one rank): share it out, so that an epoch has
        every sample once, and a rank may have a smaller last batch or one batch less. "pad" (the default of
        several): fill up from the beginning of the order, so that all ranks have equally many full batches.
    window : int, optional
        Samples shuffled at a time with ``shuffle="window"``; default 262,144.
    fields, scale, transform : optional
        As for `ShardDataset`, instead of the data set's own.
    **loader_options
        pin_memory, persistent_workers, prefetch_factor, multiprocessing_context, timeout, worker_init_fn,
        generator, pin_memory_device: passed on to `torch.utils.data.DataLoader`. What workers prefetch are
        several batches at a time (see below).

    Returns
    -------
    Loader
        Of ``(images, labels)``, uint8 (B, 1, H, W) and int64 (B,), or of the fields chosen.

    Raises
    ------
    ValueError, TypeError
        If an argument is not allowed.

    Notes
    -----
    Small batches are made several at a time, of 4,096 samples or 4 million pixels in all at most, since they then
    share what a call costs. Workers pass them on together, unless there is a transform, as parts of one piece of
    memory: a batch that is kept, or saved, keeps all of it unless it is cloned. Without workers every batch has
    its own.
    """
    if not isinstance(dataset, SampleDataset):
        raise TypeError(
            f"make_loader takes a ShardDataset, a ForgeDataset or a side of split_by_source, "
            f"not {type(dataset).__name__}."
        )
    _refuse_unknown_options(loader_options)
    share = RankShare(
        samples=len(dataset),
        batch_size=_integer("batch_size", batch_size, low=1),
        rank=_integer("rank", rank, low=0, high=_integer("world_size", world_size, low=1) - 1),
        world_size=world_size,
        tail=_tail(tail, world_size),
        drop_last=drop_last,
    )
    order = _order(len(dataset), shuffle, seed, window)
    dataset = dataset.with_options(fields=fields, scale=scale, transform=transform)
    if not _integer("num_workers", num_workers, low=0) and not loader_options:
        return Loader(dataset, order, share)
    generator = _worker_seeds(seed, rank)
    return Loader(
        dataset, order, share, {"num_workers": num_workers, "generator": generator, **loader_options}
    )


class Loader:
    """Batches of one epoch at a time; made by `make_loader`.

    Each ``for`` over it is one pass through the epoch that `set_epoch` named, 0 at first: without a call the
    next pass has the same order, as with torch's own samplers.

    >>> for epoch in range(loader.epoch, 10):
    ...     loader.set_epoch(epoch)
    ...     for images, labels in loader:
    ...         ...
    ...         checkpoint["loader"] = loader.state_dict()

    Attributes
    ----------
    dataset : SampleDataset
        Where the samples come from.
    epoch : int
        Which epoch the next pass goes through.
    """

    def __init__(
        self,
        dataset: SampleDataset,
        order: Order,
        share: RankShare,
        torch_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.dataset = dataset
        self.epoch = 0
        self._order = order
        self._share = share
        self._begin = 0  # where the next pass begins
        self._reached = 0  # where the last pass stopped, or a loaded one
        self._pass: _Pass | None = None  # the pass that is under way
        self._feed = _Feed()
        self._torch: DataLoader[Any] | None = None
        if torch_options is not None:
            self._torch = DataLoader(
                _Stretches(dataset), batch_size=None, sampler=self._feed, **torch_options
            )
        self._together = _batches_together(
            dataset, share, None if self._torch is None else self._torch.num_workers
        )

    def __len__(self) -> int:
        """Return the number of batches of the pass under way, or else of the next one."""
        return self._share.count(self._pass.begin if self._pass else self._begin)

    def __iter__(self) -> Iterator[Any]:
        """Begin a pass: from the start, or where a loaded state stopped."""
        this = self._pass = _Pass(self._begin)
        self._begin = 0
        return self._handed_out(this, self._stretches(this.begin, self.epoch))

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next pass.

        Naming the current epoch again changes nothing, so that a loop over epochs goes on in the middle of
        the one whose state was loaded; naming another one starts at its beginning.
        """
        epoch = _integer("epoch", epoch, low=0, high=2**32 - 1)
        if epoch != self.epoch:
            self._stand_at(epoch, 0)

    def state_dict(self) -> dict[str, object]:
        """Return where this loader stands, as plain values.

        ``position`` counts the samples of all ranks' batches that have been handed out in the pass under way.
        When a pass has ended it is the number of samples: nothing is left of the epoch, and whoever loads the
        state gets no batch until `set_epoch` names the next one.

        It is the same on every rank at the same step, the end of the epoch included, at which a rank may have
        had one batch less (``tail="exact"``). So any rank's state will do for all.
        """
        reached = self._reached
        if self._pass:
            reached = self._share.reached(self._pass.begin, self._pass.batches)
        return {
            "version": _STATE_VERSION,
            "dataset": self.dataset.identity,
            "samples": self._share.samples,
            **self._order.plain(),
            "epoch": self.epoch,
            "position": reached,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another loader stood: the next pass is the rest of the one it was in.

        Batch size, num_workers, rank, world_size, tail, fields and transform may differ from the saved
        loader's, and a built data set may stand in for the unbuilt one. Seed and shuffling may not.

        Raises
        ------
        DatasetError
            If the state belongs to another data set, order or version, or is none.
        """
        _refuse_foreign_state(state, self.state_dict())
        try:
            epoch = _integer("epoch", state["epoch"], low=0, high=2**32 - 1)
            begin = _integer("position", state["position"], low=0, high=self._share.samples)
        except (TypeError, ValueError) as error:
            raise DatasetError(f"this is not the state of a loader: {error}") from error
        self._stand_at(epoch, begin)

    def _stand_at(self, epoch: int, position: int) -> None:
        self.epoch, self._begin, self._reached, self._pass = epoch, position, position, None

    def _stretches(self, begin: int, epoch: int) -> Iterator[NDArray[np.int64]]:
        """Yield the sample indices of some batches of this rank at a time, int64 of shape (batches, batch size)."""
        for positions in self._share.spans(begin):
            indices = self._order.at(positions.ravel(), epoch).reshape(positions.shape)
            for first in range(0, len(indices), self._together):
                yield indices[first : first + self._together]

    def _handed_out(self, this: "_Pass", stretches: Iterator[NDArray[np.int64]]) -> Iterator[Any]:
        for batch in self._read(stretches):
            this.batches += 1
            yield batch
        if self._pass is this:
            self._pass, self._reached = None, self._share.samples

    def _read(self, stretches: Iterator[NDArray[np.int64]]) -> Iterator[Any]:
        if self._torch is None:
            # What torch's DataLoader would do, without its overhead.
            for stretch in stretches:
                yield from self.dataset.batches(stretch)
            return
        self._feed.stretches = stretches
        for made in self._torch:
            if self.dataset.transforms:
                yield made
            else:
                yield from self.dataset.cut(made, self._share.batch_size)


class _Pass:
    """How far one pass has come."""

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.batches = 0


class _Feed:
    """The sampler of torch's DataLoader, which keeps one for ever: gives the stretches of the pass at hand."""

    def __init__(self) -> None:
        self.stretches: Iterator[NDArray[np.int64]] = iter(())

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        return self.stretches


class _Stretches(torch.utils.data.Dataset[Any]):
    """What DataLoader asks for, and workers make: the columns of a whole stretch, to be cut where they arrive.

    With a transform, whose result may be anything, a stretch is one batch, which is made here to the end.
    """

    def __init__(self, dataset: SampleDataset) -> None:
        self.dataset = dataset

    def __getitem__(self, stretch: NDArray[np.int64]) -> Any:
        if self.dataset.transforms:
            return self.dataset.batch(stretch.ravel())
        return self.dataset.columns(stretch.ravel())


def _batches_together(dataset: SampleDataset, share: RankShare, workers: int | None) -> int:
    """Return how many batches are read at a time; `workers` is None without torch's DataLoader."""
    if workers is not None and dataset.transforms:
        return 1
    height, width = dataset.about.image_shape
    samples = min(_TOGETHER, _PIXELS // (height * width))
    together = samples // share.batch_size
    if workers:
        together = min(together, share.count(0) // (_STRETCHES_OF_A_WORKER * workers))
    return max(1, together)


def _worker_seeds(seed: int, rank: int) -> torch.Generator:
    """Return what the seeds of workers, which only a transform can use, are drawn from.

    A generator of its own, so that the user's training sees the same random numbers whatever the workers.
    """
    return torch.Generator().manual_seed(stream_key(seed, "torch loader", f"workers of rank {rank}"))


def _refuse_foreign_state(state: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
    if not isinstance(state, Mapping):
        raise DatasetError(f"this is not the state of a loader: a mapping is needed, not {state!r}.")
    absent = listed(mine.keys() - state.keys() - {"seed", "window"})
    if absent:
        raise DatasetError(f"this is not the state of a loader: it lacks {absent}.")
    if state["version"] != _STATE_VERSION:
        raise DatasetError(f"the state has version {state['version']!r}; allowed: {_STATE_VERSION}.")
    if (state["dataset"], state["samples"]) != (mine["dataset"], mine["samples"]):
        raise DatasetError(
            f"the state belongs to another data set, of {state['samples']} samples; this one has "
            f"{mine['samples']} (digests {state['dataset']!s:.16} and {mine['dataset']!s:.16}). "
            "Recipe, source, variants and the side of a split must be the same."
        )
    for name in ("shuffle", "seed", "window"):
        if state.get(name) != mine.get(name):
            raise DatasetError(
                f"the state was saved with {name}={state.get(name)!r}, this loader has "
                f"{name}={mine.get(name)!r}: make it with the same."
            )


def _order(samples: int, shuffle: bool | str, seed: int, window: int | None) -> Order:
    if window is not None and shuffle != "window":
        raise ValueError(
            f'window={window!r} has a meaning only with shuffle="window", got shuffle={shuffle!r}.'
        )
    seed = _integer("seed", seed)
    if shuffle == "window":
        return WindowShuffled(
            samples, seed, _integer("window", DEFAULT_WINDOW if window is None else window, low=1)
        )
    if not isinstance(shuffle, bool):
        raise ValueError(f'shuffle={shuffle!r}; allowed: False, True, "window".')
    return Shuffled(samples, seed) if shuffle else InOrder(samples)


def _tail(tail: str | None, world_size: int) -> str:
    if tail is None:
        return "exact" if world_size == 1 else "pad"
    if tail not in ("exact", "pad"):
        raise ValueError(f'tail={tail!r}; allowed: "exact", "pad".')
    return tail


def _integer(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is not an integer.") from None
    if (low is not None and number < low) or (high is not None and number > high):
        limits = f"{low} or more" if high is None else f"{low} to {high}"
        raise ValueError(f"{name}={number}; allowed: {limits}.")
    return number


def _refuse_unknown_options(options: Mapping[str, Any]) -> None:
    for name in options:
        if name not in _LOADER_OPTIONS:
            raise TypeError(
                f"make_loader has no argument {name!r}; passed on to DataLoader are "
                f"{listed(_LOADER_OPTIONS)}.{did_you_mean(name, _LOADER_OPTIONS)}"
            )
