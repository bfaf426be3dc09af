"""Two sides of a data set that share no original.

Variants of one digit look alike: with some in training and others in validation the score would be
flattering. So originals are split, and each takes all its variants along.
"""

from numbers import Integral, Real
from typing import TypeVar

import numpy as np

from augforge.torch.permutations import permutation
from augforge.torch.samples import SampleDataset

D = TypeVar("D", bound=SampleDataset)


def split_by_source(dataset: D, fraction: float, seed: int = 0) -> tuple[D, D]:
    """Split a data set in two by its originals.

    Parameters
    ----------
    dataset : ShardDataset, ForgeDataset, or a side of one
        What to split. The same split comes out whether it is built or not.
    fraction : float
        The share of the originals, rounded to a whole number, that the first side gets; within (0, 1).
    seed : int
        Another seed is another split.

    Returns
    -------
    first, second : of the type of dataset
        Sample k of a side is variant ``k // n`` of the ``k % n``-th of its n originals.

    Raises
    ------
    ValueError
        If a side would be empty.
    TypeError
        If dataset, fraction or seed is something else.
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
