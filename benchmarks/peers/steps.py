"""Steps of recipes for the peers, and parameters drawn by NumPy."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Maker = Callable[[np.ndarray], np.ndarray]
"""Function that distorts a batch: uint8 (N, 28, 28) in and out."""

SIDE = 28
BY_CHANCE = ("elastic", "stroke_width", "invert")
"""Steps that peers can skip for some images, besides affine maps."""
AFFINE = ("rotate", "scale", "shift", "slant", "aspect")
ALPHA = math.sqrt(6 * math.pi)
"""Factor of Simard's alpha to displacement times smoothness."""


@dataclass(frozen=True)
class Step:
    """A step of a recipe: its kind, values and probability."""

    op: str
    values: Mapping[str, Any]
    probability: float = 1

    def span(self, name: str, neutral: float = 0) -> tuple[float, float]:
        """Return the lowest and the highest value."""
        value = self.values.get(name, neutral)
        if isinstance(value, dict):
            (value,) = value.values()
            return value["low"], value["high"]
        return (value[0], value[1]) if isinstance(value, list) else (value, value)

    def draw(self, name: str, count: int, rng: np.random.Generator, neutral: float = 0) -> np.ndarray:
        """Draw values, float32."""
        match self.values.get(name, neutral):
            case {"normal": {"mean": mean, "sd": sd, "low": low, "high": high}}:
                return np.clip(rng.normal(mean, sd, count), low, high).astype(np.float32)
            case {"log_uniform": {"low": low, "high": high}}:
                return np.exp(rng.uniform(math.log(low), math.log(high), count)).astype(np.float32)
            case [low, high]:
                return rng.uniform(low, high, count).astype(np.float32)
            case value:
                return np.full(count, value, np.float32)

    def chosen(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Draw the images that the step changes, bool."""
        return rng.random(count) < self.probability


def read_steps(nodes: Sequence[Mapping[str, Mapping[str, Any]]]) -> list[Step]:
    """Read the steps of a recipe's ``distort``."""
    steps = []
    for node in nodes:
        ((op, given),) = node.items()
        if given.get("probability", 1) < 1 and op not in (*AFFINE, *BY_CHANCE):
            raise SystemExit(f"the peers always apply {op}")
        values = {name: value for name, value in given.items() if name not in ("id", "probability")}
        steps.append(Step(op, values, given.get("probability", 1)))
    return steps


def runs(steps: Sequence[Step]) -> list[tuple[str, list[Step]]]:
    """Group affine maps into one run at the first of them, for the fewest resamplings."""
    found: dict[str, list[Step]] = {}
    for step in steps:
        found.setdefault("affine" if step.op in AFFINE else step.op, []).append(step)
    return list(found.items())


def affine_values(steps: Sequence[Step], count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Combine affine steps regardless of order: one value per kind and image."""
    total = {name: np.zeros(count, np.float32) for name in ("degrees", "slant", "x", "y")}
    width, height = np.ones(count, np.float32), np.ones(count, np.float32)
    for step in steps:
        on = step.chosen(count, rng)
        match step.op:
            case "rotate":
                total["degrees"] += on * step.draw("degrees", count, rng)
            case "slant":
                total["slant"] += on * step.draw("degrees", count, rng)
            case "shift":
                total["x"] += on * step.draw("x", count, rng)
                total["y"] += on * step.draw("y", count, rng)
            case "scale":
                factor = np.where(on, step.draw("factor", count, rng, 1), 1)
                width, height = width * factor, height * factor
            case "aspect":
                root = np.sqrt(np.where(on, step.draw("ratio", count, rng, 1), 1))
                width, height = width * root, height / root
    return {**total, "width": width, "height": height}


def to_source(steps: Sequence[Step], count: int, rng: np.random.Generator) -> np.ndarray:
    """Compute inverse maps relative to the center; float32 (N, 2, 3)."""
    drawn = affine_values(steps, count, rng)
    turn, lean = np.radians(drawn["degrees"]), np.tan(np.radians(drawn["slant"]))
    cos, sin = np.cos(turn), np.sin(turn)
    maps = np.empty((count, 2, 3), np.float32)
    # Invert the rotation first, then the slant, then the scale.
    maps[:, 0, 0], maps[:, 0, 1] = (cos + lean * sin) / drawn["width"], (lean * cos - sin) / drawn["width"]
    maps[:, 1, 0], maps[:, 1, 1] = sin / drawn["height"], cos / drawn["height"]
    maps[:, :, 2] = -(maps[:, :, 0] * drawn["x"][:, None] + maps[:, :, 1] * drawn["y"][:, None])
    return maps


def gray_tables(step: Step, count: int, rng: np.random.Generator) -> np.ndarray:
    """Compute tables of gray levels, uint8 (N, 256)."""
    levels = np.arange(256, dtype=np.float32)
    if step.op == "contrast":
        factor = step.draw("factor", count, rng)[:, None]
        return np.clip(127.5 + factor * (levels - 127.5) + 0.5, 0, 255).astype(np.uint8)
    gain, bias, gamma = (
        step.draw(name, count, rng, neutral)[:, None]
        for name, neutral in (("gain", 1), ("bias", 0), ("gamma", 1))
    )
    return np.clip(255 * gain * (levels / 255) ** gamma + bias + 0.5, 0, 255).astype(np.uint8)


def pokes(step: Step, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray | int]:
    """Draw the pixels of a batch to set, as flat positions, and their levels.

    Positions may repeat; their Poisson number gives every pixel the same chance.
    """
    pixels = SIDE * SIDE
    numbers = rng.poisson(-pixels * np.log1p(-step.draw("fraction", count, rng)))
    places = np.repeat(np.arange(count) * pixels, numbers) + rng.integers(0, pixels, numbers.sum())
    match step.op:
        case "pixel_noise":
            low, high = step.span("value")
            return places, rng.integers(int(low), int(high) + 1, len(places), dtype=np.uint8)
        case "salt_and_pepper":
            return places, rng.integers(0, 2, len(places), dtype=np.uint8) * np.uint8(255)
    return places, 0


def bells(sigma: np.ndarray, normed: bool) -> np.ndarray:
    """Compute matrices that blur columns by a Gaussian, float32 (N, 28, 28).

    Outside is 0. Narrow Gaussians are divided by their sum, wide ones need not be.
    """
    way = np.arange(SIDE, dtype=np.float32)
    squares = (way[:, None] - way) ** 2
    matrices = np.exp(squares * (-0.5 / sigma**2)[:, None, None])
    if normed:
        beyond = np.arange(-8, 9, dtype=np.float32) ** 2
        return matrices / np.exp(beyond * (-0.5 / sigma**2)[:, None]).sum(1)[:, None, None]
    return matrices / (np.float32(math.sqrt(2 * math.pi)) * sigma)[:, None, None]
