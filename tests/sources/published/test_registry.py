"""The table of published files is complete, and agrees with local files."""

import gzip
import hashlib
import re
import struct
from urllib.parse import urlsplit

import pytest

from augforge.sources.published.local_files import find_file
from augforge.sources.published.named import DATASETS, NamedDataset
from augforge.sources.published.registry import FASHION_MNIST_FILES, MNIST_FILES, PublishedFile
from tests.sources.published.web import FASHION_MNIST, MNIST

PUBLIC = [known for known in DATASETS.values() if known.mirrors]


@pytest.mark.parametrize("dataset", PUBLIC, ids=lambda known: known.name)
def test_every_download_has_a_hash_a_size_and_mirrors(dataset: NamedDataset) -> None:
    downloads = dataset.files if dataset.archive is None else (dataset.archive.file,)
    for file in downloads:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256 or "")
        assert file.content_sha256 is None or re.fullmatch("[0-9a-f]{64}", file.content_sha256)
        assert file.max_size
    assert len(dataset.mirrors) >= 2
    for mirror in dataset.mirrors:
        assert urlsplit(mirror).scheme in ("http", "https")
        assert mirror.endswith("/")


def test_no_hash_is_there_twice() -> None:
    files = {file for known in DATASETS.values() for file in known.files}
    hashes = [sha256 for file in files for sha256 in (file.sha256, file.content_sha256) if sha256]
    assert len(hashes) == len(set(hashes))


# zalandoresearch/fashion-mnist, README.md.
FASHION_MNIST_MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}


@pytest.mark.skipif(
    not FASHION_MNIST.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed"
)
@pytest.mark.parametrize("file", FASHION_MNIST_FILES, ids=lambda file: file.name)
def test_debians_fashion_mnist_is_the_published_one(file: PublishedFile) -> None:
    """Give its files back the header that Debian strips: then all that is published of them is right."""
    packed = (FASHION_MNIST / file.name).read_bytes()
    with_name, seconds = 8, 1504176606 if file.name.startswith("train") else 1504176627
    header = struct.pack("<4BI2B", 0x1F, 0x8B, 8, with_name, seconds, 0, 3)
    published = header + file.name.removesuffix(".gz").encode() + b"\0" + packed[10:]
    assert hashlib.md5(published).hexdigest() == FASHION_MNIST_MD5[file.name]
    assert hashlib.sha256(published).hexdigest() == file.sha256
    assert len(published) == file.size
    content = gzip.decompress(published)
    assert hashlib.sha256(content).hexdigest() == file.content_sha256
    assert len(content) == file.content_size


# torchvision, torchvision/datasets/mnist.py has the MD5 of the .gz files; prabhuomkar/pytorch-cpp,
# cmake/fetch_mnist.cmake has the same ones, and with them these, of what is in them.
MNIST_MD5 = {
    "train-images-idx3-ubyte.gz": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte.gz": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte.gz": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte.gz": "27ae3e4e09519cfbb04c329615203637",
}


@pytest.mark.skipif(not MNIST.is_dir(), reason="MNIST is not at hand: set AUGFORGE_MNIST_DIR")
@pytest.mark.parametrize("file", MNIST_FILES, ids=lambda file: file.name)
def test_mnist_at_hand_is_the_published_one(file: PublishedFile) -> None:
    path = find_file(MNIST, file)
    assert path is not None
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    assert hashlib.md5(content).hexdigest() == MNIST_MD5[file.name]
    assert hashlib.sha256(content).hexdigest() == file.content_sha256
    assert len(content) == file.content_size


@pytest.mark.parametrize(
    ("file", "max_size"),
    [
        (PublishedFile("a.gz", size=5), 5),
        (PublishedFile("a.gz", size=5, content_size=10_000), 5),
        (PublishedFile("a.gz", content_size=10_000), 11_034),
        (PublishedFile("a.gz"), None),
    ],
)
def test_the_maximum_size_of_a_file(file: PublishedFile, max_size: int | None) -> None:
    assert file.max_size == max_size
