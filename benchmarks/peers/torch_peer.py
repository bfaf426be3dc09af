"""A hand-written batch of PyTorch: float32 throughout, one grid_sample for all geometry; parameters drawn by
NumPy.

Tried and slower: affine_grid (ten times as slow as one matrix product), max_pool2d for dilation (thirty times as
slow as the maximum of shifted images), noise drawn by torch instead of NumPy (1.5 times as slow), one draw per
pixel instead of sparse positions. Batches of 64 to 1,024 were tried.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn import functional

from peers.steps import ALPHA, SIDE, Maker, Step, bells, pokes, runs, to_source

NAME = "torch batch"
PACKAGE = "torch"
BATCH_SIZE = 512
STAND_INS: tuple[str, ...] = ()

_RNG = np.random.default_rng(7)
_MIDDLE = (SIDE - 1) / 2
_AXIS = torch.linspace(-1, 1, SIDE)
# Positions of pixels and 1, which affine maps are multiplied with.
_PLACES = torch.stack(
    [_AXIS.expand(SIDE, SIDE), _AXIS.view(-1, 1).expand(SIDE, SIDE), torch.ones(SIDE, SIDE)]
).view(3, -1)

Part = Callable[[torch.Tensor, Sequence[Step]], torch.Tensor]


def maker(steps: Sequence[Step]) -> Maker | None:
    """Return a function that applies these steps, or None."""
    parts: list[tuple[Part, Sequence[Step]]] = []
    found = dict(runs(steps))
    if "affine" in found and "elastic" in found:  # one grid for both
        found["affine"] += found.pop("elastic")
    for op, run in found.items():
        if op not in PARTS:
            return None
        parts.append((PARTS[op], run))

    @torch.inference_mode()
    def make(images: np.ndarray) -> np.ndarray:
        levels = torch.from_numpy(images).unsqueeze(1).float()
        for part, run in parts:
            levels = part(levels, run)
        made: np.ndarray = levels.add(0.5).clamp_(0, 255).to(torch.uint8).squeeze(1).numpy()
        return made

    return make


def drawn(step: Step, name: str, count: int) -> torch.Tensor:
    """Draw values, float32 (N, 1, 1, 1), 0 where the step is not applied."""
    values = step.draw(name, count, _RNG)
    if step.probability < 1:
        values *= step.chosen(count, _RNG)
    return torch.from_numpy(values).view(-1, 1, 1, 1)


def warp(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Warp by affine maps and an optional elastic field."""
    count = len(images)
    maps = torch.from_numpy(to_source([step for step in steps if step.op != "elastic"], count, _RNG))
    maps[:, :, 2] /= _MIDDLE  # from pixels to shares of half of the frame
    grid = torch.bmm(maps, _PLACES.expand(count, 3, SIDE * SIDE))
    for step in steps:
        if step.op == "elastic":
            bent = step.chosen(count, _RNG)
            # A field is in coordinates of the result: the map takes it to the source.
            fields = elastic_fields(step, int(bent.sum())).flatten(2)
            where = torch.from_numpy(np.flatnonzero(bent))
            grid.index_add_(0, where, torch.bmm(maps[where, :, :2], fields))
    return resample(images, grid.view(count, 2, SIDE, SIDE))


def elastic_fields(step: Step, count: int) -> torch.Tensor:
    """Draw displacements in shares of half the frame, float32 (N, 2, 28, 28)."""
    sigma = step.draw("smoothness", count, _RNG)
    reach = step.draw("displacement", count, _RNG) * sigma * np.float32(2 * ALPHA / _MIDDLE)
    noise = torch.from_numpy(_RNG.random((count, 2, SIDE, SIDE), np.float32))
    noise.sub_(0.5).mul_(torch.from_numpy(reach).view(-1, 1, 1, 1))
    return blurred(noise, bells(sigma, normed=False))


def blurred(images: torch.Tensor, matrices: np.ndarray) -> torch.Tensor:
    """Multiply images (N, C, 28, 28) by matrices (N, 28, 28) from both sides."""
    by_channel = torch.from_numpy(matrices).unsqueeze(1)
    return by_channel @ images @ by_channel


def resample(images: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Sample images at positions (N, 2, 28, 28) in shares of half the frame."""
    return functional.grid_sample(images, places.permute(0, 2, 3, 1), align_corners=True)


def wave(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Displace rows and columns by waves."""
    (step,) = steps
    count = len(images)
    amplitude = drawn(step, "amplitude", count).view(-1, 1, 1) / _MIDDLE
    turn = 2 * np.pi / drawn(step, "wavelength", count).view(-1, 1, 1)
    sway = amplitude * torch.sin(turn * torch.arange(SIDE) + 2 * np.pi * torch.rand(count, 2, 1))
    x, y = _PLACES[:2].view(2, 1, SIDE, SIDE)
    return resample(images, torch.stack((x + sway[:, 0, :, None], y + sway[:, 1, None, :]), 1))


def perspective(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Apply perspective maps."""
    (step,) = steps
    x, y = _PLACES[:2].view(2, 1, SIDE, SIDE)
    share = _MIDDLE / (SIDE / 2)
    tilt_x, tilt_y = (drawn(step, name, len(images)).view(-1, 1, 1) * share for name in ("x", "y"))
    depth = 1 / (1 + tilt_x * x + tilt_y * y)
    return resample(images, torch.stack((x * depth, y * depth), 1))


def stroke_width(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Change stroke width by mixing the image with its gray dilation or erosion."""
    (step,) = steps
    change = drawn(step, "pixels", len(images)) / 2
    sign = torch.sign(change)
    signed = functional.pad(images, (1, 1, 1, 1)) * sign  # an erosion is the dilation of the negative
    inner = slice(1, -1)
    beside = torch.maximum(signed[..., inner, :-2], signed[..., inner, 2:])
    above = torch.maximum(signed[..., :-2, inner], signed[..., 2:, inner])
    middle = signed[..., inner, inner]
    highest = torch.maximum(torch.maximum(beside, above), middle)
    return torch.addcmul(images, highest.sub_(middle), change)


def blur(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Blur each image by its own Gaussian."""
    (step,) = steps
    return blurred(
        images, bells(np.maximum(step.draw("sigma", len(images), _RNG), np.float32(0.1)), normed=True)
    )


def motion_blur(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Average along lines."""
    (step,) = steps
    length = drawn(step, "length", len(images))
    turn = torch.deg2rad(drawn(step, "degrees", len(images)))
    way = torch.arange(-3.0, 4.0)
    along = (torch.cos(turn) * way - torch.sin(turn) * way[:, None]).abs()
    across = (torch.sin(turn) * way + torch.cos(turn) * way[:, None]).abs()
    kernels = (0.5 + length / 2 - along).clamp(0, 1) * (1 - across).clamp(0, 1)
    kernels /= kernels.sum((2, 3), keepdim=True)
    as_channels = functional.conv2d(images.transpose(0, 1), kernels, padding=3, groups=len(images))
    return as_channels.transpose(0, 1)


def gray_level(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Raise to a power, multiply and add."""
    (step,) = steps
    gain, bias, gamma = (drawn(step, name, len(images)) for name in ("gain", "bias", "gamma"))
    return images.div(255).clamp_(0, 1).pow_(gamma).mul_(255 * gain).add_(bias)


def contrast(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Scale levels about the middle."""
    (step,) = steps
    return images.sub(127.5).mul_(drawn(step, "factor", len(images))).add_(127.5)


def invert(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Invert some images."""
    (step,) = steps
    chosen = torch.from_numpy(step.chosen(len(images), _RNG)).view(-1, 1, 1, 1)
    return torch.where(chosen, 255 - images, images)


def poke(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Set sparse pixels."""
    (step,) = steps
    places, values = pokes(step, len(images), _RNG)
    out = images.clone()
    if isinstance(values, int):
        out.view(-1).index_fill_(0, torch.from_numpy(places), values)
    else:
        out.view(-1)[torch.from_numpy(places)] = torch.from_numpy(values).float()
    return out


def gaussian_noise(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Add normal noise."""
    (step,) = steps
    return torch.randn(images.shape).mul_(drawn(step, "sd", len(images))).add_(images)


def shot_noise(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Apply shot noise."""
    (step,) = steps
    level = (255 * drawn(step, "strength", len(images)) ** 2).expand_as(images)
    lit = images > 0
    out = torch.zeros_like(images)
    out[lit] = torch.poisson(images[lit] / level[lit]) * level[lit]
    return out


def occlude(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Hide rectangles."""
    (step,) = steps
    way = torch.arange(SIDE)
    hidden = []
    for name in ("width", "height"):
        size = drawn(step, name, len(images)).round()
        first = (torch.rand(size.shape) * (SIDE + 1 - size)).floor()
        hidden.append((way >= first) & (way < first + size))
    across, down = hidden
    return images.masked_fill(across & down.transpose(2, 3), 0)


def background(images: torch.Tensor, steps: Sequence[Step]) -> torch.Tensor:
    """Add a background."""
    (step,) = steps
    level, gradient, degrees = (drawn(step, name, len(images)) for name in ("level", "gradient", "degrees"))
    turn = torch.deg2rad(degrees)
    across, down = torch.cos(turn), -torch.sin(turn)
    reach = 2 * (across.abs() + down.abs())
    paper = level + gradient * (0.5 + across / reach * _AXIS + down / reach * _AXIS[:, None])
    paper.clamp_(0, 255)
    return torch.addcmul(paper, images, 1 - paper / 255)


PARTS: dict[str, Part] = {
    "affine": warp,
    "elastic": warp,
    "wave": wave,
    "perspective": perspective,
    "stroke_width": stroke_width,
    "blur": blur,
    "motion_blur": motion_blur,
    "gray_level": gray_level,
    "contrast": contrast,
    "invert": invert,
    "pixel_dropout": poke,
    "pixel_noise": poke,
    "salt_and_pepper": poke,
    "gaussian_noise": gaussian_noise,
    "shot_noise": shot_noise,
    "occlude": occlude,
    "background": background,
}
