"""Load batches in a reproducible order, divided among ranks and resumable."""

from collections.abc import Iterator, Mapping
from typing import Any

from torch.utils.data import BatchSampler

from augforge.torch.arguments import check_integer, check_options, check_tail, make_order
from augforge.torch.orders import Order
from augforge.torch.progress import STATE_VERSION, Pass, Progress
from augforge.torch.ranks import Sharing
from augforge.torch.samplers import OrderSampler, RankSampler, iter_spans
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
    """Make a loader of batches.

    Parameters
    ----------
    dataset : ShardDataset, ForgeDataset, or a side of `split_by_source`
        The samples.
    batch_size : int
        Samples in a batch of this rank, at least 1.
    shuffle : {False, True, "window"}
        True shuffles the whole set, anew in each epoch. "window" shuffles too, but reads nearly in sequence, for
        sets larger than memory (`augforge.torch.orders.WindowShuffled`).
    seed : int
        Seed of the order. Seed and epoch alone determine it: batch size, workers and ranks do not.
    num_workers : int
        Worker processes. 0 is best for shards: reading them is faster than passing batches between processes. Use
        workers for `ForgeDataset` or costly transforms.
    rank, world_size : int, optional
        Rank of this training process, and number of ranks. Default: those of `torch.distributed` when the first
        pass begins, or 0 and 1 without a process group. Batch k of all ranks together is batch_size x world_size
        positions of the order.
    drop_last : bool
        Drop the last samples if they do not fill a batch on every rank.
    tail : {"exact", "pad"}, optional
        Treatment of these last samples otherwise. "exact" (default for one rank) divides them, so that an epoch has
        every sample once; a rank may get a smaller last batch or one batch less. "pad" (default for several ranks)
        adds samples from the beginning of the order, so that all ranks get the same number of full batches.
    window : int, optional
        Samples shuffled at a time with ``shuffle="window"``; default 262,144.
    fields, scale, transform : optional
        As for `ShardDataset`; they replace those of the data set.
    **loader_options
        pin_memory, persistent_workers, prefetch_factor, multiprocessing_context, timeout, worker_init_fn,
        generator, pin_memory_device: arguments of `torch.utils.data.DataLoader`. A prefetched item is several
        batches (see Notes).

    Returns
    -------
    Loader
        Yields ``(images, labels)``, uint8 (B, 1, H, W) and int64 (B,), or the chosen fields.

    Raises
    ------
    ValueError, TypeError
        If an argument is not allowed.

    Notes
    -----
    Several small batches are made at a time, of at most 4,096 samples or 4 million pixels together, to share the
    cost of a call. Without a transform, workers send them together, as views of one block of memory: a batch that
    you keep or save keeps the whole block, unless you clone it. Without workers, every batch has its own memory.
    Batches in flight from workers take at most 24 MiB of shared memory. A larger batch is sent in pieces, or whole
    if there is a transform.
    """
    if not isinstance(dataset, SampleDataset):
        raise TypeError(
            f"make_loader takes a ShardDataset, a ForgeDataset or a side of split_by_source, "
            f"not {type(dataset).__name__}"
        )
    check_options(loader_options, _LOADER_OPTIONS)
    check_tail(tail)
    batch_size = check_integer("batch_size", batch_size, low=1)
    sharing = Sharing(len(dataset), batch_size, rank, world_size, tail, drop_last)
    order = make_order(len(dataset), shuffle, seed, window)
    dataset = dataset.with_options(fields=fields, scale=scale, transform=transform)
    options: dict[str, Any] | None = None
    if check_integer("num_workers", num_workers, low=0) or loader_options:
        options = {"num_workers": num_workers, **loader_options}
    return Loader(dataset, order, sharing, StretchReader(dataset, batch_size, seed, options))


class Loader:
    """Batches of one epoch at a time; use `make_loader` to make it.

    Each ``for`` loop is one pass through the epoch of `set_epoch`, at first 0. Without another call, the next pass
    has the same order, as with torch's samplers.

    >>> for epoch in range(loader.epoch, 10):
    ...     loader.set_epoch(epoch)
    ...     for images, labels in loader:
    ...         ...
    ...         checkpoint["loader"] = loader.state_dict()

    It is not a `torch.utils.data.DataLoader`: frameworks replace the sampler of one, and would lose the order.
    docs/training.md lists frameworks that accept a `Loader`, and solutions for others.

    Attributes
    ----------
    dataset : SampleDataset
        The samples.
    sampler : torch.utils.data.Sampler
        Yields the indices of this rank's samples in an epoch, in the order of the batches. Its ``set_epoch`` is the
        loader's.
    batch_sampler : torch.utils.data.BatchSampler
        Yields these indices batch by batch.
    batch_size, num_workers : int
        As given to `make_loader`.
    drop_last, pin_memory : bool
        As given to `make_loader`.
    prefetch_factor : int or None
        Items that each worker prefetches; None without workers.
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
        # Frameworks may divide a sampler of the whole order among ranks, but not that of one rank.
        kind = OrderSampler if sharing.given_world_size == 1 else RankSampler
        self.sampler: OrderSampler = kind(order, sharing, self._progress)
        self.batch_sampler = BatchSampler(self.sampler, self.batch_size, self.drop_last)

    @property
    def epoch(self) -> int:
        """Epoch of the next pass."""
        return self._progress.epoch

    def __len__(self) -> int:
        """Count this rank's batches in a whole epoch, even after resuming."""
        return self._sharing.share.count(0)

    def __iter__(self) -> Iterator[Any]:
        """Open a pass, at its start or from a loaded state.

        Raises
        ------
        RuntimeError
            At the first batch, if rank or world size differ from those of the first pass.
        """
        return self._batches(self._progress.open())

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next pass.

        Setting the current epoch again changes nothing, so a loop over epochs resumes in the middle of a loaded
        one. Any other epoch starts at its beginning.
        """
        self._progress.set_epoch(epoch)

    def state_dict(self) -> dict[str, object]:
        """Return the epoch and position of this loader, as plain values.

        ``position`` counts the samples in all ranks' batches of the current pass so far. After a pass it is the
        number of samples: a loader that loads such a state yields no batch until `set_epoch` sets another epoch.

        The state is equal on all ranks after the same step. This includes the end of the epoch, though a rank may
        have one batch less (``tail="exact"``). So the state of any rank serves all.
        """
        return {
            "version": STATE_VERSION,
            "dataset": self.dataset.identity,
            "samples": self._sharing.samples,
            **self._order.to_dict(),
            "epoch": self._progress.epoch,
            "position": self._progress.position,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from another loader's state.

        The next pass is the rest of the saved one. Batch size, num_workers, rank, world_size, tail, fields and
        transform may differ, and a built data set may replace an unbuilt one. Seed and shuffling must be the same.

        Raises
        ------
        DatasetError
            If the state belongs to another data set, order or version, or is not a loader's state.
        """
        self._progress.load(state, self.state_dict())

    def _batches(self, this: Pass) -> Iterator[Any]:
        share = self._progress.begin(this)
        for batch in self._reader.read(share, iter_spans(self._order, share, this.epoch, this.begin)):
            this.batches += 1
            yield batch
        self._progress.end(this)
