"""Measure the cost of each disturbance of a drawing, after normalization.

One nearest neighbor and a small network know MNIST's unchanged training digits. Each drawing is normalized
undisturbed and disturbed; the difference in accuracy is the cost. The table also has the share of drawings within
4 gray levels (mean absolute difference) of the undisturbed one, after the best shift of at most a pixel.
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from learning import BATCH, percent_wrong, train
from normalize import epochs, normalize_or_blank
from photographing import Scene, photograph
from PIL import Image

import augforge
from augforge.sources import SourceSpec, open_source

NEIGHBORS = 10_000
# Without paper around the ink, the polarity must be given.
CUT = "cut to the box of its ink"
Disturb = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def between(paper: int, ink: int) -> Disturb:
    """Return a disturbance that maps white paper and black ink to other levels."""
    return lambda drawing, _: np.rint(ink + (paper - ink) * (drawing / 255)).astype(np.uint8)


def change_pixel(drawing: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Change one pixel of the paper by one level."""
    out = drawing.copy()
    out[2, 2] ^= 1
    return out


def add_dot(drawing: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Put a black dot of 2 x 2 pixels into a corner."""
    out = drawing.copy()
    out[2:4, 2:4] = 0
    return out


def add_frame(drawing: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Draw a black frame one pixel wide."""
    return np.pad(drawing[1:-1, 1:-1], 1)


def flip_lowest_bits(drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flip the lowest bit of half of all pixels."""
    return drawing ^ rng.integers(0, 2, drawing.shape, dtype=np.uint8)


def add_noise(deviation: float) -> Disturb:
    """Return a disturbance that adds normal noise."""
    return lambda drawing, rng: round_levels(drawing + rng.normal(0, deviation, drawing.shape))


def compress_jpeg(drawing: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Store a drawing as JPEG of quality 75."""
    file = io.BytesIO()
    Image.fromarray(drawing).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file))


def lay_on_desk(drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lay a drawing on a dark desk, with noise."""
    sheet = np.asarray(Image.fromarray(drawing).resize((220, 220), Image.Resampling.BICUBIC), float)
    picture = rng.normal(40, 4, (300, 300))
    picture[40:260, 40:260] = 30 + 225 * sheet / 255
    return round_levels(picture + rng.normal(0, 3, picture.shape))


def round_levels(levels: np.ndarray) -> np.ndarray:
    """Round levels to uint8."""
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def add_specks(drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scatter three black specks of 2 x 2 pixels."""
    out = drawing.copy()
    for y, x in rng.integers(0, min(drawing.shape) - 1, (3, 2)):
        out[y : y + 2, x : x + 2] = 0
    return out


def cut(drawing: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Cut a drawing to the box of its ink."""
    rows, columns = np.nonzero(255 - drawing)
    return drawing[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def photo(pen: str = "marker", **scene: object) -> Disturb:
    """Return a disturbance that makes a drawing look photographed."""
    chosen = Scene(pens=(pen,), **scene)  # type: ignore[arg-type]
    return lambda drawing, rng: photograph(255 - drawing, chosen, (0, int(rng.integers(1 << 31))))


DISTURBANCES: dict[str, Disturb] = {
    "none": lambda drawing, _: drawing,
    "one pixel one level off": change_pixel,
    "a dot of 2 x 2 pixels": add_dot,
    "a frame of one pixel": add_frame,
    "noise in the lowest bit": flip_lowest_bits,
    "white ink on light gray": between(200, 255),
    "black ink on dark gray": between(64, 0),
    "normal noise, deviation 5": add_noise(5),
    "normal noise, deviation 10": add_noise(10),
    "JPEG, quality 75": compress_jpeg,
    "a sheet on a dark desk, noise": lay_on_desk,
    "photograph, even light": photo(uneven=False),
    "photograph, uneven light": photo(),
    "photograph, soft shadow": photo(shadow="soft"),
    "photograph, soft shadow, specks": photo(shadow="soft", specks=True),
    "photograph, ballpoint": photo("ballpoint"),
    "photograph, pencil": photo("pencil"),
    "three specks of 2 x 2 pixels": add_specks,
    CUT: cut,
}


def nearest_neighbor_error(
    known: np.ndarray, classes: np.ndarray, images: np.ndarray, labels: np.ndarray
) -> float:
    """Measure one nearest neighbor in percent wrong."""
    these, those = (array.reshape(len(array), -1).astype(np.float32) for array in (images, known))
    squares = (those * those).sum(axis=1)
    found = [classes[(squares - 2 * (one @ those.T)).argmin(axis=1)] for one in np.array_split(these, 10)]
    return float(100 * (np.concatenate(found) != labels).mean())


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Compute the mean absolute difference after the best shift of at most a pixel."""
    moves = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return float(min(np.abs(np.roll(one.astype(int), move, (0, 1)) - other).mean() for move in moves))


def main() -> None:
    """Train, disturb, measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("mnist", type=Path, help="folder with MNIST's IDX files")
    parser.add_argument("drawn", type=Path, help="folder with drawn digits as IDX files, split 'drawn'")
    parser.add_argument("--for-fitting", type=int, default=2000, help="number of first drawings to omit")
    parser.add_argument("--count", type=int, default=1000, help="number of drawings")
    parser.add_argument("--epochs", type=int, default=3, help="epochs of training")
    parser.add_argument("--only", nargs="+", choices=DISTURBANCES, default=list(DISTURBANCES), metavar="NAME")
    options = parser.parse_args()
    torch.set_num_threads(1)
    mnist = open_source(SourceSpec(path=options.mnist.absolute()))
    drawn = open_source(SourceSpec(path=options.drawn.absolute(), split="drawn"))
    chosen = slice(options.for_fitting, options.for_fitting + options.count)
    drawings, labels = 255 - drawn.images[chosen], np.asarray(drawn.labels)[chosen]
    model = train(epochs(mnist), options.epochs * (len(mnist) // BATCH), seed=0)
    known, classes = mnist.images[:NEIGHBORS], np.asarray(mnist.labels)[:NEIGHBORS]
    clean = augforge.normalize([*drawings])
    print(f"{'percent wrong':<34}{'1-NN':>8}{'network':>9}{'within 4 levels, %':>20}")
    for name in options.only:
        disturb = DISTURBANCES[name]
        images = np.stack(
            [
                normalize_or_blank(
                    disturb(drawing, np.random.default_rng((0, number))),
                    "dark-on-light" if name == CUT else "auto",
                )
                for number, drawing in enumerate(drawings)
            ]
        )
        near = np.mean([difference(one, other) <= 4 for one, other in zip(images, clean, strict=True)])
        wrong = nearest_neighbor_error(known, classes, images, labels), percent_wrong(model, images, labels)
        print(f"{name:<34}{wrong[0]:>8.2f}{wrong[1]:>9.2f}{100 * near:>20.1f}", flush=True)


if __name__ == "__main__":
    main()
