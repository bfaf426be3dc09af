"""Draw every random value as a quantile of a counter-based uniform number.

There is no stream and no state. A *key* comes from (seed, step id, parameter name), the *counter* is (source index,
variant, attempt), and Philox turns both into 128 bits that pass the usual test batteries::

    (seed, step id, name) --BLAKE3--> key --.
                                            Philox4x32-10 --> u in (0, 1) --quantile--> value
    (source index, variant, attempt) -------'

So the parameters of any sample can be computed alone and in any order, and adding a step to a recipe does not
change those of other steps. A distribution is its quantile function, nothing else.
"""

import functools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from blake3 import blake3

from augforge import exactmath
from augforge.arrays import Array, Floats, Ints, Keys, Words
from augforge.compiling import compiled, inlined

# Multipliers and Weyl constants of Philox4x32: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy
# as 1, 2, 3", SC 2011.
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_11 = np.uint64(11)


@inlined
def philox(
    key: np.uint64, c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64
) -> tuple[np.uint64, np.uint64]:
    """Hash a key and a counter to 128 random bits.

    The result is two uint64.

    The key is a uint64, the counter four 32-bit words (uint64). This is Philox4x32-10; the first result holds its
    words 1 and 0 (high, low), the second 3 and 2.
    """
    k0 = key & _LOW
    k1 = key >> _32
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _32) ^ c1 ^ k0
        c1 = p1 & _LOW
        c2 = (p0 >> _32) ^ c3 ^ k1
        c3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return (c1 << _32) | c0, (c3 << _32) | c2


@inlined
def open_unit(bits: np.uint64) -> float:
    """Convert a uint64 to a number in (0, 1).

    Its upper bits choose one of 2**52 equal cells; the result is the cell's middle.
    """
    return (np.float64(bits >> np.uint64(12)) + 0.5) * 2.0**-52


@compiled
def _fill_bits(key: np.uint64, source_index: Words, variant: Words, attempt: Words, out: Keys) -> None:
    zero = np.uint64(0)
    for i in range(out.size):
        out[i], _ = philox(
            key, np.uint64(source_index[i]), np.uint64(variant[i]), np.uint64(attempt[i]), zero
        )


@compiled
def _fill_uniform(keys: Keys, source_index: Words, variant: Words, attempt: int, out: Floats) -> None:
    zero = np.uint64(0)
    for k in range(keys.size):
        key = keys[k]
        for i in range(np.uint64(source_index.size)):
            bits, _ = philox(key, np.uint64(source_index[i]), np.uint64(variant[i]), np.uint64(attempt), zero)
            out[k, i] = open_unit(bits)


@functools.lru_cache(maxsize=4096)
def stream_key(seed: int, step_id: str, name: str) -> int:
    """Derive the 64-bit key of one random choice of a recipe.

    Parameters
    ----------
    seed : int
        The recipe's seed.
    step_id : str
        The id of the step.
    name : str
        The parameter's name, or ``choice``, ``applied`` and the like for other choices of the step.
    """
    words = json.dumps(["augforge-1", seed, step_id, name], ensure_ascii=True, separators=(",", ":"))
    return int.from_bytes(blake3(words.encode("ascii")).digest(8), "little")


def random_bits(key: int, source_index: Array, variant: Array, attempt: Array | int = 0) -> Keys:
    """Draw 64 random bits for each sample.

    Parameters
    ----------
    key : int
        From `stream_key`.
    source_index, variant : ndarray of integers, shape (N,)
        The samples, each below 2**32.
    attempt : int, or ndarray of integers, shape (N,)
        Number of the draw: 0, or higher after rejections.

    Returns
    -------
    ndarray of uint64, shape (N,)
    """
    out = np.empty(len(source_index), np.uint64)
    attempts = attempt if isinstance(attempt, np.ndarray) else np.full(out.shape, attempt, np.uint32)
    _fill_bits(
        np.uint64(key),
        np.ascontiguousarray(source_index, np.uint32),
        np.ascontiguousarray(variant, np.uint32),
        np.ascontiguousarray(attempts, np.uint32),
        out,
    )
    return out


def uniform(keys: Sequence[int], source_index: Array, variant: Array, attempt: int = 0) -> Floats:
    """Draw uniform numbers in (0, 1), one per key and sample.

    Arguments are as for `random_bits`.

    Returns
    -------
    ndarray of float64, shape (K, N)
        Odd multiples of 2**-53.
    """
    out = np.empty((len(keys), len(source_index)))
    _fill_uniform(
        np.array(keys, np.uint64),
        np.ascontiguousarray(source_index, np.uint32),
        np.ascontiguousarray(variant, np.uint32),
        attempt,
        out,
    )
    return out


@dataclass(frozen=True)
class Constant:
    """Always the same value."""

    value: float

    @property
    def low(self) -> float:
        """Return the least possible value."""
        return self.value

    @property
    def high(self) -> float:
        """Return the greatest possible value."""
        return self.value

    def quantile(self, u: Array) -> Floats:
        """Return quantiles at u (float64, within (0, 1)), float64 of u's shape."""
        return np.full(u.shape, self.value, np.float64)

    def plain(self) -> Any:
        """Write the distribution as in a recipe."""
        return self.value


@dataclass(frozen=True)
class Uniform:
    """A uniform distribution between low and high."""

    low: float
    high: float

    def quantile(self, u: Array) -> Floats:
        """Return quantiles at u (float64, within (0, 1)), float64 of u's shape."""
        return self.low + (self.high - self.low) * u

    def plain(self) -> Any:
        """Write the distribution as in a recipe."""
        return [self.low, self.high]


@dataclass(frozen=True)
class LogUniform:
    """A value with a uniform logarithm; 0 < low <= high."""

    low: float
    high: float

    def quantile(self, u: Array) -> Floats:
        """Return quantiles at u (float64, within (0, 1)), float64 of u's shape."""
        start = exactmath.logarithm(self.low)
        exponents = start + (exactmath.logarithm(self.high) - start) * u
        return np.clip(_of_each(_fill_exponential, exponents), self.low, self.high)

    def plain(self) -> Any:
        """Write the distribution as in a recipe."""
        return {"log_uniform": {"low": self.low, "high": self.high}}


@dataclass(frozen=True)
class Triangular:
    """A triangular density, with its peak at mode."""

    low: float
    mode: float
    high: float

    def quantile(self, u: Array) -> Floats:
        """Return quantiles at u (float64, within (0, 1)), float64 of u's shape."""
        width, rise, fall = self.high - self.low, self.mode - self.low, self.high - self.mode
        if width == 0.0:
            return np.full(u.shape, self.low, np.float64)
        rising = self.low + np.sqrt(u * width * rise)
        falling = self.high - np.sqrt((1.0 - u) * width * fall)
        return np.where(u * width < rise, rising, falling)

    def plain(self) -> Any:
        """Write the distribution as in a recipe."""
        return {"triangular": {"low": self.low, "mode": self.mode, "high": self.high}}


@dataclass(frozen=True)
class Normal:
    """The normal distribution, truncated (not clipped) to [low, high]."""

    mean: float
    sd: float
    low: float = -math.inf
    high: float = math.inf

    def quantile(self, u: Array) -> Floats:
        """Return quantiles at u (float64, within (0, 1)), float64 of u's shape."""
        if self.sd == 0.0:
            return np.full(u.shape, self.mean, np.float64)
        a, b = (self.low - self.mean) / self.sd, (self.high - self.mean) / self.sd
        # Probabilities of the upper tail lose their digits near 1: mirror to the lower tail.
        mirrored = a > 0.0
        if mirrored:
            a, b, u = -b, -a, 1.0 - u
        below, above = _normal_share_below(a), _normal_share_below(b)
        z = np.clip(_of_each(_fill_normal_quantile, below + (above - below) * u), a, b)
        return np.clip(self.mean + self.sd * (-z if mirrored else z), self.low, self.high)

    def plain(self) -> Any:
        """Write the distribution as in a recipe."""
        shape = {"mean": self.mean, "sd": self.sd}
        if math.isfinite(self.low):
            shape["low"] = self.low
        if math.isfinite(self.high):
            shape["high"] = self.high
        return {"normal": shape}


@dataclass(frozen=True)
class Choice:
    """One of several values, with probabilities proportional to weights."""

    values: tuple[float, ...]
    weights: tuple[float, ...] = ()

    @property
    def low(self) -> float:
        """Return the least possible value."""
        return min(self.values)

    @property
    def high(self) -> float:
        """Return the greatest possible value."""
        return max(self.values)

    def quantile(self, u: Array) -> Floats:
        """Return quantiles at u (float64, within (0, 1)), in the listed order."""
        weights = self.weights or (1.0,) * len(self.values)
        return np.array(self.values, np.float64)[choose_weighted(weights, u)]

    def plain(self) -> Any:
        """Write the distribution as in a recipe."""
        if not self.weights:
            return {"choice": {"values": list(self.values)}}
        return {"choice": {"values": list(self.values), "weights": list(self.weights)}}


Distribution = Constant | Uniform | LogUniform | Triangular | Normal | Choice


def choose_weighted(weights: tuple[float, ...], u: Array) -> Ints:
    """Choose an entry for each u in (0, 1), by weight.

    Returns int64 of u's shape.

    Entries of weight 0 are never chosen.
    """
    edges, total = [], 0.0
    for weight in weights:
        total += weight
        edges.append(total)
    last = max(i for i, weight in enumerate(weights) if weight > 0)
    return np.minimum(np.searchsorted(np.array(edges), u * total, side="right"), last)


@functools.lru_cache(maxsize=4096)
def _normal_share_below(z: float) -> float:
    """Compute the standard normal distribution function at z.

    This inverts `exactmath.normal_quantile` by bisection, so that truncated distributions end exactly at their own
    quantiles. Past 38 standard deviations no float64 share is left.
    """
    if z >= 38.0 or z <= -38.0:
        return 1.0 if z > 0.0 else 0.0
    if z > 0.0:
        return 1.0 - _normal_share_below(-z)
    # The share lies within (2**-1100, 1/2]: bisect its exponent first, then the number itself.
    scale = 1.0
    while scale > 0.0 and exactmath.normal_quantile(scale * 0.5) > z:
        scale *= 0.5
    low, high = scale * 0.5, scale
    for _ in range(54):
        middle = 0.5 * (low + high)
        if exactmath.normal_quantile(middle) < z:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@compiled
def _fill_exponential(values: Floats, out: Floats) -> None:
    for i in range(values.size):
        out[i] = exactmath.exponential(values[i])


@compiled
def _fill_normal_quantile(values: Floats, out: Floats) -> None:
    for i in range(values.size):
        out[i] = exactmath.normal_quantile(values[i])


def _of_each(fill: Callable[[Floats, Floats], None], values: Array) -> Floats:
    """Apply an exact function to each value, in float64."""
    flat = np.ascontiguousarray(values, np.float64).reshape(-1)
    out = np.empty_like(flat)
    fill(flat, out)
    return out.reshape(np.shape(values))
