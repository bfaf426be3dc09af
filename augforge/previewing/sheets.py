"""The two pictures, each in one call."""

from typing import TYPE_CHECKING

from augforge.forge import Forge
from augforge.previewing.contact import contact_gallery
from augforge.previewing.picture import paint
from augforge.previewing.sweeping import sweep_gallery

if TYPE_CHECKING:
    from PIL import Image


def contact_sheet(
    forge: Forge, originals: int = 10, variants: int = 12, step: str | None = None
) -> "Image.Image":
    """Return the picture of `contact_gallery`, which says what the parameters are."""
    return paint(contact_gallery(forge, originals, variants, step))


def sweep(forge: Forge, originals: int = 3, step: str | None = None) -> "Image.Image":
    """Return the picture of `sweep_gallery`, which says what the parameters are."""
    return paint(sweep_gallery(forge, originals, step))
