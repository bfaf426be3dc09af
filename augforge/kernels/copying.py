"""Copies in plain loops: Numba compiles those at once, and what assigns whole arrays in more than a second."""

from typing import Any

from numpy.typing import NDArray

from augforge.compiling import compiled


@compiled
def copy_row(source: NDArray[Any], target: NDArray[Any]) -> None:
    """Copy a row, of any length, into another one."""
    for x in range(source.size):
        target[x] = source[x]


@compiled
def copy_image(source: NDArray[Any], target: NDArray[Any]) -> None:
    """Copy an image (H, W) into another one."""
    height, width = source.shape
    for y in range(height):
        for x in range(width):
            target[y, x] = source[y, x]
