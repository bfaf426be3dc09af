"""The steps of a recipe as peers need them, and what the hand-written ones share: parameters drawn by NumPy."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Maker = Callable[[np.ndarray], np.ndarray]
"""Distorts a batch: uint8 (N, 28, 28) in and out."""

SIDE = 28
BY_CHANCE = ("elastic", "stroke_width", "invert")
"""Besides affine maps, the steps that peers can leave out for some images."""
AFFINE = ("rotate", "scale", "shift", "slant", "aspect")
ALPHA = math.sqrt(6 * math.pi)
"""Simard's alpha is this times displacement times smoothness."""


@dataclass(frozen=True)
class Step:
    """A step of a recipe: what is done, by which values as the recipe gives them, and how often."""

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
        """Return so many values, float32."""
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
        """Return which of so many images the step is applied to, bool."""
        return rng.random(count) < self.probability


def read_steps(nodes: Sequence[Mapping[str, Mapping[str, Any]]]) -> list[Step]:
    """Return the steps of a recipe's ``distort``."""
    steps = []
    for node in nodes:
        ((op, given),) = node.items()
        if given.get("probability", 1) < 1 and op not in (*AFFINE, *BY_CHANCE):
            raise SystemExit(f"the peers always apply {op}")
        values = {name: value for name, value in given.items() if name not in ("id", "probability")}
        steps.append(Step(op, values, given.get("probability", 1)))
    return steps


def runs(steps: Sequence[Step]) -> list[tuple[str, list[Step]]]:
    """Return steps with all affine maps as one run, where the first of them is: the fewest resamplings."""
    found: dict[str, list[Step]] = {}
    for step in steps:
        found.setdefault("affine" if step.op in AFFINE else step.op, []).append(step)
    return list(found.items())


def affine_values(steps: Sequence[Step], count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return what affine steps come to when their order is not minded: one value of each kind for each image."""
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
    """Return the maps from pixels of the result to places in the source, about the middle; float32 (N, 2, 3)."""
    drawn = affine_values(steps, count, rng)
    turn, lean = np.radians(drawn["degrees"]), np.tan(np.radians(drawn["slant"]))
    cos, sin = np.cos(turn), np.sin(turn)
    maps = np.empty((count, 2, 3), np.float32)
    # Turned back first, then leaned back, then made small again.
    maps[:, 0, 0], maps[:, 0, 1] = (cos + lean * sin) / drawn["width"], (lean * cos - sin) / drawn["width"]
    maps[:, 1, 0], maps[:, 1, 1] = sin / drawn["height"], cos / drawn["height"]
    maps[:, :, 2] = -(maps[:, :, 0] * drawn["x"][:, None] + maps[:, :, 1] * drawn["y"][:, None])
    return maps


def gray_tables(step: Step, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the new level of each level, uint8 (N, 256)."""
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
    """Return which pixels of a whole batch are set, as flat places, and to what.

    A place may come twice. So many are drawn that every pixel has its chance all the same: Poisson's way.
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
    """Return the matrices that blur a column of pixels by a Gaussian bell, float32 (N, 28, 28).

    What lies outside is 0. Narrow bells are divided by their sum, wide ones need not be.
    """
    way = np.arange(SIDE, dtype=np.float32)
    squares = (way[:, None] - way) ** 2
    matrices = np.exp(squares * (-0.5 / sigma**2)[:, None, None])
    if normed:
        beyond = np.arange(-8, 9, dtype=np.float32) ** 2
        return matrices / np.exp(beyond * (-0.5 / sigma**2)[:, None]).sum(1)[:, None, None]
    return matrices / (np.float32(math.sqrt(2 * math.pi)) * sigma)[:, None, None]
