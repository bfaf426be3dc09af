"""Albumentations (package albumentationsx), image by image: its batches would share one set of parameters.

Affine maps that are always applied are one Affine, each one applied by chance is another. Elastic fields come
from a grid of control points; it has no smoothness. Dropped and added pixels have one fraction and one level,
their means. Stroke width is Morphological, of whole pixels. Omitted are its perspective, which only makes digits
larger, and its contrast, which is about black.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # no check for newer versions on the network

import albumentations as A  # noqa: N812
import numpy as np

from peers.steps import SIDE, Maker, Step, runs

NAME = "Albumentations"
PACKAGE = "albumentationsx"
BATCH_SIZE = 256
STAND_INS: tuple[str, ...] = ()


def affine(steps: Sequence[Step]) -> list[Any]:
    always, seldom = [s for s in steps if s.probability == 1], [s for s in steps if s.probability < 1]
    return [one_affine(run) for run in (always, *([step] for step in seldom)) if run]


def one_affine(steps: Sequence[Step]) -> Any:
    given: dict[str, Any] = {"scale": {"x": (1.0, 1.0), "y": (1.0, 1.0)}}
    for step in steps:
        match step.op:
            case "rotate":
                given["rotate"] = step.span("degrees")
            case "slant":
                given["shear"] = {"x": step.span("degrees"), "y": (0.0, 0.0)}
            case "shift":
                given["translate_percent"] = {
                    axis: tuple(way / SIDE for way in step.span(axis)) for axis in ("x", "y")
                }
            case "scale" | "aspect":  # separate axes if both occur
                low, high = (
                    step.span("factor") if step.op == "scale" else (v**0.5 for v in step.span("ratio"))
                )
                given["scale"] = {axis: (a * low, b * high) for axis, (a, b) in given["scale"].items()}
    apart = any(step.op == "aspect" for step in steps)
    return A.Affine(**given, keep_ratio=not apart, p=steps[0].probability)


def gray_level(step: Step) -> list[Any]:
    gamma, gain, bias = (step.span(name) for name in ("gamma", "gain", "bias"))
    return [
        A.RandomGamma(gamma_range=(100 * gamma[0], 100 * gamma[1]), p=1),
        A.RandomBrightnessContrast(
            brightness_range=(bias[0] / 255, bias[1] / 255),
            contrast_range=(gain[0] - 1, gain[1] - 1),
            brightness_by_max=True,
            p=1,
        ),
    ]


def pixel_noise(step: Step) -> Any:
    return A.PixelDropout(sum(step.span("fraction")) / 2, drop_value=sum(step.span("value")) / 2, p=1)


def occlude(step: Step) -> Any:
    sizes = {
        f"hole_{name}_range": tuple(int(size) for size in step.span(name)) for name in ("width", "height")
    }
    return A.CoarseDropout(num_holes_range=(1, 1), **sizes, fill=0, p=1)


def maker(steps: Sequence[Step]) -> Maker | None:
    """Return a function that applies these steps, or None."""
    transforms: list[Any] = []
    for op, run in runs(steps):
        if op == "affine":
            transforms += affine(run)
            continue
        if op not in _TRANSFORMS:
            return None
        made = _TRANSFORMS[op](run[0])
        transforms += made if isinstance(made, list) else [made]
    compose = A.Compose(transforms, is_check_shapes=False, seed=7, telemetry=False)

    def make(images: np.ndarray) -> np.ndarray:
        out = np.empty_like(images)
        for image, into in zip(images[..., None], out, strict=True):
            into[:] = compose(image=image)["image"][..., 0]
        return out

    return make


_TRANSFORMS: dict[str, Callable[[Step], Any]] = {
    "gray_level": gray_level,
    "pixel_noise": pixel_noise,
    "occlude": occlude,
    # Shares of the frame's side, limited so that a grid of 5 x 5 does not fold; 2 pixels would exceed that.
    "elastic": lambda step: A.ElasticTransform(
        (0, min(0.99 * 0.375 / 8**0.5, step.span("displacement")[1] * 1.7 / (SIDE - 1))),
        (5, 5),
        p=step.probability,
    ),
    "stroke_width": lambda step: A.OneOf(
        [A.Morphological((1, 2), "dilation", p=1), A.Morphological((1, 2), "erosion", p=1)],
        p=step.probability,
    ),
    "blur": lambda step: A.GaussianBlur(sigma_range=step.span("sigma"), p=1),
    "motion_blur": lambda step: A.MotionBlur((3, 5), False, step.span("degrees"), (0, 0), p=1),
    "pixelate": lambda step: A.Downscale(tuple(1 / size for size in step.span("size")[::-1]), p=1),
    "invert": lambda step: A.InvertImg(p=step.probability),
    "gaussian_noise": lambda step: A.GaussNoise(tuple(sd / 255 for sd in step.span("sd")), p=1),
    "shot_noise": lambda step: A.ShotNoise(tuple(s * s for s in step.span("strength")), p=1),
    "salt_and_pepper": lambda step: A.SaltAndPepper(step.span("fraction"), (0.5, 0.5), p=1),
    "pixel_dropout": lambda step: A.PixelDropout(sum(step.span("fraction")) / 2, p=1),
}
