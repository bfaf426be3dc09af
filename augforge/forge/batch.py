"""Batches of samples."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

FIELDS = ("image", "label", "number", "source_index", "variant", "parameters")
"""Names of a sample's fields."""


@dataclass(frozen=True, eq=False)
class Batch:
    """N samples in the requested order.

    Attributes
    ----------
    numbers : ndarray of int64, shape (N,)
        The sample numbers.
    images : ndarray of uint8, shape (N, H, W)
        The gray levels.
    labels : ndarray of uint8, shape (N,), or None
        The class numbers; None for an unlabeled source.
    source_index : ndarray of uint32, shape (N,)
        The number of the original.
    variant : ndarray of uint16, shape (N,)
        The variant of the original.
    parameters : ndarray of float32, shape (N, P)
        The drawn parameters; see `columns`.
    columns : tuple of str
        Names of the P parameters, such as ``rotate.degrees``.
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
