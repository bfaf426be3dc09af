"""torchvision's transforms, version 2, image by image on uint8 tensors: its batches would share one set of
parameters.

Affine maps that are always applied are one RandomAffine, each one applied by chance is another; it has no aspect.
Its elastic distortion and its normal noise have one strength for all images, the middle of the range. It lacks
stroke width and single pixels: the torch batch stands in, for whole batches. Omitted are its perspective, which
only makes digits smaller, and its contrast, which is about the mean of an image.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torchvision.transforms.v2 as T  # noqa: N812
from torchvision.transforms.v2 import functional

from peers import torch_peer
from peers.steps import ALPHA, SIDE, Maker, Step, runs

NAME = "torchvision"
PACKAGE = "torchvision"
BATCH_SIZE = 256
STAND_INS: tuple[str, ...] = ("stroke_width", "pixel_dropout", "pixel_noise")


class GrayLevel(T.Transform):  # type: ignore[misc]
    """Apply gain, gamma and bias, which torchvision does not draw."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.spans = [step.span(name) for name in ("gamma", "gain", "bias")]

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:  # noqa: ARG002
        draws = torch.rand(3).tolist()
        gamma, gain, bias = (low + (high - low) * u for (low, high), u in zip(self.spans, draws, strict=True))
        return {"gamma": gamma, "gain": gain, "bias": bias}

    def transform(self, inpt: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        levels = functional.adjust_gamma(inpt, params["gamma"], params["gain"])
        return levels.float().add_(params["bias"]).clamp_(0, 255).to(torch.uint8)


def affine(steps: Sequence[Step]) -> list[Any]:
    always, seldom = [s for s in steps if s.probability == 1], [s for s in steps if s.probability < 1]
    parts = [one_affine(always)] if always else []
    return parts + [T.RandomApply([one_affine([step])], step.probability) for step in seldom]


def one_affine(steps: Sequence[Step]) -> Any:
    given: dict[str, Any] = {"degrees": 0.0, "interpolation": T.InterpolationMode.BILINEAR}
    for step in steps:
        match step.op:
            case "rotate":
                given["degrees"] = step.span("degrees")
            case "slant":
                given["shear"] = step.span("degrees")
            case "shift":
                given["translate"] = tuple(step.span(axis)[1] / SIDE for axis in ("x", "y"))
            case "scale":
                given["scale"] = step.span("factor")
    return T.RandomAffine(**given)


def elastic(step: Step) -> Any:
    sigma, displacement = (sum(step.span(name)) / 2 for name in ("smoothness", "displacement"))
    made = T.ElasticTransform(ALPHA * sigma * displacement, sigma)
    return made if step.probability == 1 else T.RandomApply([made], step.probability)


def gaussian_noise(step: Step) -> Any:
    sd = sum(step.span("sd")) / 2 / 255
    floats, levels = T.ToDtype(torch.float32, scale=True), T.ToDtype(torch.uint8, scale=True)
    return T.Compose([floats, T.GaussianNoise(0, sd), levels])


def maker(steps: Sequence[Step]) -> Maker | None:
    """Return a function that applies these steps, or None."""
    # Transforms of single images, with those of whole batches in between.
    parts: list[list[Any] | Step] = [[]]
    for op, run in runs(steps):
        if op in STAND_INS:
            parts += [run[0], []]
        elif op == "affine" or op in _TRANSFORMS:
            made = affine(run) if op == "affine" else [_TRANSFORMS[op](run[0])]
            singles = parts[-1]
            assert isinstance(singles, list)
            singles += made
        else:
            return None
    composed = [T.Compose(part) if isinstance(part, list) else part for part in parts if part != []]

    @torch.inference_mode()
    def make(images: np.ndarray) -> np.ndarray:
        levels = torch.from_numpy(images).unsqueeze(1)
        for part in composed:
            if isinstance(part, Step):
                changed = torch_peer.PARTS[part.op](levels.float(), [part])
                levels = changed.add_(0.5).clamp_(0, 255).to(torch.uint8)
            else:
                levels = torch.stack([part(image) for image in levels])
        made: np.ndarray = levels.squeeze(1).numpy()
        return made

    return make


_TRANSFORMS: dict[str, Callable[[Step], Any]] = {
    "elastic": elastic,
    "gray_level": GrayLevel,
    "blur": lambda step: T.GaussianBlur(9, (0.1, step.span("sigma")[1])),
    "invert": lambda step: T.RandomInvert(step.probability),
    "gaussian_noise": gaussian_noise,
    "occlude": lambda step: T.RandomErasing(
        p=1, scale=tuple((size / SIDE) ** 2 for size in step.span("width")), ratio=(0.5, 2)
    ),
}
