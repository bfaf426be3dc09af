"""Make drawings look photographed: random but reproducible paper, pen, light, lens and JPEG."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

PENS = {"pencil": (0.3, 0.55), "ballpoint": (0.6, 0.85), "marker": (0.8, 0.95)}
"""Range of the share of the paper's light that a pen absorbs."""


@dataclass(frozen=True)
class Scene:
    """A kind of photograph: pen, light and surroundings."""

    pens: tuple[str, ...] = ("ballpoint", "marker")
    uneven: bool = True
    shadow: str = ""
    specks: bool = False
    ruled: bool = False


SCENES = {
    "even light": Scene(uneven=False),
    "uneven light": Scene(),
    "uneven, soft shadow": Scene(shadow="soft"),
    "uneven, hard shadow": Scene(shadow="hard"),
    "uneven, specks": Scene(specks=True),
    "uneven, ruled paper": Scene(ruled=True),
    "uneven, pencil": Scene(pens=("pencil",)),
    "uneven, soft shadow, specks, any pen": Scene(pens=tuple(PENS), shadow="soft", specks=True),
}


def photograph(drawing: np.ndarray, scene: Scene, seed: tuple[int, ...]) -> np.ndarray:
    """Photograph a square drawing, white on black; uint8 (S, S), S from 240 to 639."""
    rng = np.random.default_rng(seed)
    side = int(rng.integers(240, 640))
    sheet = _paper(side, scene, rng) * (1 - _ink(drawing, side, scene, rng))
    seen = sheet * _light(side, scene, rng)
    seen = np.clip(seen / seen.max() * rng.uniform(0.55, 1.0), 0, 1)
    levels = 255 * np.where(seen < 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)  # sRGB
    levels += rng.normal(0, rng.uniform(1, 5), levels.shape)
    picture = Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, side / 250)))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=int(rng.integers(40, 91)))
    return np.asarray(Image.open(file).convert("L"))


def _ink(drawing: np.ndarray, side: int, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Compute the share of light that the ink absorbs at each pixel."""
    pen = scene.pens[int(rng.integers(len(scene.pens)))]
    strokes = Image.fromarray(drawing).resize((side, side), Image.Resampling.BICUBIC)
    if pen != "marker":
        strokes = strokes.filter(ImageFilter.MinFilter(2 * (side // 110) + 1))
    cover = np.asarray(strokes, float) / 255
    if pen == "pencil":
        cover = cover * np.clip(0.8 + 0.3 * _clouds(side, side // 3, rng), 0, 1)
    elif pen == "ballpoint":
        cover = cover * np.clip(0.95 + 0.15 * _clouds(side, side // 8, rng), 0, 1)
    return rng.uniform(*PENS[pen]) * cover


def _paper(side: int, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    paper = 1 + 0.015 * _clouds(side, 8, rng) + 0.02 * _clouds(side, side // 2, rng)
    y, x = _from_the_middle(side)
    if scene.ruled:
        pitch = side / rng.uniform(5, 9)
        paper[(np.arange(side) - rng.uniform(0, pitch)) % pitch < max(1, side / 200)] *= rng.uniform(
            0.75, 0.9
        )
    for _ in range(int(rng.integers(2, 8)) if scene.specks else 0):
        center_y, center_x, radius = *rng.uniform(-0.48, 0.48, 2), rng.uniform(0.002, 0.006)
        paper[(y - center_y) ** 2 + (x - center_x) ** 2 < radius * radius] *= rng.uniform(0.3, 0.8)
    return paper


def _light(side: int, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Compute the light per pixel: uneven, darker in corners and in shadow."""
    y, x = _from_the_middle(side)
    light = np.ones((side, side))
    if scene.uneven:
        angle, ratio = rng.uniform(0, 2 * np.pi), rng.uniform(1.2, 3)
        ramp = x * np.cos(angle) + y * np.sin(angle)
        ramp = (ramp - ramp.min()) / np.ptp(ramp)
        light *= (1 + (ratio - 1) * ramp) * (1 - rng.uniform(0, 0.8) * (x * x + y * y))
    if scene.shadow:
        angle, width = (
            rng.uniform(0, 2 * np.pi),
            rng.uniform(0.06, 0.2) if scene.shadow == "soft" else 2 / side,
        )
        into = x * np.cos(angle) + y * np.sin(angle) - rng.uniform(-0.3, 0.3)
        light *= 1 - rng.uniform(0.25, 0.5) * np.clip(0.5 + into / width, 0, 1)
    return light


def _clouds(side: int, cells: int, rng: np.random.Generator) -> np.ndarray:
    """Make smooth noise of mean 0 and deviation about 1 from a grid of cells."""
    coarse = Image.fromarray(rng.normal(0, 1, (cells, cells)).astype(np.float32))
    return np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), float)


def _from_the_middle(side: int) -> np.ndarray:
    return np.mgrid[0:side, 0:side] / (side - 1) - 0.5
