import io

import numpy as np
import pytest
from PIL import Image

from augforge.previewing import (
    Gallery,
    Layout,
    Row,
    encode_png,
    make_contact_gallery,
    make_sweep_gallery,
    paint,
)
from tests.previewing.conftest import make_source


def cells(picture, layout):
    """Yield each image of a layout with its pixels in the picture."""
    pixels = np.asarray(picture)
    for row, shown in enumerate(layout.gallery.rows):
        for column, image in enumerate(shown.images):
            left, top, right, bottom = layout.box(row, column)
            yield image, pixels[top:bottom, left:right]


@pytest.mark.parametrize("make_gallery", [make_contact_gallery, make_sweep_gallery])
@pytest.mark.parametrize("shape", [(28, 28), (9, 13), (100, 20)])
def test_the_picture_has_every_pixel_enlarged(make_gallery, shape, forge):
    gallery = make_gallery(forge(source=make_source(shape=shape)), 3)
    layout, picture = Layout(gallery), paint(gallery)
    assert picture.size == layout.size
    assert layout.scale == max(1, 84 // max(shape))
    for image, cell in cells(picture, layout):
        if image is None:
            assert (cell == 255).all()
            continue
        large = np.kron(image, np.ones((layout.scale, layout.scale), np.uint8))
        assert np.array_equal(cell, np.repeat(large[..., np.newaxis], 3, axis=2))


def test_images_can_be_smaller(forge):
    gallery = make_contact_gallery(forge(), 2, 2)
    layout, picture = Layout(gallery, 60), paint(gallery, 60)
    assert layout.scale == 2
    assert picture.size == layout.size
    for image, cell in cells(picture, layout):
        assert np.array_equal(cell[::2, ::2, 0], image)


def test_the_sheet_shows_the_samples_of_the_forge(forge):
    one = forge()
    gallery = make_contact_gallery(one, 5, 4)
    layout, pixels = Layout(gallery), np.asarray(paint(gallery))
    for row, original in enumerate((4, 3, 2, 1, 0)):
        for variant in range(5):
            left, top, right, bottom = layout.box(row, variant)
            cell = pixels[top : bottom : layout.scale, left : right : layout.scale, 0]
            assert np.array_equal(cell, one.make([variant * 40 + original]).images[0])


def test_places_do_not_overlap_and_lie_inside(forge):
    layout = Layout(make_sweep_gallery(forge(), 3))
    width, height = layout.size
    taken = np.zeros((height, width), int)
    for row in range(len(layout.gallery.rows)):
        for column in range(len(layout.gallery.headings)):
            left, top, right, bottom = layout.box(row, column)
            assert right <= width - 20
            assert bottom <= height - 20
            taken[top - 1 : bottom + 1, left - 1 : right + 1] += 1
    assert taken.max() == 1


def test_a_picture_is_the_same_every_time(forge):
    first, second = (encode_png(paint(make_contact_gallery(forge(), 3, 3))) for _ in range(2))
    assert first == second
    with Image.open(io.BytesIO(first)) as picture:
        assert picture.format == "PNG"
        assert not picture.info


def test_long_texts_have_room():
    image = np.zeros((28, 28), np.uint8)
    row = Row(("a caption that goes on and on",), (image,))
    text = "a title that is much longer than all images together " * 3
    layout = Layout(Gallery(text, "", ("original",), (row,), (28, 28), 1, ""))
    assert layout.left(0) > 200
    pixels = np.asarray(paint(layout.gallery))
    assert (pixels[:, -10:] == 255).all()
    assert (pixels[:60, -200:-24] != 255).any()
