"""imgaug, in its batch mode.

One Affine for all affine maps with its default back end OpenCV (its only batch form, arrays, not lists), drawn as
in the recipe; gray levels as plain Multiply and Add, which it applies by table. Its elastic distortion, bilinear
like all others, blurs noise with a box, here of the width nearest to the Gaussian, and shares it among 32 images.
It cannot change stroke width: the OpenCV loop stands in. Batches of 64 to 4,096 were tried.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import imgaug.augmenters as iaa
import imgaug.parameters as iap
import numpy as np

from peers import opencv_peer
from peers.steps import SIDE, Maker, Step, affine_values, runs

NAME = "imgaug"
PACKAGE = "imaug"
BATCH_SIZE = 1024
STAND_INS: tuple[str, ...] = ("stroke_width",)


class Column(iap.StochasticParameter):  # type: ignore[misc]
    """One of several values that are drawn together, at imgaug's first request."""

    def __init__(
        self, name: str, draw: Callable[[int, np.random.Generator], dict[str, Any]], kept: dict[str, Any]
    ):
        super().__init__()
        self.name, self.draw, self.kept = name, draw, kept

    def _draw_samples(self, size: tuple[int, ...], random_state: Any) -> np.ndarray:
        if self.name not in self.kept:
            self.kept.update(self.draw(int(np.prod(size)), random_state.generator))
        values: np.ndarray = self.kept.pop(self.name)
        return values.reshape(size)


def affine(steps: Sequence[Step]) -> Any:
    """Combine all affine maps."""

    def draw(count: int, rng: np.random.Generator) -> dict[str, Any]:
        values = affine_values(steps, count, rng)
        return {**values, "x": values["x"] / SIDE, "y": values["y"] / SIDE}

    kept: dict[str, Any] = {}
    columns = {name: Column(name, draw, kept) for name in ("width", "height", "x", "y", "degrees", "slant")}
    return iaa.Affine(
        scale={"x": columns["width"], "y": columns["height"]},
        translate_percent={"x": columns["x"], "y": columns["y"]},  # translate_px accepts only integers
        rotate=columns["degrees"],
        shear=columns["slant"],
    )


def elastic(step: Step) -> Any:
    # It blurs noise by a box 2 sigma wide, whose deviation is sigma / sqrt(3), and displacements have a root mean
    # square of alpha / (sigma sqrt(6)); 1.34 times that on small images, where noise is mirrored at the edges.
    sigma = tuple(math.sqrt(3) * smoothness for smoothness in step.span("smoothness"))
    alpha = tuple(math.sqrt(6) / 1.34 * sum(sigma) / 2 * way for way in step.span("displacement"))
    return iaa.ElasticTransformation(alpha=alpha, sigma=sigma, mode="constant", order=1)


def stroke_width(step: Step) -> Any:
    def other_pens(images: np.ndarray, *_: Any) -> np.ndarray:
        # This includes the step's probability.
        return opencv_peer.stroke_width(images.reshape(-1, SIDE, SIDE), [step]).reshape(images.shape)

    return iaa.Lambda(func_images=other_pens)


def gray_level(step: Step) -> list[Any]:
    normal = step.values["gamma"]["normal"]
    gamma = iaa.GammaContrast(
        iap.TruncatedNormal(normal["mean"], normal["sd"], low=normal["low"], high=normal["high"])
    )
    return [gamma, iaa.Multiply(step.span("gain")), iaa.Add(tuple(int(bias) for bias in step.span("bias")))]


def pixel_noise(step: Step) -> Any:
    low, high = step.span("value")
    return iaa.ReplaceElementwise(step.span("fraction"), iap.DiscreteUniform(int(low), int(high)))


def occlude(step: Step) -> Any:
    low, high = (size / SIDE for size in step.span("width"))
    return iaa.Cutout(nb_iterations=1, size=(low, high), squared=False, fill_mode="constant", cval=0)


def maker(steps: Sequence[Step]) -> Maker | None:
    """Return a function that applies these steps, or None."""
    augmenters: list[Any] = []
    for op, run in runs(steps):
        if op == "affine":
            augmenters.append(affine(run))
            continue
        if op not in _AUGMENTERS:
            return None
        (step,) = run
        made = _AUGMENTERS[op](step)
        within = step.probability < 1 and op not in ("invert", "stroke_width")
        augmenters += (
            [iaa.Sometimes(step.probability, made)] if within else made if isinstance(made, list) else [made]
        )
    sequence = iaa.Sequential(augmenters)

    def make(images: np.ndarray) -> np.ndarray:
        made: np.ndarray = sequence.augment_images(images)
        return made

    return make


_AUGMENTERS: dict[str, Callable[[Step], Any]] = {
    "elastic": elastic,
    "stroke_width": stroke_width,
    "gray_level": gray_level,
    "pixel_noise": pixel_noise,
    "occlude": occlude,
    # One strength per batch. Corners move only inward, which also enlarges the digit, so it stays small.
    "perspective": lambda step: iaa.PerspectiveTransform(scale=step.span("x")[1] / 8),
    "blur": lambda step: iaa.GaussianBlur(step.span("sigma")),
    "motion_blur": lambda step: iaa.MotionBlur(k=(3, 5), angle=step.span("degrees"), direction=0),
    "pixelate": lambda step: iaa.AveragePooling(tuple(int(size) for size in step.span("size"))),
    "contrast": lambda step: iaa.LinearContrast(step.span("factor")),
    "invert": lambda step: iaa.Invert(step.probability),
    "gaussian_noise": lambda step: iaa.AdditiveGaussianNoise(scale=step.span("sd")),
    "salt_and_pepper": lambda step: iaa.SaltAndPepper(step.span("fraction")),
    "pixel_dropout": lambda step: iaa.Dropout(p=step.span("fraction")),
}
