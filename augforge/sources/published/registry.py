"""Published files of public data sets: sizes, hashes, mirrors.

Comments give the source of each hash. Only the hashes of the uncompressed MNIST and Fashion-MNIST files are
computed, from files with the published MD5. docs/datasets.md has the details.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedFile:
    """A file with its published sizes and hashes, None if not published.

    Attributes
    ----------
    name : str
        Its name, with ``.gz``.
    sha256 : str, optional
        Hash of the file as published; None for a file inside an archive, since only the archive's is known.
    size : int, optional
        Bytes of the file as published.
    content_sha256 : str, optional
        Hash of the uncompressed file, which does not depend on the compressor.
    content_size : int, optional
        Bytes of the uncompressed file, by its published shape.
    """

    name: str
    sha256: str | None = None
    size: int | None = None
    content_sha256: str | None = None
    content_size: int | None = None

    @property
    def max_size(self) -> int | None:
        """Bound the bytes of the published file, if possible."""
        if self.size is not None or self.content_size is None:
            return self.size
        # Incompressible data grows by at most five bytes in every 16 kB, plus the gzip header.
        return self.content_size + self.content_size // 1000 + 1024


_IMAGES_60K, _IMAGES_10K = 16 + 60_000 * 28 * 28, 16 + 10_000 * 28 * 28
_LABELS_60K, _LABELS_10K = 8 + 60_000, 8 + 10_000
_TABLE_60K = 12 + 60_000 * 8 * 4

_MNIST_NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
_MNIST_SIZES = (_IMAGES_60K, _LABELS_60K, _IMAGES_10K, _LABELS_10K)


def _files(
    names: Sequence[str],
    content_size: Sequence[int],
    sha256: Sequence[str],
    size: Sequence[int | None] = (None,) * 4,
    content_sha256: Sequence[str | None] = (None,) * 4,
) -> tuple[PublishedFile, ...]:
    """Make the files of images and labels to train, then to test."""
    columns = zip(names, sha256, size, content_sha256, content_size, strict=True)
    return tuple(PublishedFile(*row) for row in columns)


MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",  # torchvision's
    "https://storage.googleapis.com/cvdf-datasets/mnist/",  # TensorFlow Datasets'
)

# Sizes and SHA-256: TensorFlow Datasets, tensorflow_datasets/url_checksums/mnist.txt.
# Uncompressed: prabhuomkar/pytorch-cpp, cmake/fetch_mnist.cmake lists the MD5 of the .gz files (the same as in
# torchvision/datasets/mnist.py) and of their contents; the SHA-256 were computed from files with the latter.
MNIST_FILES = _files(
    _MNIST_NAMES,
    _MNIST_SIZES,
    sha256=(
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
    size=(9_912_422, 28_881, 1_648_877, 4_542),
    content_sha256=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)

FASHION_MNIST_MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",  # Keras'
)

# Sizes and SHA-256: TensorFlow Datasets, tensorflow_datasets/url_checksums/fashion_mnist.txt.
# Uncompressed: computed from Debian's package dataset-fashion-mnist. Debian strips time stamp and name from the .gz
# headers; with these restored, the files have the MD5 listed in zalandoresearch/fashion-mnist, README.md.
FASHION_MNIST_FILES = _files(
    _MNIST_NAMES,
    _MNIST_SIZES,
    sha256=(
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    size=(26_421_880, 29_515, 4_422_102, 5_148),
    content_sha256=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)

KMNIST_MIRRORS = (
    "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
    "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
)

# Sizes and SHA-256: TensorFlow Datasets, tensorflow_datasets/url_checksums/kmnist.txt.
KMNIST_FILES = _files(
    _MNIST_NAMES,
    _MNIST_SIZES,
    sha256=(
        "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    ),
    size=(18_165_135, 29_497, 3_041_136, 5_120),
)

QMNIST_MIRRORS = (
    "https://raw.githubusercontent.com/facebookresearch/qmnist/master/",
    "https://github.com/facebookresearch/qmnist/raw/master/",
)

# SHA-256: torchvision, torchvision/prototype/datasets/_builtin/mnist.py (the MD5 of the same files are in its
# torchvision/datasets/mnist.py). Shapes: facebookresearch/qmnist, README.md. The sizes are not published.
QMNIST_FILES = _files(
    (
        "qmnist-train-images-idx3-ubyte.gz",
        "qmnist-train-labels-idx2-int.gz",
        "qmnist-test-images-idx3-ubyte.gz",
        "qmnist-test-labels-idx2-int.gz",
    ),
    (_IMAGES_60K, _TABLE_60K) * 2,
    sha256=(
        "9e26a7bf1683614e065d7b76460ccd52807165b3f22561fb782bd9f38c52b51d",
        "2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f",
        "43fc22bf7498b8fc98de98369d72f752d0deabc280a43a7bcc364ab19e57b375",
        "9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06",
    ),
)

EMNIST_MIRRORS = (
    "https://biometrics.nist.gov/cs_links/EMNIST/",
    "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/",
)

# Size and SHA-256: TensorFlow Datasets, tensorflow_datasets/url_checksums/emnist.txt. One archive holds all six
# sets; hashes of the files in it are not published.
EMNIST_ARCHIVE = PublishedFile(
    "gzip.zip",
    "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
    561_753_746,
)


def emnist_files(part: str) -> tuple[PublishedFile, ...]:
    """List the files of an EMNIST set, such as ``balanced``."""
    return tuple(
        PublishedFile(f"emnist-{part}-{split}-{kind}-ubyte.gz")
        for split in ("train", "test")
        for kind in ("images-idx3", "labels-idx1")
    )
