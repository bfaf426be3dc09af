"""From a spec to the originals."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.sources import SourceSpec, open_source


@pytest.mark.parametrize("format_name", ["idx", None])
def test_by_path(
    make_folder: Callable[..., Path], images: np.ndarray, labels: np.ndarray, format_name: str | None
) -> None:
    folder = make_folder(**{"drawn-images-idx3-ubyte.gz": images, "drawn-labels-idx1-ubyte.gz": labels + 3})
    source = open_source(
        SourceSpec(path=folder, format=format_name, split="drawn", classes=13, written_path="digits")
    )
    np.testing.assert_array_equal(source.images, images)
    assert (source.name, source.split, len(source.class_names)) == ("digits", "drawn", 13)


def test_by_name() -> None:
    source = open_source(SourceSpec(dataset="mnist-10k", split="test"))
    assert (source.name, source.split, len(source)) == ("mnist-10k", "test", 2000)


def test_a_folder_that_may_not_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", forbidden)
    with pytest.raises(SourceError) as raised:
        open_source(SourceSpec(path=tmp_path))
    assert str(raised.value) == f"{tmp_path}: cannot be read: Permission denied"


def test_a_known_data_set_is_prepared_too() -> None:
    spec = SourceSpec(dataset="mnist-10k", split="test")
    whole, source = open_source(spec), open_source(spec, lambda image: image[4:24, 4:24])
    np.testing.assert_array_equal(source.images, whole.images[:, 4:24, 4:24])
    np.testing.assert_array_equal(source.labels, whole.labels)
    assert (source.name, source.split, source.class_names) == (whole.name, whole.split, whole.class_names)
    assert source.digest != whole.digest


def test_what_means_nothing_to_a_format_is_an_error(
    make_folder: Callable[..., Path], images: np.ndarray
) -> None:
    folder = make_folder(**{"train-images-idx3-ubyte": images})
    with pytest.raises(
        SourceError, match="'images: pictures' means nothing to the format idx, only to hdf5, npz"
    ):
        open_source(SourceSpec(path=folder, images="pictures"))
