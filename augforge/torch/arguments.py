"""Checks of the arguments of `make_loader`."""

import operator
from collections.abc import Collection, Iterable
from typing import Any

from augforge.errors import did_you_mean, listed
from augforge.torch.orders import DEFAULT_WINDOW, InOrder, Order, Shuffled, WindowShuffled


def integer(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    """Return value as an int, or raise TypeError or ValueError."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is not an integer") from None
    if (low is not None and number < low) or (high is not None and number > high):
        limits = f"{low} or more" if high is None else f"{low} to {high}"
        raise ValueError(f"{name}={number}; allowed: {limits}")
    return number


def order_of(samples: int, shuffle: bool | str, seed: int, window: int | None) -> Order:
    """Return the order that shuffle, seed and window ask for."""
    if window is not None and shuffle != "window":
        raise ValueError(
            f'window={window!r} has a meaning only with shuffle="window", got shuffle={shuffle!r}'
        )
    seed = integer("seed", seed)
    if shuffle == "window":
        return WindowShuffled(
            samples, seed, integer("window", DEFAULT_WINDOW if window is None else window, low=1)
        )
    if not isinstance(shuffle, bool):
        raise ValueError(f'shuffle={shuffle!r}; allowed: False, True, "window"')
    return Shuffled(samples, seed) if shuffle else InOrder(samples)


def refuse_unknown_tail(tail: str | None) -> None:
    """Raise ValueError if tail is neither None nor one of its values."""
    if tail not in (None, "exact", "pad"):
        raise ValueError(f'tail={tail!r}; allowed: "exact", "pad"')


def refuse_unknown_options(options: Iterable[str], allowed: Collection[str]) -> None:
    """Raise TypeError if an option for DataLoader is not allowed."""
    for name in options:
        if name not in allowed:
            raise TypeError(
                f"make_loader has no argument {name!r}.{did_you_mean(name, allowed)} Passed on to DataLoader "
                f"are {listed(allowed)}"
            )
