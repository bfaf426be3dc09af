"""The most extreme samples of a recipe, each beside its original."""

from collections.abc import Iterable, Sequence

import numpy as np

from augforge.errors import AugforgeError
from augforge.forge import Forge
from augforge.previewing.gallery import Gallery, Row, check_size, subtitle_of
from augforge.realism import Extreme, PropertyReport, Report


def extremes_gallery(forge: Forge, report: Report) -> Gallery:
    """Return a row for each property and direction in which samples are extreme, the most extreme first.

    Parameters
    ----------
    forge : Forge
        The recipe at work.
    report : Report
        What `examine` told of it.

    Raises
    ------
    AugforgeError
        If no sample differs from what the source shows, or the images are too many for one picture.
    """
    if not report.extremes:
        raise AugforgeError("there are no extreme samples to show: all are like the originals")
    rows = _grouped(report.extremes)
    pairs = max(len(row) for row in rows)
    check_size(len(rows), 2 * pairs, forge.image_shape)
    properties = {one.about.name: one for one in report.properties}
    return Gallery(
        title=f"{forge.recipe.name}: most extreme samples",
        subtitle=subtitle_of(forge, f"of {len(report.numbers):,} samples"),
        headings=("original", "sample") * pairs,
        rows=tuple(_row(forge, row, properties[row[0].property], pairs) for row in rows),
        image_shape=forge.image_shape,
        group=2,
        note="each sample counts once, for the property in which it is furthest from the source's median",
    )


def _grouped(extremes: Iterable[Extreme]) -> list[list[Extreme]]:
    groups: dict[tuple[str, bool], list[Extreme]] = {}
    for extreme in extremes:
        groups.setdefault((extreme.property, extreme.distance > 0), []).append(extreme)
    return list(groups.values())


def _row(forge: Forge, extremes: Sequence[Extreme], told: PropertyReport, pairs: int) -> Row:
    originals = forge.originals(np.array([extreme.source_index for extreme in extremes]))
    samples = forge.make([extreme.number for extreme in extremes]).images
    images = [image for pair in zip(originals, samples, strict=True) for image in pair]
    values = ", ".join(told.about.format(extreme.value) for extreme in extremes)
    low, _, high = (told.about.format(value) for value in told.source)
    numbers = ", ".join(str(extreme.number) for extreme in extremes)
    caption = (
        f"{told.about.title}: {values}",
        f"{told.about.unit or 'ratio'}; 98 % of originals: {low} to {high}",
        f"samples {numbers}",
    )
    return Row(caption, (*images, *[None] * (2 * pairs - len(images))))
