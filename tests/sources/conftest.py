"""IDX files by an independent writer."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

IMAGES = (np.arange(5 * 4 * 3) * 4 % 256).astype(np.uint8).reshape(5, 4, 3)
LABELS = np.array([5, 0, 4, 1, 9], np.uint8)


def idx_bytes(array: np.ndarray, code: int = 0x08) -> bytes:
    """Return an IDX file of an array; `code` is the type that it claims."""
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def images() -> np.ndarray:
    """Five images, 4 high and 3 wide, all different."""
    return IMAGES


@pytest.fixture
def labels() -> np.ndarray:
    return LABELS


@pytest.fixture
def make_idx() -> Callable[..., bytes]:
    return idx_bytes


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[..., Path]:
    """Write name -> array or bytes as IDX files into a folder; gzipped where the name ends in .gz."""

    def make(**files: object) -> Path:
        folder = tmp_path / "digits"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            data = content if isinstance(content, bytes) else idx_bytes(content)
            (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return folder

    return make
