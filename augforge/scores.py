"""Compute confidence intervals of accuracies."""

import math

from augforge.errors import AugforgeError

_Z = 1.959963984540054  # 97.5 % of a normal distribution lie below


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """Compute the 95 % confidence interval of an accuracy.

    Unlike "accuracy ± standard error" it also holds for few samples and for 0 or 100 %. Source: Wilson, "Probable
    inference, the law of succession, and statistical inference", Journal of the American Statistical Association
    22, 1927.

    Parameters
    ----------
    right, total : int
        Number of correct samples, 0 to `total`, and of all samples, at least 1.

    Returns
    -------
    tuple of float
        Lower and upper bound, 0 to 1.

    Raises
    ------
    AugforgeError
        If a count is out of range.
    """
    if not 0 <= right <= total or total < 1:
        raise AugforgeError(f"needed are 0 to {max(total, 1)} right of at least 1, got {right} of {total}")
    share, square = right / total, _Z * _Z
    middle = share + square / (2 * total)
    half = _Z * math.sqrt(share * (1 - share) / total + square / (4 * total * total))
    low, high = ((middle + sign * half) / (1 + square / total) for sign in (-1, 1))
    return (0.0 if right == 0 else low), (1.0 if right == total else high)


def accuracy_text(right: int, total: int) -> str:
    """Format an accuracy with its 95 % interval: ``12 of 12 right: 76 to 100 %``."""
    low, high = (100 * share for share in wilson_interval(right, total))
    digits = 0 if high - low >= 4 else 1 if high - low >= 0.4 else 2
    return f"{right:,} of {total:,} right: {_percent(low, digits)} to {_percent(high, digits)} %"


def _percent(value: float, digits: int) -> str:
    return "100" if value == 100 else "0" if value == 0 else f"{value:.{digits}f}"
