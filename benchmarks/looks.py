"""Compare drawn digits with MNIST's in slant, pen, proportions, size, position and gray levels.

Drawings have the forms that a simple page gives: the whole canvas shrunk to 28 x 28, or their box scaled to 20
pixels and placed by its center of mass. Nothing else is normalized; pens are unchanged.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy import ndimage

from augforge import kernels
from augforge.sources import SourceSpec, open_source

SIDE, BOX, MIDDLE, FINER = 28, 20, 14, 4
SHARES = (1, 5, 50, 95, 99)


def shrink(canvas: np.ndarray) -> np.ndarray:
    """Shrink the whole canvas to 28 x 28, by area."""
    return kernels.area_resample(canvas, SIDE, SIDE)


def scale_box(canvas: np.ndarray) -> np.ndarray:
    """Scale the box of the ink to 20 pixels by area, and place it as in MNIST."""
    top, bottom, left, right = kernels.bounding_box(canvas)
    box = np.ascontiguousarray(canvas[top:bottom, left:right])
    height, width = kernels.fit_size(*box.shape, BOX)
    return kernels.center_by_mass(kernels.area_resample(box, height, width), SIDE, MIDDLE)


def looks(image: np.ndarray) -> dict[str, float]:
    """Measure one digit of 28 x 28 pixels."""
    gray = image.astype(np.float64)
    y, x = np.mgrid[:SIDE, :SIDE]
    center_x, center_y = (np.average(along, weights=gray) for along in (x, y))
    down = np.average((y - center_y) ** 2, weights=gray)
    across = np.average((x - center_x) * (y - center_y), weights=gray)
    top, bottom, left, right = kernels.bounding_box((image >= 64).astype(np.uint8))
    fine = ndimage.zoom(gray, FINER, order=1, grid_mode=True, mode="grid-constant")
    ink = fine >= gray.max() / 2
    depth = ndimage.distance_transform_edt(ink)[ink].mean()
    holes = ndimage.label(np.pad(~ink, 1, constant_values=True))[1] - 1
    levels = image[image > 0]
    return {
        "slant, degrees (right is positive)": -np.degrees(np.arctan2(across, down)),
        "stroke width, pixels": (4 * depth - 2) / FINER,
        "width / height of the box": (right - left) / (bottom - top),
        "longer side of the box, pixels": max(right - left, bottom - top),
        "center of mass, right of 14": center_x - MIDDLE,
        "center of mass, below 14": center_y - MIDDLE,
        "highest gray level": levels.max(),
        "median gray level of the ink": np.median(levels),
        "pieces": ndimage.label(ink, np.ones((3, 3)))[1],
        "holes": holes,
    }


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("drawn", type=Path, help="folder with drawn digits as IDX files, split 'drawn'")
    parser.add_argument("--first", type=int, default=2000, help="number of drawings")
    options = parser.parse_args()
    mnist = open_source(SourceSpec(dataset="mnist-10k"))
    drawn = open_source(SourceSpec(path=options.drawn.absolute(), split="drawn"))
    canvases, labels = drawn.images[: options.first], np.asarray(drawn.labels)[: options.first]
    sets = {
        f"MNIST, {len(mnist):,}": (mnist.images, np.asarray(mnist.labels)),
        f"drawn, shrunk, {len(canvases):,}": ([shrink(canvas) for canvas in canvases], labels),
        f"drawn, box of 20, {len(canvases):,}": ([scale_box(canvas) for canvas in canvases], labels),
    }
    seen = {name: [looks(image) for image in images] for name, (images, _) in sets.items()}
    row = "{:<36}{:>50}{:>50}{:>50}".format
    print(row("percentiles " + ", ".join(map(str, SHARES)) + "; sd", *sets))
    for what in list(next(iter(seen.values()))[0])[:-2]:
        columns = [np.array([one[what] for one in digits]) for digits in seen.values()]
        told = [[*np.percentile(values, SHARES), values.std()] for values in columns]
        print(row(what, *("  ".join(f"{value:.2f}" for value in values) for values in told)))
    print(
        row(
            "in several pieces, %",
            *(f"{100 * np.mean([d['pieces'] > 1 for d in s]):.1f}" for s in seen.values()),
        )
    )
    for digit in (6, 8, 9):
        ends = [
            np.bincount([int(d["holes"]) for d, own in zip(seen[name], classes, strict=True) if own == digit])
            for name, (_, classes) in sets.items()
        ]
        print(
            row(f"{digit} without a hole, %", *(f"{100 * counts[0] / counts.sum():.0f}" for counts in ends))
        )


if __name__ == "__main__":
    main()
