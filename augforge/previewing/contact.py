"""The contact sheet: originals left, right of each the variants that a build would write."""

import numpy as np

from augforge.forge import Forge
from augforge.previewing.choosing import choose_originals, find_node, first_distorted, name_of, with_only
from augforge.previewing.gallery import Gallery, Row, check_size, subtitle_of


def contact_gallery(
    forge: Forge, originals: int = 10, variants: int = 12, step: str | None = None
) -> Gallery:
    """Return originals, each with its first distorted variants.

    Parameters
    ----------
    forge : Forge
        The recipe at work.
    originals, variants : int
        How many at most, from 1 up; fewer are shown where there are no more.
    step : str, optional
        The id of a step or group: only what it does is shown, on every variant. Without it, the images are the
        very samples of a build.

    Raises
    ------
    AugforgeError
        If there is no such step, or the images are too many for one picture.
    """
    subtitle, note = subtitle_of(forge), f"sample number = variant x {len(forge.source):,} + original"
    if step is not None:
        subtitle, note = subtitle_of(forge, f"only step '{step}', on every variant"), ""
        forge = with_only(forge, find_node(forge.recipe.distort, step))
    chosen = choose_originals(forge.source, originals)
    shown = first_distorted(forge) + np.arange(min(variants, forge.recipe.variants))
    check_size(len(chosen), 1 + len(shown), forge.image_shape)
    numbers = shown * len(forge.source) + chosen[:, np.newaxis]
    made = forge.make(numbers.reshape(-1)).images.reshape(*numbers.shape, *forge.image_shape)
    rows = tuple(
        Row((name_of(forge.source, index), f"original {index}"), (original, *images))
        for index, original, images in zip(chosen, forge.originals(chosen), made, strict=True)
    )
    headings = ("original", *(f"variant {number}" if number == shown[0] else str(number) for number in shown))
    return Gallery(
        title=forge.recipe.name,
        subtitle=subtitle,
        headings=headings,
        rows=rows,
        image_shape=forge.image_shape,
        group=len(headings),
        note=note,
    )
