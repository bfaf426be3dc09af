"""Data sets known by name."""

import shutil
import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.sources.published.fetching import fetch
from augforge.sources.published.local_files import RECORD, write_record
from augforge.sources.published.named import (
    DATASETS,
    NamedDataset,
    Split,
    locate_data_folder,
    make_splits,
    open_named,
)
from augforge.sources.published.registry import PublishedFile
from tests.sources.conftest import idx_bytes
from tests.sources.files.test_idx import table_bytes
from tests.sources.published import web as making
from tests.sources.published.web import (  # noqa: F401
    FASHION_MNIST,
    IMAGES,
    LABELS,
    MNIST,
    data_dir_fixture,
    register_fixture,
    sha256,
)

# Pixel digests are derived from these: other values mean other digits, or orphan every data set built so far.
MNIST_10K_DIGESTS = {
    "train": "a1ee7eb3e436979fb66c2d6856d5558a1999b0cf2ea6ace2d73f89767d2bbe39",
    "test": "e8ce760e7825352b1fc5e71360776658727e6ea05f8ffe9b02340d61ef4d665d",
}
NAMES = (
    "emnist-balanced, emnist-byclass, emnist-bymerge, emnist-digits, emnist-letters, emnist-mnist, "
    "fashion-mnist, kmnist, mnist, mnist-10k, qmnist"
)


def put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def error_of(name: str, split: str = "train") -> str:
    with pytest.raises(SourceError) as raised:
        open_named(name, split)
    return str(raised.value)


@pytest.mark.parametrize(("split", "digits"), [("train", 8000), ("test", 2000)])
def test_the_bundled_digits(split: str, digits: int) -> None:
    source = open_named("mnist-10k", split)
    assert source.images.shape == (digits, 28, 28)
    assert source.labels is not None
    assert source.labels.shape == (digits,)
    assert source.digest == MNIST_10K_DIGESTS[split]


@pytest.mark.skipif(not MNIST.is_dir(), reason="MNIST is not at hand: set AUGFORGE_MNIST_DIR")
def test_mnist_itself(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "mnist").symlink_to(MNIST.resolve())
    assert (len(fetch("mnist").held), fetch("mnist").added) == (4, ())
    for split, digits in (("train", 60_000), ("test", 10_000)):
        source = open_named("mnist", split)
        assert source.images.shape == (digits, 28, 28)
        assert source.class_names == tuple(string.digits)


@pytest.mark.skipif(
    not FASHION_MNIST.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed"
)
def test_fashion_mnist_itself(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "fashion-mnist").symlink_to(FASHION_MNIST)
    assert (len(fetch("fashion-mnist").held), fetch("fashion-mnist").added) == (4, ())
    for split, pieces in (("train", 60_000), ("test", 10_000)):
        source = open_named("fashion-mnist", split)
        assert source.images.shape == (pieces, 28, 28)
        assert source.labels is not None
        assert set(np.bincount(source.labels)) == {pieces // 10}
        assert source.class_names[9] == "Ankle boot"


class TestWhatIsKnown:
    def test_keys_are_the_data_sets_own_names(self) -> None:
        assert all(key == known.name for key, known in DATASETS.items())
        assert ", ".join(sorted(DATASETS)) == NAMES

    def test_class_names(self) -> None:
        counts = {name: len(known.class_names) for name, known in DATASETS.items()}
        assert counts == dict.fromkeys(DATASETS, 10) | {
            "emnist-balanced": 47,
            "emnist-byclass": 62,
            "emnist-bymerge": 47,
            "emnist-letters": 26,
        }
        assert all(len(set(known.class_names)) == len(known.class_names) for known in DATASETS.values())
        assert "".join(DATASETS["emnist-byclass"].class_names) == (
            string.digits + string.ascii_uppercase + string.ascii_lowercase
        )
        for name in ("emnist-balanced", "emnist-bymerge"):
            assert (
                "".join(DATASETS[name].class_names) == string.digits + string.ascii_uppercase + "abdefghnqrt"
            )
        assert DATASETS["kmnist"].class_names == ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
        assert DATASETS["emnist-letters"].class_names == tuple(string.ascii_lowercase)

    def test_splits(self) -> None:
        for name, known in DATASETS.items():
            more = {"test10k", "test50k"} if name == "qmnist" else set()
            assert set(known.splits) == {"train", "test"} | more
            assert len(known.files) == 4

    def test_only_emnist_is_transposed_and_in_an_archive(self) -> None:
        for name, known in DATASETS.items():
            assert known.transposed == (known.archive is not None) == name.startswith("emnist")
            assert known.first_label == (name == "emnist-letters")


class TestOpening:
    def test_an_unknown_name(self) -> None:
        assert error_of("mnist10k") == (
            f"unknown data set 'mnist10k'; known: {NAMES}. Did you mean 'mnist-10k'? "
            "For your own originals write their path: {path: FOLDER}"
        )

    def test_an_unknown_split(self) -> None:
        assert error_of("mnist-10k", "tests") == (
            "data set 'mnist-10k' has no split 'tests'; it has: test, train. Did you mean 'test'?"
        )

    @pytest.mark.parametrize("folder", ["missing", "empty"])
    def test_an_absent_data_set_lists_the_expected_files(self, folder: str, data_dir: Path) -> None:
        if folder == "empty":
            (data_dir / "mnist").mkdir(parents=True)
        assert error_of("mnist") == (
            "data set 'mnist' is not on this machine: 'augforge fetch mnist' downloads it; expected "
            "train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], t10k-images-idx3-ubyte[.gz], "
            f"t10k-labels-idx1-ubyte[.gz] in {data_dir}/mnist "
            f"(AUGFORGE_DATA_DIR sets another folder than {data_dir})"
        )

    def test_a_missing_file(self, data_dir: Path) -> None:
        put(data_dir / "kmnist", {"t10k-labels-idx1-ubyte.gz": b"", "train-images-idx3-ubyte": b""})
        assert error_of("kmnist") == (
            f"data set 'kmnist' is incomplete: train-images-idx3-ubyte.gz is missing in {data_dir}/kmnist "
            "(train-images-idx3-ubyte does not count: no hash of it is published); "
            "'augforge fetch kmnist' downloads the missing files"
        )

    def test_other_digits_under_its_name_are_refused(
        self, make_folder: Callable[..., Path], images: np.ndarray, labels: np.ndarray, data_dir: Path
    ) -> None:
        folder = make_folder(**{"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels})
        data_dir.mkdir()
        folder.rename(data_dir / "mnist")
        assert error_of("mnist") == (
            f"{data_dir}/mnist: the images of split 'train' are not those of 'mnist': "
            "SHA-256 of the uncompressed file "
            "f9b7e6cb30237672038e1e0e8336da15532fcfe58dea614049e5e7bf046c563b, expected "
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db; "
            "for your own files write their path: {path: FOLDER}"
        )

    def test_other_compressed_files_are_refused_before_reading(self, data_dir: Path) -> None:
        put(data_dir / "kmnist", {"train-images-idx3-ubyte.gz": b"mine"})
        assert error_of("kmnist") == (
            f"{data_dir}/kmnist: the images of split 'train' are not those of 'kmnist': "
            f"SHA-256 of train-images-idx3-ubyte.gz {sha256(b'mine')}, expected "
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4; "
            "for your own files write their path: {path: FOLDER}"
        )

    @pytest.mark.parametrize("contents_known", [True, False])
    def test_train_and_test(self, contents_known: bool, register: Any, data_dir: Path) -> None:
        register(making.like_mnist("tiny", contents_known=contents_known))
        put(data_dir / "tiny", making.packed(making.four_files()))
        for split, count in (("train", 6), ("test", 3)):
            source = open_named("tiny", split)
            assert (source.name, source.split) == ("tiny", split)
            assert (source.images == IMAGES[:count]).all()
            assert (source.labels == LABELS[:count]).all()

    def test_unpacked_files_are_mapped(self, register: Any, data_dir: Path) -> None:
        register(making.like_mnist("tiny"))
        put(data_dir / "tiny", {name.removesuffix(".gz"): data for name, data in making.four_files().items()})
        assert (open_named("tiny", "train").images == IMAGES).all()

    def test_labels_below_the_first(self, register: Any, data_dir: Path) -> None:
        low = making.packed(making.four_files()) | making.packed(
            {"train-labels-idx1-ubyte.gz": idx_bytes(LABELS - 1)}
        )
        files = tuple(PublishedFile(name, sha256(data), len(data)) for name, data in low.items())
        tiny = replace(making.like_mnist("tiny"), splits=make_splits(files), first_label=1)
        register(tiny)
        put(data_dir / "tiny", low)
        assert error_of("tiny") == (
            f"{data_dir}/tiny/train-labels-idx1-ubyte.gz: label 0; the labels of this data set start at 1"
        )

    def test_qmnist_reads_the_first_column_and_splits_its_test_digits(
        self, register: Any, data_dir: Path
    ) -> None:
        table = np.arange(6 * 8).reshape(6, 8)
        table[:, 0] = LABELS
        data = making.packed(
            {"q-images-idx3-ubyte.gz": idx_bytes(IMAGES), "q-labels-idx2-int.gz": table_bytes(table)}
        )
        images, labels = (PublishedFile(name, sha256(packed)) for name, packed in data.items())
        splits = {
            "test": Split(images, labels),
            "test10k": Split(images, labels, stop=2),
            "test50k": Split(images, labels, start=2),
        }
        register(NamedDataset("tiny-q", "made up", splits, mirrors=("https://data.invalid/",)))
        put(data_dir / "tiny-q", data)
        for split, part in (("test", slice(6)), ("test10k", slice(2)), ("test50k", slice(2, 6))):
            source = open_named("tiny-q", split)
            assert (source.images == IMAGES[part]).all()
            assert (source.labels == LABELS[part]).all()

    def test_a_record_of_another_archive_says_nothing(self, register: Any, data_dir: Path) -> None:
        register(making.like_emnist("tiny-a", archive=b"this one"))
        files = making.packed(making.four_files(("tiny-train", "tiny-test")))
        put(data_dir / "tiny-a", files)
        write_record(
            data_dir / "tiny-a",
            PublishedFile("gzip.zip", sha256(b"that one")),
            {k: sha256(v) for k, v in files.items()},
        )
        assert "cannot determine whether tiny-train-images-idx3-ubyte.gz belongs to 'tiny-a'" in error_of(
            "tiny-a"
        )
        shutil.move(data_dir / "tiny-a" / RECORD, data_dir / "elsewhere")
        assert "cannot determine whether tiny-train-images-idx3-ubyte.gz belongs to 'tiny-a'" in error_of(
            "tiny-a"
        )


def test_the_folder_of_data_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUGFORGE_DATA_DIR", "~/own")
    assert locate_data_folder() == Path.home() / "own"
    monkeypatch.delenv("AUGFORGE_DATA_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/caches")
    assert locate_data_folder() == Path("/var/caches/augforge")
    for unusable in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", unusable)
        assert locate_data_folder() == Path.home() / ".cache" / "augforge"
