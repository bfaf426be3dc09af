"""Measure the worth and the time of normalizing drawn digits.

One small network is trained on unchanged MNIST and tested with drawings: shrunk to 28 x 28, and normalized in
several ways. Only the drawings differ. With ``--photographed``, those of the other writers are made to look
photographed.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from learning import BATCH, inputs, percent_wrong, predict, train
from photographing import SCENES, photograph
from torch import nn

import augforge
from augforge import kernels
from augforge.errors import AugforgeError
from augforge.normalizing import Polarity
from augforge.sources import Source, SourceSpec, open_source

EPOCHS = 3


def epochs(digits: Source) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield endless batches of digits, each epoch in another order."""
    images, labels = inputs(digits.images), torch.from_numpy(np.asarray(digits.labels).astype(np.int64))
    whole = len(images) // BATCH * BATCH
    while True:
        for batch in torch.randperm(len(images))[:whole].split(BATCH):
            yield images[batch], labels[batch]


def confusions(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> str:
    """List the most frequent errors: ``9 read as 3: 44``."""
    pairs = Counter(zip(labels.tolist(), predict(model, images).tolist(), strict=True))
    wrong = [(count, *pair) for pair, count in pairs.items() if pair[0] != pair[1]]
    most = [f"{label} read as {found}: {count}" for count, label, found in sorted(wrong, reverse=True)[:6]]
    return f"{sum(count for count, *_ in wrong)} errors; " + ", ".join(most)


def normalize_or_blank(picture: np.ndarray, polarity: Polarity = "auto") -> np.ndarray:
    """Normalize a picture; without ink, return a blank digit, which counts as wrong."""
    try:
        return augforge.normalize(picture, polarity=polarity)
    except AugforgeError:
        return np.full((28, 28), 0, np.uint8)


def print_photographed(model: nn.Module, drawings: np.ndarray, labels: np.ndarray) -> None:
    """Measure photographs of drawings, scene by scene."""
    row = "{:<40}{:>16}{:>16}{:>16}".format
    print(row(f"{len(drawings):,} photographs, percent wrong", "normalized", "no ink found", "ms each"))
    print(
        row(
            "(the drawings themselves)",
            f"{percent_wrong(model, augforge.normalize(drawings), labels):.2f}",
            "",
            "",
        )
    )
    for name, scene in SCENES.items():
        photographs = [photograph(image, scene, (0, number)) for number, image in enumerate(drawings)]
        normalize_or_blank(photographs[0])
        start = time.perf_counter()
        images = np.stack([normalize_or_blank(photograph) for photograph in photographs])
        seconds = time.perf_counter() - start
        blank = ~images.any(axis=(1, 2))
        wrong = 100 * ((predict(model, images) != labels) | blank).mean()
        print(row(name, f"{wrong:.2f}", blank.sum(), f"{1000 * seconds / len(images):.2f}"), flush=True)


def main() -> None:
    """Train, measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("mnist", type=Path, help="folder with MNIST's IDX files")
    parser.add_argument("drawn", type=Path, help="folder with drawn digits as IDX files, split 'drawn'")
    parser.add_argument(
        "--for-fitting", type=int, default=2000, help="number of first drawings to report separately"
    )
    parser.add_argument(
        "--photographed", action="store_true", help="measure photographs of the other drawings"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    digits = open_source(SourceSpec(path=options.mnist.absolute()))
    model = train(epochs(digits), EPOCHS * (len(digits) // BATCH), seed=0)
    test = open_source(SourceSpec(path=options.mnist.absolute(), split="test"))
    print(
        f"network: {percent_wrong(model, test.images, np.asarray(test.labels)):.2f} % wrong on MNIST's test set"
    )
    drawn = open_source(SourceSpec(path=options.drawn.absolute(), split="drawn"))
    if options.photographed:
        others = slice(options.for_fitting, None)
        print_photographed(model, drawn.images[others], np.asarray(drawn.labels)[others])
        return
    ways = {
        "shrunk to 28 x 28": lambda: np.stack(
            [kernels.area_resample(image, 28, 28) for image in drawn.images]
        ),
        "pen as-drawn": lambda: augforge.normalize(drawn.images, pen="as-drawn"),
        "pen as-drawn, upright": lambda: augforge.normalize(drawn.images, pen="as-drawn", upright=True),
        "pen mnist (default)": lambda: augforge.normalize(drawn.images),
        "pen mnist, upright": lambda: augforge.normalize(drawn.images, upright=True),
    }
    row = "{:<24}{:>16}{:>16}{:>12}".format
    first = options.for_fitting
    print(row("percent wrong", f"first {first:,}", f"other {len(drawn) - first:,}", "seconds"))
    for name, way in ways.items():
        way()
        start = time.perf_counter()
        images = way()
        seconds = time.perf_counter() - start
        labels = np.asarray(drawn.labels)
        parts = [
            percent_wrong(model, images[part], labels[part]) for part in (slice(first), slice(first, None))
        ]
        print(row(name, *(f"{part:.2f}" for part in parts), f"{seconds:.2f}"))
    images = augforge.normalize(drawn.images[:first])
    print(f"normalized, first {first:,}: {confusions(model, images, np.asarray(drawn.labels)[:first])}")
    large = drawn.images[0].repeat(3, axis=0).repeat(3, axis=1)[:280, :280]
    augforge.normalize(large)
    start = time.perf_counter()
    for _ in range(100):
        augforge.normalize(large)
    print(f"one drawing of 280 x 280: {10 * (time.perf_counter() - start):.2f} ms")


if __name__ == "__main__":
    main()
