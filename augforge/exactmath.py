"""Compute functions with the same bits on every processor.

NumPy, SciPy and the C library choose another implementation of the sine, the logarithm or the power for each
generation of processors, and their last bits differ. A recipe promises the same pixels everywhere, so all functions
between a random number and a pixel are here: in float64, from ``+ - * /``, ``sqrt``, ``floor`` and bit shifts
alone, in one fixed order. IEEE 754 leaves no choice in any of these, and neither does the compiler (without
fast-math it fuses and reorders nothing).

The functions are scalar Numba functions, to call from kernels or from Python. Accuracy, checked against mpmath and
SciPy: exp and log within 1 unit in the last place (ulp), sine and cosine 2, the normal quantile 8.
"""

import math

import numpy as np

from augforge.arrays import Floats
from augforge.compiling import compiled, kernel_helper

RADIANS_PER_DEGREE = 0.017453292519943295

# ln 2 in two pieces: the first has 21 trailing zero bits, so that its product with an exponent is exact.
_LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
_LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_INVERSE_LN2 = float.fromhex("0x1.71547652b82fep+0")
_SQRT_HALF = float.fromhex("0x1.6a09e667f3bcdp-1")

# Taylor coefficients: 1/n! for sine, cosine and exp. On the reduced ranges the first term left out is
# below 2**-56 of the result.
_S3, _S5, _S7, _S9, _S11, _S13, _S15 = (
    (-1.0) ** (n // 2) / math.factorial(n) for n in (3, 5, 7, 9, 11, 13, 15)
)
_C4, _C6, _C8, _C10, _C12, _C14, _C16 = (
    (-1.0) ** (n // 2) / math.factorial(n) for n in (4, 6, 8, 10, 12, 14, 16)
)
_EXP = np.array([1.0 / math.factorial(n) for n in range(14, 1, -1)])
# 2 artanh(s) = 2 s (1 + s^2/3 + s^4/5 + ...)
_ARTANH = np.array([1.0 / n for n in range(23, 2, -2)])


@kernel_helper
def _sine_of_reduced(x: float) -> float:
    z = x * x
    tail = _S3 + z * (_S5 + z * (_S7 + z * (_S9 + z * (_S11 + z * (_S13 + z * _S15)))))
    return x + x * (z * tail)


@kernel_helper
def _cosine_of_reduced(x: float) -> float:
    z = x * x
    tail = _C4 + z * (_C6 + z * (_C8 + z * (_C10 + z * (_C12 + z * (_C14 + z * _C16)))))
    half = 0.5 * z
    # 1 - half loses bits that (1 - w) - half recovers.
    w = 1.0 - half
    return w + (((1.0 - w) - half) + z * z * tail)


@compiled
def sine_and_cosine(degrees: float) -> tuple[float, float]:
    """Compute the sine and cosine of an angle in degrees.

    The reduction modulo 90 degrees is exact for every float32 below 2**20 in magnitude, so multiples of 90 give
    exactly 0 and plus or minus 1.
    """
    quarter = math.floor(degrees / 90.0 + 0.5)
    x = (degrees - quarter * 90.0) * RADIANS_PER_DEGREE
    s = _sine_of_reduced(x)
    c = _cosine_of_reduced(x)
    turn = int(quarter) & 3
    if turn == 1:
        return c, -s
    if turn == 2:
        return -s, -c
    if turn == 3:
        return -c, s
    return s, c


@compiled
def tangent(degrees: float) -> float:
    """Compute the tangent of an angle in degrees."""
    s, c = sine_and_cosine(degrees)
    return s / c


@compiled
def exponential(x: float) -> float:
    """Compute e**x for x within [-708, 709]; 0 below, infinity above."""
    if x > 709.0:
        return np.inf
    if x < -708.0:
        return 0.0
    k = math.floor(x * _INVERSE_LN2 + 0.5)
    high = x - k * _LN2_HIGH
    low = k * _LN2_LOW
    r = high - low
    lost = (high - r) - low
    tail = _EXP[0]
    for i in range(1, _EXP.size):
        tail = tail * r + _EXP[i]
    result = 1.0 + (r + (lost + r * r * tail))
    power_of_two = np.int64((np.int64(k) + 1023) << 52).view(np.float64)
    return result * power_of_two


@compiled
def logarithm(x: float) -> float:
    """Compute the logarithm of a positive normal x; -infinity for 0."""
    if x <= 0.0:
        return -np.inf
    bits = np.float64(x).view(np.int64)
    exponent = (bits >> 52) - 1023
    m = np.int64((bits & 0x000FFFFFFFFFFFFF) | 0x3FE0000000000000).view(np.float64)
    exponent += 1
    if m < _SQRT_HALF:
        m += m
        exponent -= 1
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    tail = _ARTANH[0]
    for i in range(1, _ARTANH.size):
        tail = tail * z + _ARTANH[i]
    # log(1 + f) = f - s (f - 2 z tail), which preserves the leading bits of f.
    k = float(exponent)
    return k * _LN2_HIGH + (f - (s * (f - 2.0 * z * tail) - k * _LN2_LOW))


# Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988),
# routine PPND16: numerators and denominators, highest power first, for the middle, the near and the far tail.
_MIDDLE_P = np.array(
    [
        2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
        1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0,
    ]
)  # fmt: skip
_MIDDLE_Q = np.array(
    [
        5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
        5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
    ]
)  # fmt: skip
_NEAR_P = np.array(
    [
        7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
        3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0,
    ]
)  # fmt: skip
_NEAR_Q = np.array(
    [
        1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
        6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0,
    ]
)  # fmt: skip
_FAR_P = np.array(
    [
        2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
        2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0,
    ]
)  # fmt: skip
_FAR_Q = np.array(
    [
        2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
        1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0,
    ]
)  # fmt: skip


@kernel_helper
def _ratio(p: Floats, q: Floats, x: float) -> float:
    above = p[0]
    below = q[0]
    for i in range(1, p.size):
        above = above * x + p[i]
        below = below * x + q[i]
    return above / below


@compiled
def normal_quantile(u: float) -> float:
    """Compute the standard normal quantile of u, 0 < u < 1."""
    if u <= 0.0:
        return -np.inf
    if u >= 1.0:
        return np.inf
    centered = u - 0.5
    if -0.425 <= centered <= 0.425:
        return centered * _ratio(_MIDDLE_P, _MIDDLE_Q, 0.180625 - centered * centered)
    tail = u if centered < 0.0 else 1.0 - u
    r = math.sqrt(-logarithm(tail))
    size = _ratio(_NEAR_P, _NEAR_Q, r - 1.6) if r <= 5.0 else _ratio(_FAR_P, _FAR_Q, r - 5.0)
    return -size if centered < 0.0 else size
