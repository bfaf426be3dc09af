"""The loader: batches in an order that can be repeated, shared among ranks, and resumed anywhere."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch.utils.data import BatchSampler

from augforge.torch.arguments import integer, order_of, refuse_unknown_options, refuse_unknown_tail
from augforge.torch.orders import Order
from augforge.torch.progress import STATE_VERSION, Pass, Progress
from augforge.torch.ranks import Sharing
from augforge.torch.samplers import OrderSampler, sampler_of, spans_of
from augforge.torch.samples import Fields, SampleDataset, Transform
from augforge.torch.stretches import StretchReader

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
    rank: int | None = None,
    world_size: int | None = None,
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
    rank, world_size : int, optional
        Which of how many training processes this one is. Default: as `torch.distributed` has it when the first
        pass begins, and 0 of 1 without a process group. Batch k of all ranks together is batch_size x world_size
        positions of the order.
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
    its own. What workers have sent and nobody has taken yet is at most 24 MiB of shared memory; a batch
    that is too large for that is sent in pieces, or with a transform as it is.
    """
    if not isinstance(dataset, SampleDataset):
        raise TypeError(
            f"make_loader takes a ShardDataset, a ForgeDataset or a side of split_by_source, "
            f"not {type(dataset).__name__}"
        )
    refuse_unknown_options(loader_options, _LOADER_OPTIONS)
    refuse_unknown_tail(tail)
    batch_size = integer("batch_size", batch_size, low=1)
    sharing = Sharing(len(dataset), batch_size, rank, world_size, tail, drop_last)
    order = order_of(len(dataset), shuffle, seed, window)
    dataset = dataset.with_options(fields=fields, scale=scale, transform=transform)
    options: dict[str, Any] | None = None
    if integer("num_workers", num_workers, low=0) or loader_options:
        options = {"num_workers": num_workers, **loader_options}
    return Loader(dataset, order, sharing, StretchReader(dataset, batch_size, seed, options))


class Loader:
    """Batches of one epoch at a time; made by `make_loader`.

    Each ``for`` over it is one pass through the epoch that `set_epoch` named, 0 at first: without a call the
    next pass has the same order, as with torch's own samplers.

    >>> for epoch in range(loader.epoch, 10):
    ...     loader.set_epoch(epoch)
    ...     for images, labels in loader:
    ...         ...
    ...         checkpoint["loader"] = loader.state_dict()

    It is no `torch.utils.data.DataLoader`: a framework that takes one apart to put in a sampler of its own would
    lose the order. docs/training.md says which frameworks take it as it is, and what to do in others.

    Attributes
    ----------
    dataset : SampleDataset
        Where the samples come from.
    sampler : torch.utils.data.Sampler
        Yields the indices of this rank's samples in an epoch, of which the batches are made. Its ``set_epoch``
        is the loader's.
    batch_sampler : torch.utils.data.BatchSampler
        Yields these indices batch by batch.
    batch_size, num_workers : int
        As given to `make_loader`.
    drop_last, pin_memory : bool
        As given to `make_loader`.
    prefetch_factor : int or None
        Pieces of work that each worker has ahead; None without workers.
    """

    def __init__(self, dataset: SampleDataset, order: Order, sharing: Sharing, reader: StretchReader) -> None:
        self.dataset = dataset
        self.batch_size = sharing.batch_size
        self.drop_last = sharing.drop_last
        self.num_workers = reader.num_workers
        self.prefetch_factor = reader.prefetch_factor
        self.pin_memory = reader.pin_memory
        self._order = order
        self._sharing = sharing
        self._reader = reader
        self._progress = Progress(sharing)
        self.sampler: OrderSampler = sampler_of(order, sharing, self._progress)
        self.batch_sampler = BatchSampler(self.sampler, self.batch_size, self.drop_last)

    @property
    def epoch(self) -> int:
        """Which epoch the next pass goes through."""
        return self._progress.epoch

    def __len__(self) -> int:
        """Return the number of batches that this rank gets in a whole epoch, also in a resumed one."""
        return self._sharing.share.count(0)

    def __iter__(self) -> Iterator[Any]:
        """Return a pass; it begins with its first batch, at the start or where a loaded state stopped.

        Raises
        ------
        RuntimeError
            When it begins, if rank or world size are no longer those of the first pass.
        """
        return self._batches(self._progress.open())

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next pass.

        Naming the current epoch again changes nothing, so that a loop over epochs goes on in the middle of
        the one whose state was loaded; naming another one starts at its beginning.
        """
        self._progress.set_epoch(epoch)

    def state_dict(self) -> dict[str, object]:
        """Return where this loader stands, as plain values.

        ``position`` counts the samples of all ranks' batches that have been handed out in the pass under way.
        When a pass has ended it is the number of samples: nothing is left of the epoch, and whoever loads the
        state gets no batch until `set_epoch` names the next one.

        It is the same on every rank at the same step, the end of the epoch included, at which a rank may have
        had one batch less (``tail="exact"``). So any rank's state will do for all.
        """
        return {
            "version": STATE_VERSION,
            "dataset": self.dataset.identity,
            "samples": self._sharing.samples,
            **self._order.plain(),
            "epoch": self._progress.epoch,
            "position": self._progress.position,
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
        self._progress.load(state, self.state_dict())

    def _batches(self, this: Pass) -> Iterator[Any]:
        share = self._progress.begin(this)
        for batch in self._reader.read(share, spans_of(self._order, share, this.epoch, this.begin)):
            this.batches += 1
            yield batch
        self._progress.end(this)
