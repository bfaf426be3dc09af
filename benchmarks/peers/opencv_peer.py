"""A hand-written loop over OpenCV, with NumPy for parameters and for operations on a whole batch.

Tried and slower: float64 matrices for warpAffine (twice as slow), the batch as one tall image in one remap (more
than twice), elastic noise blurred by GaussianBlur or sepFilter2D (four times), images blurred by GaussianBlur
(twice, and it cuts the Gaussian at three deviations), one draw per pixel instead of sparse positions. Batches of
64 to 2,048 were tried.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from peers.steps import ALPHA, SIDE, Maker, Step, bells, gray_tables, pokes, runs, to_source

NAME = "OpenCV loop"
PACKAGE = "opencv-python"
BATCH_SIZE = 512
STAND_INS: tuple[str, ...] = ()

_RNG = np.random.default_rng(7)
_MIDDLE = (SIDE - 1) / 2
_WAY = np.arange(SIDE, dtype=np.float32) - np.float32(_MIDDLE)
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
_INVERSE = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


def maker(steps: Sequence[Step]) -> Maker | None:
    """Return a function that applies these steps, or None."""
    parts: list[Callable[[np.ndarray], np.ndarray]] = []
    found = dict(runs(steps))
    if "affine" in found and "elastic" in found:  # one map for both
        found["affine"] += found.pop("elastic")
    for op, run in found.items():
        if op not in _PARTS:
            return None
        parts.append(lambda images, part=_PARTS[op], run=run: part(images, run))

    def make(images: np.ndarray) -> np.ndarray:
        for part in parts:
            images = part(images)
        return images

    return make


def warp(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Warp by affine maps and an optional elastic field."""
    maps = to_source([step for step in steps if step.op != "elastic"], len(images), _RNG)
    bent = np.zeros(len(images), bool)
    fields = np.zeros((0, 2, SIDE, SIDE), np.float32)
    for step in steps:
        if step.op == "elastic":
            bent = step.chosen(len(images), _RNG)
            fields = elastic_fields(step, int(bent.sum()))
    if bent.all():
        return remap(images, moved(maps, fields))
    out = np.empty_like(images)
    from_corner = maps.copy()
    from_corner[:, :, 2] += _MIDDLE - _MIDDLE * maps[:, :, :2].sum(2)
    for image, matrix, into, elsewhere in zip(images, from_corner, out, bent.tolist(), strict=True):
        if not elsewhere:
            cv2.warpAffine(image, matrix, (SIDE, SIDE), into, _INVERSE)
    if len(fields):
        out[bent] = remap(images[bent], moved(maps[bent], fields))
    return out


def moved(maps: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Compute source positions under a field, relative to the center; float32 (N, 2, 28, 28)."""
    fields[:, 0] += _WAY
    fields[:, 1] += _WAY[:, None]
    places = maps[:, :, :2] @ fields.reshape(-1, 2, SIDE * SIDE)
    places += maps[:, :, 2:]
    return places.reshape(fields.shape)


def remap(images: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Sample images at positions relative to the center, float32 (N, 2, 28, 28)."""
    places += np.float32(_MIDDLE)
    out = np.empty_like(images)
    for image, (x, y), into in zip(images, places, out, strict=True):
        cv2.remap(image, x, y, cv2.INTER_LINEAR, into, cv2.BORDER_CONSTANT)
    return out


def elastic_fields(step: Step, count: int) -> np.ndarray:
    """Draw displacements, float32 (N, 2, 28, 28): white noise blurred by matrix products."""
    sigma = step.draw("smoothness", count, _RNG)
    alpha = step.draw("displacement", count, _RNG) * sigma * np.float32(ALPHA)
    noise = (_RNG.random((count, 2, SIDE, SIDE), np.float32) - np.float32(0.5)) * (2 * alpha)[
        :, None, None, None
    ]
    matrices = bells(sigma, normed=False)[:, None]
    fields: np.ndarray = matrices @ noise @ matrices
    return fields


def wave(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Displace rows and columns by waves."""
    (step,) = steps
    count = (len(images), 2, 1)
    amplitude = step.draw("amplitude", len(images), _RNG).reshape(-1, 1, 1)
    turn = np.float32(2 * np.pi) / step.draw("wavelength", len(images), _RNG).reshape(-1, 1, 1)
    sway = amplitude * np.sin(turn * _WAY + _RNG.uniform(0, 2 * np.pi, count).astype(np.float32))
    places = np.empty((len(images), 2, SIDE, SIDE), np.float32)
    places[:, 0] = sway[:, 0, :, None] + _WAY
    places[:, 1] = sway[:, 1, None, :] + _WAY[:, None]
    return remap(images, places)


def perspective(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Apply perspective maps."""
    (step,) = steps
    maps = np.tile(np.eye(3), (len(images), 1, 1))
    maps[:, 2, 0] = step.draw("x", len(images), _RNG) / (SIDE / 2)
    maps[:, 2, 1] = step.draw("y", len(images), _RNG) / (SIDE / 2)
    to_corner, from_corner = np.eye(3), np.eye(3)
    to_corner[:2, 2], from_corner[:2, 2] = _MIDDLE, -_MIDDLE
    out = np.empty_like(images)
    maps = (to_corner @ maps @ from_corner).astype(np.float32)  # float64 takes twice as long
    for image, matrix, into in zip(images, maps, out, strict=True):
        cv2.warpPerspective(image, matrix, (SIDE, SIDE), into, _INVERSE)
    return out


def stroke_width(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Change stroke width by mixing the image with its gray dilation or erosion.

    All images of a batch form one tall image, with a blank row after each. Thin strokes may fade.
    """
    (step,) = steps
    change = np.where(step.chosen(len(images), _RNG), step.draw("pixels", len(images), _RNG), 0) / 2
    tall = np.zeros((len(images), SIDE + 1, SIDE + 1), np.uint8)
    tall[:, :SIDE, :SIDE] = images
    out = images.astype(np.int16)
    for morph, which in ((cv2.dilate, np.flatnonzero(change > 0)), (cv2.erode, np.flatnonzero(change < 0))):
        if len(which):
            moved = morph(tall[which].reshape(-1, SIDE + 1), _CROSS).reshape(-1, SIDE + 1, SIDE + 1)
            share = np.rint(128 * np.abs(change[which])).astype(np.int16)[:, None, None]
            old = out[which]
            out[which] = old + ((moved[:, :SIDE, :SIDE] - old) * share >> 7)
    return out.astype(np.uint8)


def blur(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Blur each image by its own Gaussian."""
    (step,) = steps
    matrices = bells(np.maximum(step.draw("sigma", len(images), _RNG), np.float32(0.1)), normed=True)
    blurred = matrices @ images.astype(np.float32) @ matrices
    return (blurred + np.float32(0.5)).astype(np.uint8)


def motion_blur(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Average along lines."""
    (step,) = steps
    length = step.draw("length", len(images), _RNG)[:, None, None]
    turn = np.radians(step.draw("degrees", len(images), _RNG))[:, None, None]
    way = np.arange(-3, 4, dtype=np.float32)
    along = np.abs(np.cos(turn) * way - np.sin(turn) * way[:, None])
    across = np.abs(np.sin(turn) * way + np.cos(turn) * way[:, None])
    kernels = np.clip(0.5 + length / 2 - along, 0, 1) * np.clip(1 - across, 0, 1)
    kernels /= kernels.sum((1, 2), keepdims=True)
    out = np.empty_like(images)
    for image, kernel, into in zip(images, kernels, out, strict=True):
        cv2.filter2D(image, -1, kernel, into, borderType=cv2.BORDER_CONSTANT)
    return out


def pixelate(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Shrink and enlarge each image."""
    (step,) = steps
    out = np.empty_like(images)
    sizes = np.rint(SIDE / step.draw("size", len(images), _RNG)).astype(int).tolist()
    for image, size, into in zip(images, sizes, out, strict=True):
        small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        cv2.resize(small, (SIDE, SIDE), into, interpolation=cv2.INTER_NEAREST)
    return out


def gray(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Apply tables of gray levels."""
    (step,) = steps
    out = np.empty_like(images)
    for image, table, into in zip(images, gray_tables(step, len(images), _RNG), out, strict=True):
        cv2.LUT(image, table, into)
    return out


def invert(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Invert some images."""
    (step,) = steps
    return images ^ (step.chosen(len(images), _RNG) * np.uint8(255))[:, None, None]


def poke(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Set sparse pixels."""
    (step,) = steps
    out = images.copy()
    places, values = pokes(step, len(images), _RNG)
    out.reshape(-1)[places] = values
    return out


def gaussian_noise(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Add normal noise."""
    (step,) = steps
    noise = np.empty(images.shape, np.float32)
    cv2.randn(noise.reshape(len(images), -1), 0, 1)
    noise *= step.draw("sd", len(images), _RNG)[:, None, None]
    noise += images
    noise += np.float32(0.5)
    return np.clip(noise, 0, 255, noise).astype(np.uint8)


def shot_noise(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Apply shot noise."""
    (step,) = steps
    levels = (255 * step.draw("strength", len(images), _RNG) ** 2)[:, None, None]
    lit = images > 0
    level = np.broadcast_to(levels, images.shape)[lit]
    out = np.zeros_like(images)
    out[lit] = np.clip(_RNG.poisson(images[lit] / level) * level + 0.5, 0, 255)
    return out


def occlude(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Hide rectangles."""
    (step,) = steps
    out = images.copy()
    width, height = (np.rint(step.draw(name, len(images), _RNG)).astype(int) for name in ("width", "height"))
    left, top = _RNG.integers(0, SIDE + 1 - width), _RNG.integers(0, SIDE + 1 - height)
    boxes = (edge.tolist() for edge in (top, top + height, left, left + width))
    for image, upper, lower, first, last in zip(out, *boxes, strict=True):
        image[upper:lower, first:last] = 0
    return out


def background(images: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Add a background."""
    (step,) = steps
    level, gradient, degrees = (
        step.draw(name, len(images), _RNG)[:, None, None] for name in ("level", "gradient", "degrees")
    )
    turn = np.radians(degrees)
    across, down = np.cos(turn), -np.sin(turn)
    reach = (np.abs(across) + np.abs(down)) * np.float32(2 * _MIDDLE)
    paper = level + gradient * (np.float32(0.5) + across / reach * _WAY + down / reach * _WAY[:, None])
    np.clip(paper, 0, 255, paper)
    paper += images * (1 - paper / 255)
    return (paper + np.float32(0.5)).astype(np.uint8)


_PARTS: dict[str, Callable[[np.ndarray, Sequence[Step]], np.ndarray]] = {
    "affine": warp,
    "elastic": warp,
    "wave": wave,
    "perspective": perspective,
    "stroke_width": stroke_width,
    "blur": blur,
    "motion_blur": motion_blur,
    "pixelate": pixelate,
    "gray_level": gray,
    "contrast": gray,
    "invert": invert,
    "pixel_dropout": poke,
    "pixel_noise": poke,
    "salt_and_pepper": poke,
    "gaussian_noise": gaussian_noise,
    "shot_noise": shot_noise,
    "occlude": occlude,
    "background": background,
}
