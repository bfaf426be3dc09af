"""Horizontal bar charts of the results."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reporting.targets import number

OURS, OTHERS, LIMITS, INK, PALE = "#1f6fb4", "#b4bac2", "#e3e6ea", "#24292f", "#57606a"
LOGARITHMIC = 100
"""Ratio of the largest to the smallest value above which the axis is logarithmic."""


def draw(plot: Mapping[str, Any], folder: Path) -> None:
    """Draw a bar chart into its file, 1,600 pixels wide."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    bars = sort_bars(plot["bars"])
    names, values = [name for name, _ in bars], [value for _, value in bars]
    figure = Figure(figsize=(8, 1.1 + 0.36 * len(bars)), layout="constrained", facecolor="white")
    axes = figure.subplots()
    drawn = axes.barh(names, values, height=0.7, color=[color(name) for name in names])
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    labels = [number(value) for value in values]
    axes.bar_label(drawn, labels, padding=5, fontsize=11, color=INK, bbox=box)
    axes.invert_yaxis()
    if logarithmic(values):
        axes.set_xscale("log")
        # Leave a visible shortest bar, and room for the value of the longest.
        axes.set_xlim(10 ** math.floor(math.log10(min(values) / 1.5)), max(values) * 4)
        axes.set_xlabel(f"{plot['unit']} (each line ten times the one before)", fontsize=10, color=PALE)
    else:
        axes.set_xlim(0, max(values) * 1.15)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(plot["unit"], fontsize=10, color=PALE)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.9g}"))
    axes.set_title(plot["title"], loc="left", fontsize=13, color=INK, pad=10)
    axes.grid(axis="x", color="#eaeef2")
    axes.set_axisbelow(True)
    axes.minorticks_off()
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="y", length=0, labelsize=11, labelcolor=INK)
    axes.tick_params(axis="x", length=0, labelsize=10, labelcolor=PALE)
    for label, name in zip(axes.get_yticklabels(), names, strict=True):
        label.set_fontweight("bold" if ours(name) else "normal")
    # Omit the name of the program, so that new versions give the same file.
    figure.savefig(folder / plot["file"], dpi=200, metadata={"Software": None})


def sort_bars(bars: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Sort bars by size if they compare augforge with others."""
    kept = [(name, float(value)) for name, value in bars]
    if len({ours(name) for name, _ in kept}) == 1:
        return kept
    return sorted(kept, key=lambda bar: -bar[1])


def ours(name: str) -> bool:
    return name.startswith("augforge")


def color(name: str) -> str:
    if ours(name):
        return OURS
    return LIMITS if name.startswith(("limit", "the disk")) else OTHERS


def logarithmic(values: Sequence[float]) -> bool:
    return max(values) > LOGARITHMIC * min(values)
