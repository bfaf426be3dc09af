"""Map-style data sets of shards or of a recipe, and their split."""

from collections.abc import Iterator, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from augforge.errors import DatasetError
from augforge.torch.permutations import permutation
from augforge.torch.samples import DatasetInfo, Fields, SampleDataset, Transform

if TYPE_CHECKING:
    from augforge.forge import Forge
    from augforge.recipe import Recipe

_Dataset = TypeVar("_Dataset", bound=SampleDataset)


class ShardDataset(SampleDataset):
    """A built data set.

    Parameters
    ----------
    folder : str or Path
        The folder of ``augforge build``.
    fields : str or sequence of str, optional
        Any of image, label, number, source_index, variant, parameters; samples and batches are tuples in this
        order. With a single name (``fields="image"``) they are the values themselves, not tuples of one. Default:
        image and label, or ``"image"`` for an unlabeled data set.
    transform : callable, optional
        Function of image tensors, called after scaling: (1, H, W) of a sample, (B, 1, H, W) of a batch. It must be
        picklable if loader workers are spawned. It may draw from torch's random numbers.
    scale : bool
        Whether images are float32 in [0, 1] instead of uint8.
    cache_bytes : int, optional
        Size of each process's cache of decoded compressed shards, in bytes; default 512 MiB. A larger shuffled set
        would be decoded again and again: use ``shuffle="window"``, which needs five shards of the default size.
    verify : {"size", "first-touch", "full"}
        Check of the shards' files: "size" checks all sizes now; "first-touch" also the hash of each file on first
        use, once in each process; "full" all hashes now.

    Raises
    ------
    DatasetError
        If the data set is incomplete, damaged or of a newer format, or `fields` has labels and it has none. With
        "first-touch", reading raises for damaged files.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        fields: Fields | None = None,
        transform: Transform | None = None,
        scale: bool = False,
        cache_bytes: int | None = None,
        verify: str = "size",
    ) -> None:
        # Imported here, so that processes without shards do not load it; likewise the forge below.
        from augforge.reading import DEFAULT_CACHE_BYTES, ShardReader

        reader = ShardReader(folder, DEFAULT_CACHE_BYTES if cache_bytes is None else cache_bytes, verify)
        if reader.manifest.originals > len(reader):
            raise DatasetError(
                f"{reader.folder}: its manifest claims {reader.manifest.originals:,} originals for "
                f"{len(reader):,} samples"
            )
        about = DatasetInfo.of(reader.manifest)
        super().__init__(reader, about, fields=fields, transform=transform, scale=scale)


class ForgeDataset(SampleDataset):
    """An unbuilt data set with batches made on demand, bit-identical to a build.

    Parameters
    ----------
    recipe : Recipe, Forge, str or Path
        A recipe, its path, or the name of a bundled one; or a `Forge`, which has its own source.
    fields, transform, scale
        As for `ShardDataset`.

    Raises
    ------
    RecipeError, SourceError
        If the recipe or its source cannot be used.
    DatasetError
        If `fields` has labels and the source has none.
    """

    def __init__(
        self,
        recipe: "Recipe | Forge | str | Path",
        *,
        fields: Fields | None = None,
        transform: Transform | None = None,
        scale: bool = False,
    ) -> None:
        from augforge.forge import Forge

        forge = recipe if isinstance(recipe, Forge) else Forge(recipe)
        about = DatasetInfo(
            samples=len(forge),
            originals=len(forge.source),
            labelled=forge.labelled,
            columns=forge.columns,
            image_shape=forge.image_shape,
            class_names=forge.source.class_names,
            pixel_digest=forge.pixel_digest,
        )
        super().__init__(ForgeReader(forge), about, fields=fields, transform=transform, scale=scale)


class ForgeReader:
    """A `Forge` as a `Reader`."""

    def __init__(self, forge: "Forge") -> None:
        self._forge = forge

    def read_each(
        self, numbers: NDArray[np.int64], fields: Sequence[str]
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Make several batches at once, for speed; yield each."""
        made = self._forge.read(numbers.ravel(), fields)
        if len(numbers) == 1:
            yield made
            return
        for ends in range(numbers.shape[1], numbers.size + 1, numbers.shape[1]):
            # Copied, so that keeping one batch does not keep the others in memory.
            yield {field: values[ends - numbers.shape[1] : ends].copy() for field, values in made.items()}


def split_by_source(dataset: _Dataset, fraction: float, seed: int = 0) -> tuple[_Dataset, _Dataset]:
    """Split a data set into two sides that share no original.

    Variants of one original look alike. With some in training and others in validation, the score would be too
    good. So each original goes to one side with all its variants.

    Parameters
    ----------
    dataset : ShardDataset, ForgeDataset, or a side of one
        The data set. Built and unbuilt, it splits in the same way.
    fraction : float
        Share of the originals for the first side, in (0, 1); their number is rounded.
    seed : int
        Seed of the split.

    Returns
    -------
    first, second : of the type of dataset
        Sample k of a side is variant ``k // n`` of the ``k % n``-th of its n originals.

    Raises
    ------
    ValueError
        If a side would be empty.
    TypeError
        If an argument has another type.
    """
    if not isinstance(dataset, SampleDataset):
        raise TypeError(
            "split_by_source takes a ShardDataset, a ForgeDataset or a side of one, "
            f"not {type(dataset).__name__}"
        )
    if not isinstance(fraction, Real):
        raise TypeError(f"fraction={fraction!r} is not a number")
    if not isinstance(seed, Integral):
        raise TypeError(f"seed={seed!r} is not an integer")
    originals = dataset.originals
    count = round(fraction * originals.size) if 0 < fraction < 1 else 0
    if not 0 < count < originals.size:
        raise ValueError(
            f"fraction {fraction!r} of {originals.size:,} originals leaves one side empty; "
            "allowed: more than 0 and less than 1, with at least one original on each side"
        )
    shuffled = originals[permutation(originals.size, seed, "split by source")(np.arange(originals.size))]
    return dataset.of_originals(shuffled[:count]), dataset.of_originals(shuffled[count:])
