"""The bundled digits are what their README says: MNIST's first 10,000 training digits, no test digit.

MNIST itself is not in the project. What can be proved without it is proved from hashes; what needs it runs
where AUGFORGE_MNIST_DIR names a folder of the four official files, or shared/mnist lies beside the checkout.
"""

import gzip
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from blake3 import blake3

from augforge import bundle
from augforge.sources import SourceSpec, open_source

ROOT = Path(__file__).parents[2]
MNIST = Path(os.environ.get("AUGFORGE_MNIST_DIR") or ROOT.parent / "shared" / "mnist")
FOLDER = bundle.folder("data") / "mnist-10k"
TEST_DIGESTS = Path(__file__).with_name("mnist-test-digests.bin").read_bytes()
DIGEST_BYTES = 8

# Of 10,000 x 784 pixels, then of 10,000 labels: the first bytes behind the headers of MNIST's training files.
PIXELS_SHA256 = "2f7182bf021ffc5c1f62db987487f14d899b5c639f421a80f3095affc09a7db2"
LABELS_SHA256 = "2f345bad07338ec537641465e169cc4b7288a44244f251211c7f842641e7d927"

with_mnist = pytest.mark.skipif(not MNIST.is_dir(), reason="MNIST is not at hand: set AUGFORGE_MNIST_DIR")


def _bundled() -> tuple[np.ndarray, np.ndarray]:
    splits = [open_source(SourceSpec(dataset="mnist-10k", split=split)) for split in ("train", "test")]
    images = np.concatenate([source.images for source in splits])
    return images, np.concatenate([source.labels for source in splits if source.labels is not None])


def _mnist(split: str) -> tuple[np.ndarray, np.ndarray]:
    source = open_source(SourceSpec(path=MNIST, split=split))
    assert source.labels is not None
    return source.images, source.labels


def _digests(images: np.ndarray) -> list[bytes]:
    return [blake3(image.tobytes()).digest(DIGEST_BYTES) for image in images]


@pytest.fixture(scope="module")
def derive() -> ModuleType:
    spec = importlib.util.spec_from_file_location("derive", FOLDER / "derive.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", True)  # the folder goes into the wheel as it is
        spec.loader.exec_module(module)
    return module


def test_they_are_mnists_first_10000() -> None:
    images, labels = _bundled()
    assert images.shape == (10_000, 28, 28)
    assert hashlib.sha256(images.tobytes()).hexdigest() == PIXELS_SHA256
    assert hashlib.sha256(labels.tobytes()).hexdigest() == LABELS_SHA256


def test_no_digit_of_mnists_test_set_is_among_them() -> None:
    of_test = {TEST_DIGESTS[at : at + DIGEST_BYTES] for at in range(0, len(TEST_DIGESTS), DIGEST_BYTES)}
    assert len(of_test) == 10_000
    assert of_test.isdisjoint(_digests(_bundled()[0]))


def test_no_digit_is_in_both_splits() -> None:
    assert len(set(_digests(_bundled()[0]))) == 10_000


def test_the_readmes_hashes_are_the_files() -> None:
    rows = re.findall(
        r"^\| (\S+\.gz) \| (\w{64}) \| (\w{64}) \|$", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
    assert sorted(name for name, _, _ in rows) == sorted(path.name for path in FOLDER.glob("*.gz"))
    assert len(rows) == 4
    for name, packed, unpacked in rows:
        content = (FOLDER / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == packed, name
        assert hashlib.sha256(gzip.decompress(content)).hexdigest() == unpacked, name
        assert content[3:8] == bytes(5), f"{name}: gzip flags and time are zero"


@with_mnist
def test_the_committed_hashes_are_mnists() -> None:
    images, labels = _mnist("train")
    assert hashlib.sha256(images[:10_000].tobytes()).hexdigest() == PIXELS_SHA256
    assert hashlib.sha256(labels[:10_000].tobytes()).hexdigest() == LABELS_SHA256
    assert b"".join(_digests(_mnist("test")[0])) == TEST_DIGESTS


@with_mnist
def test_mnist_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mnist").symlink_to(MNIST, target_is_directory=True)
    monkeypatch.setenv("AUGFORGE_DATA_DIR", str(tmp_path))
    for split, digits in (("train", 60_000), ("test", 10_000)):
        assert open_source(SourceSpec(dataset="mnist", split=split)).images.shape == (digits, 28, 28)


def test_mnists_order_is_restored_with_twins(derive: ModuleType) -> None:
    one, two = np.full((28, 28), 1, np.uint8), np.full((28, 28), 2, np.uint8)
    # By class, as in the package; `one` is there as a 3, twice as a 7, and `two` as a 7.
    images, labels = np.stack([one, one, two, one]), np.array([3, 7, 7, 7], np.uint8)
    of_images, of_labels = np.stack([one, two, one, one]), np.array([7, 7, 3, 7], np.uint8)
    order = derive.find_order(images, labels, of_images, of_labels)
    assert order.tolist() == [1, 2, 0, 3]
    with pytest.raises(SystemExit, match="MNIST's training digit 2 is not in the package"):
        derive.find_order(images, labels, of_images[[0, 2, 2]], of_labels[[0, 2, 2]])


def test_rounded_values_give_every_pixel_back(derive: ModuleType) -> None:
    levels = np.tile(np.arange(256), 49)  # 16 images
    np.testing.assert_array_equal(derive.restore_pixels(np.round(levels / 255, 3).tolist()).ravel(), levels)
    with pytest.raises(SystemExit, match="not pixels divided by 255"):
        derive.restore_pixels([0.502] * 783 + [0.5])


def test_the_script_says_how_it_is_called() -> None:
    done = subprocess.run(
        [sys.executable, FOLDER / "derive.py", "--help"], capture_output=True, text=True, check=True
    )
    assert "the folder of MNIST's four official IDX files" in " ".join(done.stdout.split())
