"""Extreme samples of a recipe, each beside its original."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from augforge.errors import AugforgeError
from augforge.forge import Forge
from augforge.previewing.gallery import Gallery, Row, check_size, format_subtitle
from augforge.realism import Extreme, PropertyReport, Report


def make_extremes_gallery(forge: Forge, report: Report) -> Gallery:
    """Make a gallery of the most extreme samples.

    A row shows one property in one direction; the row with the most extreme sample comes first.

    Parameters
    ----------
    forge : Forge
        The recipe's forge.
    report : Report
        The result of `examine` for this forge.

    Raises
    ------
    AugforgeError
        If no sample is extreme, or the images are too many for one picture.
    """
    if not report.extremes:
        raise AugforgeError("there are no extreme samples to show: all are like the originals")
    groups: defaultdict[tuple[str, bool], list[Extreme]] = defaultdict(list)
    for extreme in report.extremes:
        groups[extreme.property, extreme.distance > 0].append(extreme)
    pairs = max(map(len, groups.values()))
    check_size(len(groups), 2 * pairs, forge.image_shape)
    properties = {one.about.name: one for one in report.properties}
    return Gallery(
        title=f"{forge.recipe.name}: most extreme samples",
        subtitle=format_subtitle(forge, f"of {len(report.numbers):,} samples"),
        headings=("original", "sample") * pairs,
        rows=tuple(_make_row(forge, group, properties[name], pairs) for (name, _), group in groups.items()),
        image_shape=forge.image_shape,
        group=2,
        note="each sample counts once, for the property in which it is furthest from the source's median",
    )


def _make_row(forge: Forge, extremes: Sequence[Extreme], measured: PropertyReport, pairs: int) -> Row:
    originals = forge.originals(np.array([extreme.source_index for extreme in extremes]))
    samples = forge.make([extreme.number for extreme in extremes]).images
    images = [image for pair in zip(originals, samples, strict=True) for image in pair]
    values = ", ".join(measured.about.format(extreme.value) for extreme in extremes)
    low, _, high = (measured.about.format(value) for value in measured.source)
    numbers = ", ".join(str(extreme.number) for extreme in extremes)
    caption = (
        f"{measured.about.title}: {values}",
        f"{measured.about.unit or 'ratio'}; 98 % of originals: {low} to {high}",
        f"samples {numbers}",
    )
    return Row(caption, (*images, *[None] * (2 * pairs - len(images))))
