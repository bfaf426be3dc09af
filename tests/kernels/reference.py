"""Plain versions of the kernels, for comparison."""

import numpy as np

from augforge.randomness import philox


def random_bits(key: int, first: int = 0, second: int = 0) -> tuple[int, int]:
    """Return two random numbers of 64 bits, as kernels hash them from a key."""
    words = philox(np.uint64(key), np.uint64(first), np.uint64(second), np.uint64(0), np.uint64(0))
    return int(words[0]), int(words[1])


def unit(bits: int) -> float:
    """Return a number within (0, 1) from 64 random bits."""
    return ((bits >> 12) + 0.5) * 2.0**-52


def shares(key: int, stream: int, count: int) -> list[int]:
    """Return random numbers from 0 to 65,535: eight of each call, those of one place in it together."""
    calls = [random_bits(key, call, stream) for call in range(-(-count // 8))]
    return [word[k // 4] >> 16 * (k % 4) & 0xFFFF for k in range(8) for word in calls][:count]


def warp(image: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Return float64 (H, W): the image under one affine map, bilinear, 0 outside."""
    height, width = image.shape
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    rows, columns = np.mgrid[:height, :width]
    targets = np.stack([columns.ravel(), rows.ravel()], axis=1) - middle
    linear, offset = np.array([[m[0], m[1]], [m[3], m[4]]]), np.array([m[2], m[5]])
    x, y = ((targets - offset) @ np.linalg.inv(linear).T + middle).T
    whole_x, whole_y = np.floor(x), np.floor(y)
    result = np.zeros(height * width)
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = whole_x + dx, whole_y + dy
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            weight = np.where(dx, x - whole_x, 1 - x + whole_x) * np.where(dy, y - whole_y, 1 - y + whole_y)
            found = image[np.where(inside, row, 0).astype(int), np.where(inside, column, 0).astype(int)]
            result += np.where(inside, weight * found, 0)
    return result.reshape(height, width)


def ink_kept(image: np.ndarray, m: np.ndarray) -> float:
    """Return the share of the image's gray sum whose pixel middles stay on the frame."""
    height, width = image.shape
    rows, columns = np.mgrid[:height, :width]
    x, y = columns - (width - 1) / 2, rows - (height - 1) / 2
    inside = (np.abs(m[0] * x + m[1] * y + m[2]) <= width / 2) & (
        np.abs(m[3] * x + m[4] * y + m[5]) <= height / 2
    )
    total = image.sum(dtype=np.int64)
    return float(image[inside].sum(dtype=np.int64) / total) if total else 1.0


def gray_levels(gain: float, bias: float, gamma: float) -> np.ndarray:
    """Return float64 (256,): the exact curve, before rounding."""
    return np.clip(gain * 255 * (np.arange(256) / 255) ** gamma + bias, 0, 255)


def _at(field: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a field, float64 (H, W), at places in pixels from its first one; outside as at the nearest edge."""
    height, width = field.shape
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    upper = field[top, left] + (field[top, right] - field[top, left]) * (x - left)
    lower = field[bottom, left] + (field[bottom, right] - field[bottom, left]) * (x - left)
    return upper + (lower - upper) * (y - top)


def follow(
    x: np.ndarray, y: np.ndarray, maps: np.ndarray, fields: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return where points of the result, in pixels from the middle, come from along a chain."""
    _, _, height, width = fields.shape
    for s in range(len(fields), -1, -1):
        m = maps[s]
        inverse = np.linalg.inv([[m[0], m[1]], [m[3], m[4]]])
        x, y = inverse @ np.stack([np.ravel(x) - m[2], np.ravel(y) - m[5]])
        if s:
            step_x, step_y = fields[s - 1] / 65536
            at = (x + (width - 1) / 2, y + (height - 1) / 2)
            x, y = x + _at(step_x, *at), y + _at(step_y, *at)
    return x, y


def warp_bent(image: np.ndarray, maps: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Return float64 (H, W): the image moved along a chain, bilinear, 0 outside."""
    height, width = image.shape
    rows, columns = np.mgrid[:height, :width]
    x, y = follow(columns - (width - 1) / 2, rows - (height - 1) / 2, maps, fields)
    x, y = x + (width - 1) / 2 + 1, y + (height - 1) / 2 + 1
    framed = np.pad(image, 1).astype(np.float64)
    outside = (x < 0) | (y < 0) | (x > width + 1) | (y > height + 1)
    return np.where(outside, 0.0, _at(framed, x, y)).reshape(height, width)


def jacobians(field: np.ndarray) -> np.ndarray:
    """Return the Jacobian of a field's map at the four corners of every cell between pixels."""
    field = field / 65536
    across, down = np.diff(field, axis=2), np.diff(field, axis=1)
    corners = [
        (1 + line[0]) * (1 + column[1]) - line[1] * column[0]
        for line in (across[:, :-1], across[:, 1:])
        for column in (down[:, :, :-1], down[:, :, 1:])
    ]
    return np.stack(corners)
