"""Which format is at a path."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.sources.formats import FORMATS, find_format


def test_by_name_and_by_look(make_folder: Callable[..., Path], images: np.ndarray) -> None:
    folder = make_folder(**{"train-images-idx3-ubyte": images})
    assert find_format(folder, None) is FORMATS["idx"]
    assert find_format(folder, "idx") is FORMATS["idx"]


def test_keys_are_the_formats_own_names() -> None:
    assert all(key == known.name for key, known in FORMATS.items())


def test_what_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        find_format(tmp_path, "idxx")
    assert str(raised.value) == "unknown format 'idxx'; known: idx. Did you mean 'idx'?"
    with pytest.raises(SourceError) as raised:
        find_format(tmp_path / "absent", None)
    assert str(raised.value) == f"{tmp_path / 'absent'}: no such file or folder"
    with pytest.raises(SourceError) as raised:
        find_format(tmp_path, None)
    assert str(raised.value) == (
        f"{tmp_path}: no known format of originals. "
        f"Known are idx: a folder of MNIST-like IDX files, gzipped or not"
    )
