"""Kornia, in batches, with parameters per image; the time includes conversion to floats from 0 to 1 and back.

Affine maps that are always applied are one RandomAffine, each one applied by chance is another. Its elastic
distortion and its normal noise have one strength for all images, the middle of the range. It lacks stroke width
and single pixels, or is slower: the torch batch stands in. Batches of 64 to 2,048 were tried.
"""

from collections.abc import Callable, Sequence
from typing import Any

import kornia.augmentation as K  # noqa: N812
import numpy as np
import torch
from torch import nn

from peers import torch_peer
from peers.steps import ALPHA, SIDE, Maker, Step, runs

NAME = "Kornia"
PACKAGE = "kornia"
BATCH_SIZE = 512
STAND_INS: tuple[str, ...] = ("stroke_width", "pixel_dropout", "pixel_noise")


class StandIn(nn.Module):
    """A step of the torch batch, for levels from 0 to 1."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch_peer.PARTS[self.step.op](images.mul(255), [self.step]).div_(255)


def affine(steps: Sequence[Step]) -> list[nn.Module]:
    always, seldom = [s for s in steps if s.probability == 1], [s for s in steps if s.probability < 1]
    return [one_affine(run) for run in (always, *([step] for step in seldom)) if run]


def one_affine(steps: Sequence[Step]) -> nn.Module:
    given: dict[str, Any] = {"degrees": 0.0}
    sizes = [1.0, 1.0]
    for step in steps:
        match step.op:
            case "rotate":
                given["degrees"] = step.span("degrees")
            case "slant":
                given["shear"] = step.span("degrees")
            case "shift":
                given["translate"] = tuple(step.span(axis)[1] / SIDE for axis in ("x", "y"))
            case "scale" | "aspect":  # separate axes if both occur
                low, high = (
                    step.span("factor") if step.op == "scale" else (v**0.5 for v in step.span("ratio"))
                )
                sizes = [sizes[0] * low, sizes[1] * high]
    apart = any(step.op == "aspect" for step in steps)
    return K.RandomAffine(**given, scale=(*sizes, *sizes) if apart else tuple(sizes), p=steps[0].probability)


def elastic(step: Step) -> nn.Module:
    sigma, displacement = (sum(step.span(name)) / 2 for name in ("smoothness", "displacement"))
    alpha = ALPHA * sigma * displacement / (SIDE / 2)
    reach = 2 * round(3 * sigma) + 1
    return K.RandomElasticTransform((reach, reach), (sigma, sigma), (alpha, alpha), p=step.probability)


def gray_level(step: Step) -> list[nn.Module]:
    low, high = (bias / 255 for bias in step.span("bias"))
    return [
        K.RandomGamma(step.span("gamma"), step.span("gain"), p=1),
        K.RandomBrightness((1 + low, 1 + high), p=1),
    ]


def occlude(step: Step) -> nn.Module:
    low, high = step.span("width")
    return K.RandomErasing(scale=((low / SIDE) ** 2, (high / SIDE) ** 2), ratio=(0.5, 2), p=1)


def maker(steps: Sequence[Step]) -> Maker | None:
    """Return a function that applies these steps, or None."""
    modules: list[nn.Module] = []
    for op, run in runs(steps):
        if op == "affine":
            modules += affine(run)
            continue
        if op not in _MODULES:
            return None
        made = _MODULES[op](run[0])
        modules += made if isinstance(made, list) else [made]
    sequence = nn.Sequential(*modules)

    @torch.inference_mode()
    def make(images: np.ndarray) -> np.ndarray:
        levels = sequence(torch.from_numpy(images).unsqueeze(1).float().div_(255))
        made: np.ndarray = levels.mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8).squeeze(1).numpy()
        return made

    return make


_MODULES: dict[str, Callable[[Step], Any]] = {
    "elastic": elastic,
    "gray_level": gray_level,
    "occlude": occlude,
    "stroke_width": StandIn,
    "pixel_dropout": StandIn,
    "pixel_noise": StandIn,
    "perspective": lambda step: K.RandomPerspective(
        step.span("x")[1], p=1, sampling_method="area_preserving"
    ),
    "blur": lambda step: K.RandomGaussianBlur((9, 9), (0.1, step.span("sigma")[1]), "constant", p=1),
    "motion_blur": lambda step: K.RandomMotionBlur((3, 5), step.span("degrees"), 0.0, p=1),
    "invert": lambda step: K.RandomInvert(p=step.probability),
    "gaussian_noise": lambda step: K.RandomGaussianNoise(0, sum(step.span("sd")) / 510, p=1),
    "salt_and_pepper": lambda step: K.RandomSaltAndPepperNoise(step.span("fraction"), 0.5, p=1),
}
