"""Plain versions of the kernels, for comparison: within some error, in float64, or to the bit."""

import math

import numpy as np

from tests.parts import philox

IDENTITY = np.array([1.0, 0, 0, 0, 1, 0])


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


def compose(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Return the map (6,) that applies the inner one first: a product of matrices with the last row 0, 0, 1."""
    a, b = ([*m.reshape(2, 3).tolist(), [0.0, 0.0, 1.0]] for m in (outer, inner))
    return np.array(
        [sum(a[row][k] * b[k][column] for k in range(3)) for row in (0, 1) for column in range(3)]
    )


OCTAVES = 5
# Room around an image for all that smoothing spreads.
ROOM = 36


def opened(square: float) -> float:
    """Return how far taps are open, for the square of a step in units of their distance."""
    return min(max(4 / 3 * (square - (1 + 2**-9)), 0.0), 1.0)


def squares_of_steps(maps: np.ndarray) -> tuple[float, float]:
    """Return the squares of the steps along x and y of all maps of a chain in one."""
    inverses = [inverse(m) for m in maps.tolist()]
    squares = []
    for row in (0, 3):
        if None in inverses:
            squares.append(1.0)
            continue
        x, y = inverses[0][row], inverses[0][row + 1]
        for m in inverses[1:]:
            x, y = x * m[0] + y * m[3], x * m[1] + y * m[4]
        squares.append(x * x + y * y)
    return squares[0], squares[1]


def open_shares(square: float) -> list[float]:
    """Return how far the taps of each octave are open under one affine map."""
    return [opened(square / 4**octave) for octave in range(OCTAVES)]


def local_octave(maps: np.ndarray) -> int:
    """Return how many octaves are open for all pixels of an image under fields."""
    square = max(squares_of_steps(maps))
    return sum(square / 4**octave >= 4 for octave in range(OCTAVES - 1))


def smoothed(image: np.ndarray, axis: int, distance: int, share: float) -> np.ndarray:
    """Return an image, with room around its ink, that takes a share of its pixels at a distance along an axis."""
    both = np.roll(image, distance, axis) + np.roll(image, -distance, axis)
    keep, side = image.dtype.type(1 - share / 2), image.dtype.type(share / 4)
    return keep * image + side * both


def _sampled(source: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return a source with room around it, bilinear, at places in pixels from the image's first one."""
    x, y = x + ROOM, y + ROOM
    height, width = source.shape
    outside = (x < 0) | (y < 0) | (x > width - 1) | (y > height - 1)
    return np.where(outside, 0.0, _at(source, x, y))


def warp(image: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Return float64 (H, W): the image under one affine map, bilinear, smoothed where it shrinks, 0 outside."""
    height, width = image.shape
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    rows, columns = np.mgrid[:height, :width]
    targets = np.stack([columns.ravel(), rows.ravel()], axis=1) - middle
    linear, offset = np.array([[m[0], m[1]], [m[3], m[4]]]), np.array([m[2], m[5]])
    x, y = ((targets - offset) @ np.linalg.inv(linear).T + middle).T
    source = np.pad(image.astype(np.float64), ROOM)
    for axis, square in zip((1, 0), squares_of_steps(m[np.newaxis]), strict=True):
        for octave, share in enumerate(open_shares(square)):
            source = smoothed(source, axis, 1 << octave, share)
    return _sampled(source, x, y).reshape(height, width)


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


def _overlaps(old: int, new: int) -> np.ndarray:
    """Return int64 (new, old): how long every new pixel lies over each old one, in 1/new of those."""
    begin = np.maximum(np.arange(new)[:, None] * old, np.arange(old) * new)
    end = np.minimum((np.arange(new)[:, None] + 1) * old, (np.arange(old) + 1) * new)
    return np.maximum(end - begin, 0)


def area_resample(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the image at another size, each pixel the mean of what it covers, to the bit."""
    sums = _overlaps(image.shape[0], height) @ image.astype(np.int64) @ _overlaps(image.shape[1], width).T
    return ((2 * sums + image.size) // (2 * image.size)).astype(np.uint8)


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


def _inner(values: np.ndarray) -> np.ndarray:
    """Return what the inner pixels of a frame have, at its edge that of the pixel beside it."""
    return np.pad(values[1:-1, 1:-1], 1, mode="edge")


def warp_bent(image: np.ndarray, maps: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Return float64 (H, W): the image moved along a chain, bilinear, smoothed where it shrinks, 0 outside."""
    height, width = image.shape
    if not len(fields):
        return warp(image, maps[0])
    rows, columns = np.mgrid[:height, :width]
    x, y = follow(columns - (width - 1) / 2, rows - (height - 1) / 2, maps, fields)
    x, y = (x + (width - 1) / 2).reshape(height, width), (y + (height - 1) / 2).reshape(height, width)
    source, octave = np.pad(image.astype(np.float64), ROOM), local_octave(maps)
    for distance in (1 << k for k in range(octave)):
        source = smoothed(smoothed(source, 1, distance, 1), 0, distance, 1)
    sharp = _sampled(source, x, y)
    if min(height, width) < 3:
        return sharp
    smooth = smoothed(smoothed(source, 1, 1 << octave, 1), 0, 1 << octave, 1)
    return sharp + (_sampled(smooth, x, y) - sharp) * _local_shares(x, y, octave)


def _local_shares(x: np.ndarray, y: np.ndarray, octave: int) -> np.ndarray:
    steps = [sum(slope**2 for slope in np.gradient(place)) for place in (x, y)]
    return _inner(np.clip(4 / 3 * (np.maximum(*steps) / 4**octave - (1 + 2**-9)), 0, 1))


def local_shares(maps: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Return float64 (H, W): how far each pixel of an image under fields opens the taps of its octave."""
    height, width = fields.shape[-2:]
    rows, columns = np.mgrid[:height, :width]
    x, y = follow(columns - (width - 1) / 2, rows - (height - 1) / 2, maps, fields)
    return _local_shares(x.reshape(height, width), y.reshape(height, width), local_octave(maps))


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
    source = np.pad(image.astype(np.float32), ROOM)
    if not len(fields):
        squares = squares_of_steps(maps)
        turns = [(1, octave) for octave in range(OCTAVES)]
        turns += [(0, octave) for octave in (*range(1, OCTAVES), 0)]
        for axis, octave in turns:
            share = opened(squares[1 - axis] / 4**octave)
            if share > 0:
                source = smoothed(source, axis, 1 << octave, share)
        return np.floor(_mean_of_four(source, x + middle[0], y + middle[1]) + half).astype(np.uint8)
    octave = local_octave(maps)
    turns = [(1, k) for k in range(octave)] + [(0, k) for k in (*range(1, octave), *range(min(octave, 1)))]
    for axis, k in turns:
        source = smoothed(source, axis, 1 << k, 1)
    sharp = _mean_of_four(source, x + middle[0], y + middle[1])
    if min(height, width) < 3:
        return np.floor(sharp + half).astype(np.uint8)
    smooth = smoothed(smoothed(source, 1, 1 << octave, 1), 0, 1 << octave, 1)
    smooth = _mean_of_four(smooth, x + middle[0], y + middle[1])
    steps = []
    for place in (x, y):
        right = np.pad(place[:, 2:] - place[:, :-2], ((0, 0), (1, 1)))
        below = np.pad(place[2:] - place[:-2], ((1, 1), (0, 0)))
        steps.append(right * right + below * below)
    share = np.maximum(*steps) * np.float32(0.25 / 4**octave) - np.float32(1 + 2**-9)
    share = _inner(np.clip(np.float32(4 / 3) * share, np.float32(0), one))
    return np.floor(sharp + (smooth - sharp) * share + half).astype(np.uint8)


def _mean_of_four(source: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the mean of the four neighbors at places, float32, of a source rounded to whole levels."""
    levels = np.floor(source + np.float32(0.5))
    height, width = source.shape
    # Beyond the room all is blank.
    x = np.clip(x, -ROOM, width - ROOM - 2)
    y = np.clip(y, -ROOM, height - ROOM - 2)
    left, top = np.floor(x), np.floor(y)
    share_x, share_y = x - left, y - top
    left, top = left.astype(int) + ROOM, top.astype(int) + ROOM
    upper = levels[top, left] + (levels[top, left + 1] - levels[top, left]) * share_x
    lower = levels[top + 1, left] + (levels[top + 1, left + 1] - levels[top + 1, left]) * share_x
    return upper + (lower - upper) * share_y


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


def _bell(away: np.ndarray) -> np.ndarray:
    """Return the weights, float32, of nodes at distances in node distances, float32."""
    square = np.minimum(away * away, np.float32(9))
    z = square * np.float32(0.78125)
    power = np.float32(1) - z * np.float32(1 / 32) + z * z * np.float32(1 / 2048)
    for _ in range(5):
        power = power * power
    foot = 0.0009447917
    height = math.sqrt(1.25 / (math.sqrt(math.pi) - 2 * foot * math.sqrt(2 * math.pi)))
    return np.where(square < 9, (power - np.float32(foot)) * np.float32(height), np.float32(0))


def _six(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the sum over the first axis, of length six, of products, in the order of the kernel."""
    c = a * b
    return (c[0] + c[1]) + (c[2] + c[3]) + (c[4] + c[5])


def elastic_noise(key: int, count: int) -> np.ndarray:
    """Return odd numbers from -255 to 255: the bytes of 16 calls of the hash by byte, word, call."""
    found = []
    zero = np.uint64(0)
    for group in range(count // 256 + 1):
        calls = [philox(np.uint64(key), np.uint64(16 * group + call), zero, zero, zero) for call in range(16)]
        bits = [int(low) | int(high) << 64 for low, high in calls]
        found += [
            one >> 8 * (4 * word + byte) & 255 for byte in range(4) for word in range(4) for one in bits
        ]
    return np.array(found[:count], np.float32) * 2 - 255


def elastic_field(key: int, displacement: float, smoothness: float, height: int, width: int) -> np.ndarray:
    """Return an elastic field, int32 (2, H, W), to the bit."""
    per_pixel = np.float32(1 / (smoothness * 1.25))
    rows, columns = (np.arange(size).astype(np.float32) * per_pixel for size in (height, width))
    lines, nodes = int(rows[-1]) + 6, int(columns[-1]) + 6
    scale = np.float32(displacement * (65536 * math.sqrt(0.5 * 3 / 65535)))
    noise = (elastic_noise(key, 2 * lines * nodes) * scale).reshape(2, lines, nodes)
    noise = np.pad(noise, ((0, 0), (0, 0), (0, 6)))
    field = np.empty((2, height, width), np.int32)
    for left in range(0, width, 32):
        places = columns[left : left + 32]
        mixed = np.zeros((2, lines, len(places)), np.float32)
        for first in range(int(places[0]), nodes, 6):
            of_six = np.arange(first, first + 6)
            weights = _bell(places - (of_six - 2).astype(np.float32)[:, np.newaxis])
            values = np.moveaxis(noise[:, :, first : first + 6], 2, 0)
            mixed += _six(weights[:, np.newaxis, np.newaxis], values[..., np.newaxis])
        for y, place in enumerate(rows):
            of_six = np.arange(int(place), int(place) + 6)
            weights = _bell(place - (of_six - 2).astype(np.float32))
            field[:, y, left : left + 32] = _six(
                weights[:, np.newaxis, np.newaxis], np.moveaxis(mixed[:, of_six], 1, 0)
            )
    return field


def unfolded_share(field: np.ndarray, least: float) -> float:
    """Return the largest share of a field with which, and with every lower one, no area is below the least.

    With the share s the Jacobian at a corner of a cell is 1 + s t + s s d.
    """
    field = field / 65536
    across, down = np.diff(field, axis=2), np.diff(field, axis=1)
    share = 1.0
    for line in (across[:, :-1], across[:, 1:]):
        for column in (down[:, :, :-1], down[:, :, 1:]):
            trace, determinant = line[0] + column[1], line[0] * column[1] - line[1] * column[0]
            under = trace * trace - 4 * (1 - least) * determinant
            divisor = np.sqrt(np.maximum(under, 0)) - trace
            meets = (under >= 0) & (divisor > 0)
            found = 2 * (1 - least) / np.where(meets, divisor, 1)
            share = min(share, np.where(meets, found, 1.0).min(initial=1.0))
    return float(share)


def _bilinear(field: np.ndarray, x: float, y: float) -> tuple[float, float]:
    """Return a field at a place in pixels from its first one; outside as at the nearest edge."""
    height, width = field.shape[1:]
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    left, top = int(x), int(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    wx, wy = x - left, y - top
    a, b, c, d = (field[:, row, column].tolist() for row in (top, bottom) for column in (left, right))
    first, second = (
        (a[k] * (1 - wx) + b[k] * wx) * (1 - wy) + (c[k] * (1 - wx) + d[k] * wx) * wy for k in (0, 1)
    )
    return first, second


def inverse(m: list[float]) -> list[float] | None:
    """Return the inverse of a map; None where it has none to speak of."""
    a, b, c, d, e, f = m
    determinant = a * e - b * d
    if not abs(determinant) > 1e-9:
        return None
    a, b, d, e = e / determinant, -b / determinant, -d / determinant, a / determinant
    found = [a, b, -(a * c + b * f), d, e, -(d * c + e * f)]
    return found if sum(abs(number) for number in found) < 1e12 else None


def outline(maps: np.ndarray, fields: np.ndarray) -> list[tuple[float, float]] | None:
    """Return where the frame's edge comes from along a chain, a point a pixel; None where a map has no inverse."""
    height, width = fields.shape[2:]
    right, bottom = width / 2, height / 2
    edge = [(k - right, -bottom) for k in range(width)]
    edge += [(right, k - bottom) for k in range(height)]
    edge += [(right - k, bottom) for k in range(width)]
    edge += [(-right, bottom - k) for k in range(height)]
    inverses = [inverse(m) for m in maps.tolist()]
    for s in range(len(fields), -1, -1):
        m = inverses[s]
        if m is None:
            return None
        edge = [(m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]) for x, y in edge]
        if s:
            ways = [_bilinear(fields[s - 1], x + (width - 1) * 0.5, y + (height - 1) * 0.5) for x, y in edge]
            edge = [(x + dx / 65536, y + dy / 65536) for (x, y), (dx, dy) in zip(edge, ways, strict=True)]
    return edge


def bent_ink_kept(image: np.ndarray, maps: np.ndarray, fields: np.ndarray) -> float:
    """Return the share of the gray sum that the followed edge of the frame encloses, to the bit.

    A pixel is enclosed where a ray to the right crosses the edge an odd number of times.
    """
    height, width = image.shape
    edge = outline(maps, fields)
    inside = 0
    if edge is None or not image.any():
        return 1.0 if not image.any() else 0.0
    ends = np.array(edge) + np.array([(width - 1) * 0.5, (height - 1) * 0.5])
    (x0, y0), (x1, y1) = np.roll(ends, 1, axis=0).T, ends.T
    for row, column in zip(*np.nonzero(image), strict=True):
        crossed = (y0 < row) != (y1 < row)
        at = (x0 - x1)[crossed] * (row - y1[crossed]) / (y0 - y1)[crossed] + x1[crossed]
        inside += int(image[row, column]) * (int((column < at).sum()) % 2)
    return inside / int(image.sum(dtype=np.int64))
