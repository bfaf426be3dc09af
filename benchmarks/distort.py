"""Distorting digits in one thread: augforge against imgaug's batch mode, the same steps, in the same run.

Both make variants of the same bundled digits, with the steps and ranges of benchmarks/plain.yaml or, with
``--recipe shape``, of benchmarks/shape.yaml. augforge also checks its guard and records every parameter, which
imgaug does not do. imgaug gets its best fair form: one Affine for all affine maps with its default, OpenCV, back
end (its only batch form, arrays, not lists), gray levels as plain Multiply and Add, which it does by table, and the
batch size at which it is fastest. It has no change of stroke width: OpenCV's dilation or erosion of the image
enlarged four times stands in for it, and breaks thin strokes. Its elastic distortion shares noise among 32 images.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import measuring
import numpy as np

BATCH_SIZES = (256, 1024, 4096)
HERE = Path(__file__).parent


def affine() -> Any:
    import imgaug.augmenters as iaa

    # translate_percent, because translate_px knows whole pixels only.
    return iaa.Affine(
        rotate=(-12, 12),
        scale=(0.85, 1.15),
        translate_percent={"x": (-2 / 28, 2 / 28), "y": (-2 / 28, 2 / 28)},
    )


def gray_levels() -> list[Any]:
    import imgaug.augmenters as iaa
    import imgaug.parameters as iap

    gamma = iaa.GammaContrast(iap.TruncatedNormal(1, 0.1, low=0.7, high=1.4))
    return [gamma, iaa.Multiply((0.7, 1.2)), iaa.Add((-10, 10))]


def plain_steps() -> Any:
    """Return the steps of plain.yaml as imgaug's user would write them."""
    import imgaug.augmenters as iaa
    import imgaug.parameters as iap

    lost, added = iaa.Dropout(p=(0, 0.03)), iaa.ReplaceElementwise((0, 0.02), iap.DiscreteUniform(128, 255))
    return iaa.Sequential([affine(), lost, added, *gray_levels()])


def shape_steps() -> Any:
    """Return the steps of shape.yaml as imgaug's user would write them."""
    import cv2
    import imgaug.augmenters as iaa

    discs = [cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1)) for r in range(3)]

    def other_pens(images: Any, random_state: Any, *_: Any) -> Any:
        # Widths of -1 to 1 pixel: edges move by half of that, 0 to 2 pixels of the enlarged image.
        changed = np.empty_like(images)
        for place, width in enumerate(random_state.uniform(-1, 1, len(images))):
            large = cv2.resize(images[place], None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)
            morph = cv2.dilate if width > 0 else cv2.erode
            moved = morph(large, discs[round(2 * abs(width))])
            changed[place] = cv2.resize(moved, images.shape[2:0:-1], interpolation=cv2.INTER_AREA).reshape(
                images.shape[1:]
            )
        return changed

    # alpha / (sigma sqrt(6 pi)) pixels: 0 to 2 at sigma 5.
    elastic = iaa.ElasticTransformation(alpha=(0, 43), sigma=(4, 6), mode="constant")
    pens = iaa.Lambda(func_images=other_pens)
    return iaa.Sequential([affine(), elastic, pens, iaa.GaussianBlur((0, 1)), *gray_levels()])


STEPS: dict[str, Callable[[], Any]] = {"plain": plain_steps, "shape": shape_steps}


def check(name: str, images: np.ndarray, originals: np.ndarray) -> float:
    """Return the mean gray level; refuse output that cannot be right."""
    if images.shape != originals.shape or images.dtype != np.uint8:
        raise SystemExit(f"{name}: {images.shape} {images.dtype} instead of {originals.shape} uint8")
    if (images == originals).all(axis=(1, 2)).mean() > 0.01:
        raise SystemExit(f"{name}: some images are not distorted at all")
    return float(images.mean())


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("--recipe", choices=sorted(STEPS), default="plain", help="which steps")
    parser.add_argument("--images", type=int, default=8192, help="made per repeat (a multiple of 4,096)")
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    measuring.one_thread()

    import cv2
    import imgaug

    import augforge

    cv2.setNumThreads(0)
    imgaug.seed(7)
    forge = augforge.Forge(HERE / f"{options.recipe}.yaml")
    first = len(forge.source)  # variant 0 is the untouched originals
    numbers = range(first, first + options.images)
    originals = forge.source.images[np.arange(options.images) % first]
    steps = STEPS[options.recipe]()

    def with_augforge(size: int) -> np.ndarray:
        return np.concatenate(
            [forge.make(numbers[i : i + size]).images for i in range(0, options.images, size)]
        )

    def with_imgaug(size: int) -> np.ndarray:
        batches = (originals[i : i + size] for i in range(0, options.images, size))
        return np.concatenate([steps.augment_images(batch) for batch in batches])

    makers = {"augforge": with_augforge, "imgaug": with_imgaug}
    gray = {name: check(name, make(256), originals) for name, make in makers.items()}
    if abs(gray["augforge"] - gray["imgaug"]) > 0.1 * gray["imgaug"]:
        raise SystemExit(f"the mean gray levels are too far apart to be the same work: {gray}")

    things = {
        f"{name}, batches of {size}": lambda make=make, size=size: make(size)
        for name, make in makers.items()
        for size in BATCH_SIZES
    }
    timings = measuring.side_by_side(things, options.repeats)
    best = {
        name: min(t.median for key, t in timings.items() if key.startswith(f"{name},")) for name in makers
    }
    ratio = best["imgaug"] / best["augforge"]
    least = {
        name: min(t.fastest for key, t in timings.items() if key.startswith(f"{name},")) for name in makers
    }
    fastest_ratio = least["imgaug"] / least["augforge"]

    rows = [
        (
            name,
            f"{options.images / t.median:,.0f}",
            f"{t.median / options.images * 1e6:.2f}",
            f"{t.spread:.0%}",
        )
        for name, t in timings.items()
    ]
    notes = (
        f"Best median against best median {ratio:.1f} times, fastest repeat against fastest repeat "
        f"{fastest_ratio:.1f} times imgaug.\n"
        f"Mean gray level: augforge {gray['augforge']:.1f}, imgaug {gray['imgaug']:.1f}."
    )
    head = ("one thread", "images/s", "us/image", "spread")
    section = measuring.Section(f"Distort: {options.recipe}", "", head, rows, notes)
    figures = {
        f"distort.{options.recipe}.us": best["augforge"] / options.images * 1e6,
        f"distort.{options.recipe}.against_imgaug": ratio,
    }
    measuring.report(options, sections=[section], figures=figures)


if __name__ == "__main__":
    main()
