"""How much does each disturbance of a drawing cost, after normalization?

One nearest neighbor and a small network know MNIST's training digits as they are. Each drawing is normalized as
drawn
and disturbed; the difference in accuracy is what the disturbance costs. Also printed: the share of drawings that
come
out within 4 gray levels (mean absolute difference) of the undisturbed one, after the best shift of at most a pixel.
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from learning import BATCH, percent_wrong, trained
from normalize import epochs, normalized_or_blank
from photographing import Scene, photographed
from PIL import Image

import augforge
from augforge.sources import SourceSpec, open_source

NEIGHBORS = 10_000
# Without paper around the ink the polarity must be given.
CUT = "cut to the box of its ink"
Disturb = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def between(paper: int, ink: int) -> Disturb:
    """Return a disturbance that maps white paper and black ink to other levels."""
    return lambda drawing, _: np.rint(ink + (paper - ink) * (drawing / 255)).astype(np.uint8)


def one_pixel_off(drawing: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Change one pixel of the paper by one level."""
    out = drawing.copy()
    out[2, 2] ^= 1
    return out


def dotted(drawing: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Put a black dot of 2 x 2 pixels into a corner."""
    out = drawing.copy()
    out[2:4, 2:4] = 0
    return out


def framed(drawing: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Draw a black frame one pixel wide."""
    return np.pad(drawing[1:-1, 1:-1], 1)


def lowest_bit(drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flip the lowest bit of half of all pixels."""
    return drawing ^ rng.integers(0, 2, drawing.shape, dtype=np.uint8)


def noisy(deviation: float) -> Disturb:
    """Return a disturbance that adds normal noise."""
    return lambda drawing, rng: rounded(drawing + rng.normal(0, deviation, drawing.shape))


def compressed(drawing: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """Store a drawing as JPEG of quality 75."""
    file = io.BytesIO()
    Image.fromarray(drawing).save(file, "JPEG", quality=75)
    return np.asarray(Image.open(file))


def on_a_desk(drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lay a drawing on a dark desk, with noise."""
    sheet = np.asarray(Image.fromarray(drawing).resize((220, 220), Image.Resampling.BICUBIC), float)
    picture = rng.normal(40, 4, (300, 300))
    picture[40:260, 40:260] = 30 + 225 * sheet / 255
    return rounded(picture + rng.normal(0, 3, picture.shape))


def rounded(levels: np.ndarray) -> np.ndarray:
    """Return levels as uint8."""
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def specked(drawing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
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
    return lambda drawing, rng: photographed(255 - drawing, chosen, (0, int(rng.integers(1 << 31))))


DISTURBANCES: dict[str, Disturb] = {
    "none": lambda drawing, _: drawing,
    "one pixel one level off": one_pixel_off,
    "a dot of 2 x 2 pixels": dotted,
    "a frame of one pixel": framed,
    "noise in the lowest bit": lowest_bit,
    "white ink on light gray": between(200, 255),
    "black ink on dark gray": between(64, 0),
    "normal noise, deviation 5": noisy(5),
    "normal noise, deviation 10": noisy(10),
    "JPEG, quality 75": compressed,
    "a sheet on a dark desk, noise": on_a_desk,
    "photograph, even light": photo(uneven=False),
    "photograph, uneven light": photo(),
    "photograph, soft shadow": photo(shadow="soft"),
    "photograph, soft shadow, specks": photo(shadow="soft", specks=True),
    "photograph, ballpoint": photo("ballpoint"),
    "photograph, pencil": photo("pencil"),
    "three specks of 2 x 2 pixels": specked,
    CUT: cut,
}


def nearest_wrong(known: np.ndarray, classes: np.ndarray, images: np.ndarray, labels: np.ndarray) -> float:
    """Return percent wrong of one nearest neighbor."""
    these, those = (array.reshape(len(array), -1).astype(np.float32) for array in (images, known))
    squares = (those * those).sum(axis=1)
    found = [classes[(squares - 2 * (one @ those.T)).argmin(axis=1)] for one in np.array_split(these, 10)]
    return float(100 * (np.concatenate(found) != labels).mean())


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean absolute difference after the best shift of at most one pixel."""
    moves = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return float(min(np.abs(np.roll(one.astype(int), move, (0, 1)) - other).mean() for move in moves))


def main() -> None:
    """Train, disturb, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("mnist", type=Path, help="folder with MNIST's IDX files")
    parser.add_argument("drawn", type=Path, help="folder with drawn digits as IDX files, split 'drawn'")
    parser.add_argument("--for-fitting", type=int, default=2000, help="so many first ones are left out")
    parser.add_argument("--count", type=int, default=1000, help="so many drawings are measured")
    parser.add_argument("--epochs", type=int, default=3, help="of the network")
    parser.add_argument("--only", nargs="+", choices=DISTURBANCES, default=list(DISTURBANCES), metavar="NAME")
    options = parser.parse_args()
    torch.set_num_threads(1)
    mnist = open_source(SourceSpec(path=options.mnist.absolute()))
    drawn = open_source(SourceSpec(path=options.drawn.absolute(), split="drawn"))
    chosen = slice(options.for_fitting, options.for_fitting + options.count)
    drawings, labels = 255 - drawn.images[chosen], np.asarray(drawn.labels)[chosen]
    model = trained(epochs(mnist), options.epochs * (len(mnist) // BATCH), seed=0)
    known, classes = mnist.images[:NEIGHBORS], np.asarray(mnist.labels)[:NEIGHBORS]
    clean = augforge.normalize([*drawings])
    print(f"{'percent wrong':<34}{'1-NN':>8}{'network':>9}{'within 4 levels, %':>20}")
    for name in options.only:
        disturb = DISTURBANCES[name]
        images = np.stack(
            [
                normalized_or_blank(
                    disturb(drawing, np.random.default_rng((0, number))),
                    "dark-on-light" if name == CUT else "auto",
                )
                for number, drawing in enumerate(drawings)
            ]
        )
        near = np.mean([difference(one, other) <= 4 for one, other in zip(images, clean, strict=True)])
        wrong = nearest_wrong(known, classes, images, labels), percent_wrong(model, images, labels)
        print(f"{name:<34}{wrong[0]:>8.2f}{wrong[1]:>9.2f}{100 * near:>20.1f}", flush=True)


if __name__ == "__main__":
    main()
