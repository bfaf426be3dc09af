"""Data sets known by name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.sources.named import DATASETS, data_folder, open_named

# Pixel digests are derived from these: other values mean other digits, or orphan every data set built so far.
MNIST_10K_DIGESTS = {
    "train": "a1ee7eb3e436979fb66c2d6856d5558a1999b0cf2ea6ace2d73f89767d2bbe39",
    "test": "e8ce760e7825352b1fc5e71360776658727e6ea05f8ffe9b02340d61ef4d665d",
}


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUGFORGE_DATA_DIR", str(tmp_path / "sets"))
    return tmp_path / "sets"


@pytest.mark.parametrize(("split", "digits"), [("train", 8000), ("test", 2000)])
def test_the_bundled_digits(split: str, digits: int) -> None:
    source = open_named("mnist-10k", split)
    assert source.images.shape == (digits, 28, 28)
    assert source.labels is not None
    assert source.labels.shape == (digits,)
    assert source.digest == MNIST_10K_DIGESTS[split]


def test_keys_are_the_data_sets_own_names() -> None:
    assert all(key == known.name for key, known in DATASETS.items())


def test_an_unknown_name() -> None:
    with pytest.raises(SourceError) as raised:
        open_named("mnist10k", "train")
    assert str(raised.value) == (
        "unknown data set 'mnist10k'; known: mnist, mnist-10k. Did you mean 'mnist-10k'? "
        "Originals of your own are given by path: {path: FOLDER}"
    )


def test_an_unknown_split() -> None:
    with pytest.raises(SourceError) as raised:
        open_named("mnist-10k", "tests")
    assert (
        str(raised.value)
        == "data set 'mnist-10k' has no split 'tests'; it has: test, train. Did you mean 'test'?"
    )


def test_an_absent_data_set_says_what_is_expected_where(data_dir: Path) -> None:
    with pytest.raises(SourceError) as raised:
        open_named("mnist", "train")
    assert str(raised.value) == (
        "data set 'mnist' is not on this machine: expected train-images-idx3-ubyte[.gz], "
        "train-labels-idx1-ubyte[.gz], t10k-images-idx3-ubyte[.gz], t10k-labels-idx1-ubyte[.gz] "
        f"in {data_dir}/mnist (AUGFORGE_DATA_DIR sets another folder than {data_dir}); "
        "files elsewhere are given by path: {path: FOLDER}"
    )


def test_other_digits_under_its_name_are_refused(
    make_folder: Callable[..., Path], images: np.ndarray, labels: np.ndarray, data_dir: Path
) -> None:
    folder = make_folder(**{"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels})
    data_dir.mkdir()
    folder.rename(data_dir / "mnist")
    with pytest.raises(SourceError) as raised:
        open_named("mnist", "train")
    assert str(raised.value) == (
        f"{data_dir}/mnist: the images of split 'train' are not those of 'mnist': "
        "SHA-256 of the uncompressed file "
        "f9b7e6cb30237672038e1e0e8336da15532fcfe58dea614049e5e7bf046c563b, expected "
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db; "
        "files of your own are given by path: {path: FOLDER}"
    )


def test_where_data_sets_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUGFORGE_DATA_DIR", "~/own")
    assert data_folder() == Path.home() / "own"
    monkeypatch.delenv("AUGFORGE_DATA_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/caches")
    assert data_folder() == Path("/var/caches/augforge")
    for unusable in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", unusable)
        assert data_folder() == Path.home() / ".cache" / "augforge"
