"""Map-style data sets: the shards on disk, and their unbuilt twin."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augforge.errors import DatasetError
from augforge.torch.samples import About, Fields, SampleDataset, Transform

if TYPE_CHECKING:
    from augforge.forge import Forge
    from augforge.recipe import Recipe


class ShardDataset(SampleDataset):
    """A built data set.

    Parameters
    ----------
    folder : str or Path
        Where ``augforge build`` put it.
    fields : str or sequence of str, optional
        Among image, label, number, source_index, variant, parameters; samples and batches are tuples in this
        order. A bare name (``fields="image"``) gives the values themselves, not a tuple of one. Default:
        image and label, and for an unlabelled data set ``"image"``.
    transform : callable, optional
        Applied to image tensors, after scaling: (1, H, W) of a sample, (B, 1, H, W) of a batch. It must be
        picklable where loader workers are spawned. What it draws from torch's random numbers is its own.
    scale : bool
        Images as float32 within [0, 1] instead of uint8.
    cache_bytes : int, optional
        How much of compressed shards each process keeps decoded, by default 512 MiB. A shuffled set that does
        not fit would be decoded again and again: use ``shuffle="window"``, which needs five shards of the
        default size at a time.
    verify : str
        What is checked of the shards: ``size``, of all files now; ``first-touch``, also the hash of each file when
        it is first read, once in each process; ``full``, the hashes of all files now.

    Raises
    ------
    DatasetError
        If the data set is incomplete, damaged (which ``first-touch`` finds when it is read), of a newer format, or
        has no labels though they are asked for.
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
        # Imported here, so that a process that makes images need not load what reads shards, and conversely.
        from augforge.reading import DEFAULT_CACHE_BYTES, ShardReader

        reader = ShardReader(folder, DEFAULT_CACHE_BYTES if cache_bytes is None else cache_bytes, verify)
        if reader.manifest.originals > len(reader):
            raise DatasetError(
                f"{reader.folder}: its manifest claims {reader.manifest.originals:,} originals for "
                f"{len(reader):,} samples"
            )
        about = About(
            samples=len(reader),
            originals=reader.manifest.originals,
            labelled=reader.labelled,
            columns=reader.columns,
            image_shape=reader.image_shape,
            class_names=reader.class_names,
            pixel_digest=reader.manifest.pixel_digest,
        )
        super().__init__(reader, about, fields=fields, transform=transform, scale=scale)


class ForgeDataset(SampleDataset):
    """A data set that is not built: each batch is made when it is asked for, to the bit as a build would.

    Parameters
    ----------
    recipe : Recipe, Forge, str or Path
        A recipe, the path of one or the name of a ready one; or a `Forge`, which brings its own source.
    fields, transform, scale
        As for `ShardDataset`.

    Raises
    ------
    RecipeError, SourceError
        If the recipe or its source cannot be used.
    DatasetError
        If labels are asked for and the source has none.
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
        about = About(
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
        """Make several batches at once, which is faster, and yield each."""
        made = self._forge.read(numbers.ravel(), fields)
        if len(numbers) == 1:
            yield made
            return
        for ends in range(numbers.shape[1], numbers.size + 1, numbers.shape[1]):
            # Copied, so that a batch that is kept does not keep the others.
            yield {field: values[ends - numbers.shape[1] : ends].copy() for field, values in made.items()}
