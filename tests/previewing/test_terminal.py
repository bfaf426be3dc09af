import re

import numpy as np
import pytest

from augforge.previewing import Gallery, Row, columns_that_fit, contact_gallery, sweep_gallery, terminal_text

COLOUR = re.compile(r"\x1b\[38;2;(\d+);\1;\1;48;2;(\d+);\2;\2m|(▀)|\x1b\[0m")


def gallery_of(*images, captions=("a",)):
    return Gallery(
        "title",
        "subtitle",
        ("original", *"123456789"[: len(images) - 1]),
        (Row(captions, images),),
        images[0].shape,
        1,
        "",
    )


def decoded(line):
    """Return the upper and the lower pixels that a coloured line shows."""
    upper, lower, now = [], [], None
    for high, low, block in COLOUR.findall(line):
        if block:
            upper.append(now[0])
            lower.append(now[1])
        elif high:
            now = int(high), int(low)
    return upper, lower


@pytest.mark.parametrize("height", [6, 7])
def test_colours_show_every_pixel(height):
    image = np.arange(height * 5, dtype=np.uint8).reshape(height, 5) * 7
    lines = terminal_text(gallery_of(image), 80, colours=True).splitlines()[5:]
    shown = np.array([pixels for line in lines for pixels in decoded(line)])
    assert np.array_equal(shown[:height], image)
    assert not shown[height:].any()
    assert all(COLOUR.sub("", line) == "" for line in lines)


def test_characters_go_from_light_to_dark():
    image = np.repeat(np.arange(0, 256, 51, dtype=np.uint8)[np.newaxis], 4, axis=0)
    assert terminal_text(gallery_of(image), 80, colours=False) == (
        "title\nsubtitle\n\norigin\na\n :=+#@\n :=+#@\n"
    )


def test_an_empty_place_stays_empty():
    image = np.full((2, 2), 255, np.uint8)
    text = terminal_text(gallery_of(image, None, image), 80, colours=False)
    assert text.splitlines()[-1] == "@@    @@"


@pytest.mark.parametrize("colours", [True, False])
@pytest.mark.parametrize("width", [3, 20, 80, 119, 400])
def test_it_fits_into_the_terminal(width, colours, forge):
    for gallery in (contact_gallery(forge(), 3, 6), sweep_gallery(forge(), 3)):
        for line in terminal_text(gallery, width, colours=colours).splitlines():
            cells = len(re.sub(r"\x1b\[[0-9;]*m", "", line))
            assert cells <= width


def test_what_does_not_fit_is_left_out_by_whole_groups(forge):
    contact, sweep = contact_gallery(forge(), 3, 6), sweep_gallery(forge(), 3)
    assert [columns_that_fit(contact, width) for width in (20, 80, 144, 500)] == [5, 5, 5, 7]
    assert [columns_that_fit(sweep, width) for width in (20, 80, 250, 500)] == [4, 4, 8, 12]


def test_images_are_made_smaller_by_means():
    image = np.zeros((4, 4), np.uint8)
    image[:2, :2] = [[10, 20], [30, 40]]
    lines = terminal_text(gallery_of(*[image] * 5), 15, colours=True).splitlines()
    upper, lower = decoded(lines[5].partition(" ")[0])
    assert (upper, lower) == ([25, 0], [0, 0])
