"""What a forge makes."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

FIELDS = ("image", "label", "number", "source_index", "variant", "parameters")
"""What can be read of a sample."""


@dataclass(frozen=True, eq=False)
class Batch:
    """N samples, in the order they were asked for.

    Attributes
    ----------
    numbers : ndarray of int64, shape (N,)
        The sample numbers.
    images : ndarray of uint8, shape (N, H, W)
    labels : ndarray of uint8, shape (N,), or None
        None for an unlabelled source.
    source_index : ndarray of uint32, shape (N,)
        The original that each sample was made from.
    variant : ndarray of uint16, shape (N,)
        Which of its variants it is.
    parameters : ndarray of float32, shape (N, P)
        What was drawn for it; see `columns`.
    columns : tuple of str
        The names of the P columns, such as ``rotate.degrees``.
    """

    numbers: NDArray[Any]
    images: NDArray[Any]
    labels: NDArray[Any] | None
    source_index: NDArray[Any]
    variant: NDArray[Any]
    parameters: NDArray[Any]
    columns: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.numbers)
