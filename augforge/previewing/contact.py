"""Contact sheets: each original beside its first variants."""

import numpy as np

from augforge.forge import Forge
from augforge.previewing.gallery import Gallery, Row, check_size, format_subtitle
from augforge.previewing.selection import choose_originals, find_node, isolate_step, name_original


def make_contact_gallery(
    forge: Forge, originals: int = 10, variants: int = 12, step: str | None = None
) -> Gallery:
    """Make a gallery of originals, each with its first distorted variants.

    Parameters
    ----------
    forge : Forge
        The recipe's forge.
    originals, variants : int
        Maximum numbers, from 1 up; fewer if the source or the recipe has fewer.
    step : str, optional
        Id of a step or group to apply alone, to every variant. Without it, the images equal the samples of a build.

    Raises
    ------
    AugforgeError
        If no step has this id, or the images are too many for one picture.
    """
    subtitle, note = format_subtitle(forge), f"sample number = variant x {len(forge.source):,} + original"
    if step is not None:
        subtitle, note = format_subtitle(forge, f"only step '{step}', on every variant"), ""
        forge = isolate_step(forge, find_node(forge.recipe.distort, step))
    chosen = choose_originals(forge.source, originals)
    # Variant 0 is the original itself if the recipe keeps originals.
    shown = forge.recipe.keep_originals + np.arange(min(variants, forge.recipe.variants))
    check_size(len(chosen), 1 + len(shown), forge.image_shape)
    numbers = shown * len(forge.source) + chosen[:, np.newaxis]
    samples = forge.make(numbers.reshape(-1)).images.reshape(*numbers.shape, *forge.image_shape)
    rows = tuple(
        Row((name_original(forge.source, index), f"original {index}"), (original, *images))
        for index, original, images in zip(chosen, forge.originals(chosen), samples, strict=True)
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
