"""Plain float64 versions of the kernels, for comparison."""

import numpy as np

IDENTITY = np.array([1.0, 0, 0, 0, 1, 0])


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


def _chained_in_float32(maps: np.ndarray, fields: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the inverses of a chain's maps, float64, and its fields in pixels, float32."""
    inverses = []
    for a, b, c, d, e, f in maps:
        determinant = a * e - b * d
        a, b, d, e = e / determinant, -b / determinant, -d / determinant, a / determinant
        inverses.append(np.array([a, b, -(a * c + b * f), d, e, -(d * c + e * f)]))
    return inverses, [field.astype(np.float32) * np.float32(1 / 65536) for field in fields]


def warp_to_the_bit(image: np.ndarray, maps: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Return uint8 (H, W): the image moved along a chain, in the very arithmetic that the kernel promises."""
    height, width = image.shape
    one, half = np.float32(1), np.float32(0.5)
    middle = np.float32((width - 1) / 2), np.float32((height - 1) / 2)
    last = np.float32(width - 1), np.float32(height - 1)
    inverses, ways = _chained_in_float32(maps, fields)
    rows, columns = np.indices((height, width)).astype(np.float32)
    # From the frame's pixels themselves, the last map or, where it is the identity, the last field.
    m, s = inverses[-1], len(ways)
    if s and (m == IDENTITY).all():
        s -= 1
        x, y = (columns - middle[0]) + ways[s][0], (rows - middle[1]) + ways[s][1]
        m = inverses[s].astype(np.float32)
        x, y = m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]
    else:
        first_x = np.float32(m[0] * -((width - 1) / 2) + m[1] * -((height - 1) / 2) + m[2])
        first_y = np.float32(m[3] * -((width - 1) / 2) + m[4] * -((height - 1) / 2) + m[5])
        m = m.astype(np.float32)
        x, y = first_x + m[0] * columns + m[1] * rows, first_y + m[3] * columns + m[4] * rows
    # Then a field, found between its own pixels, and the map before it.
    for field, m in zip(reversed(fields[:s]), reversed(inverses[:s]), strict=True):
        at_x, at_y = np.clip(x + middle[0], 0, last[0]), np.clip(y + middle[1], 0, last[1])
        left = np.minimum(np.floor(at_x), max(width - 2, 0))
        top = np.minimum(np.floor(at_y), max(height - 2, 0))
        share_x, share_y = at_x - left, at_y - top
        left, top = left.astype(int), top.astype(int)
        right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
        moved = []
        for way in field.astype(np.float32):
            upper = way[top, left] + (way[top, right] - way[top, left]) * share_x
            lower = way[bottom, left] + (way[bottom, right] - way[bottom, left]) * share_x
            moved.append((upper + (lower - upper) * share_y) * np.float32(1 / 65536))
        x, y = x + moved[0], y + moved[1]
        m = m.astype(np.float32)
        x, y = m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]
    # The four neighbours in a frame with blank pixels all around.
    x, y = np.clip(x + middle[0], -2, width + one), np.clip(y + middle[1], -2, height + one)
    left, top = np.floor(x), np.floor(y)
    share_x, share_y = x - left, y - top
    left, top = left.astype(int) + 2, top.astype(int) + 2
    framed = np.pad(image, ((2, 3), (2, 3))).astype(np.float32)
    upper = framed[top, left] + (framed[top, left + 1] - framed[top, left]) * share_x
    lower = framed[top + 1, left] + (framed[top + 1, left + 1] - framed[top + 1, left]) * share_x
    return np.floor(upper + (lower - upper) * share_y + half).astype(np.uint8)


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
