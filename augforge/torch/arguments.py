"""Checks of the arguments of `make_loader`."""

import operator
from collections.abc import Collection, Iterable
from typing import Any

from augforge.errors import did_you_mean, join_names
from augforge.torch.orders import DEFAULT_WINDOW, InOrder, Order, Shuffled, WindowShuffled


def check_integer(name: str, value: Any, low: int | None = None, high: int | None = None) -> int:
    """Convert an integer of any library to int; raise TypeError or ValueError."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={value!r} is not an integer") from None
    if (low is not None and number < low) or (high is not None and number > high):
        limits = f"{low} or more" if high is None else f"{low} to {high}"
        raise ValueError(f"{name}={number}; allowed: {limits}")
    return number


def make_order(samples: int, shuffle: bool | str, seed: int, window: int | None) -> Order:
    """Make the order for `shuffle`, `seed` and `window`."""
    if window is not None and shuffle != "window":
        raise ValueError(f'window={window!r} needs shuffle="window", got shuffle={shuffle!r}')
    seed = check_integer("seed", seed)
    if shuffle == "window":
        return WindowShuffled(
            samples, seed, check_integer("window", DEFAULT_WINDOW if window is None else window, low=1)
        )
    if not isinstance(shuffle, bool):
        raise ValueError(f'shuffle={shuffle!r}; allowed: False, True, "window"')
    return Shuffled(samples, seed) if shuffle else InOrder(samples)


def check_tail(tail: str | None) -> None:
    """Raise ValueError for an unknown `tail`."""
    if tail not in (None, "exact", "pad"):
        raise ValueError(f'tail={tail!r}; allowed: "exact", "pad"')


def check_options(options: Iterable[str], allowed: Collection[str]) -> None:
    """Raise TypeError for an option that DataLoader must not get."""
    for name in options:
        if name not in allowed:
            raise TypeError(
                f"make_loader has no argument {name!r}.{did_you_mean(name, allowed)} DataLoader gets "
                f"{join_names(allowed)}"
            )
