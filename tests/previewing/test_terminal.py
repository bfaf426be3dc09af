import re

import numpy as np
import pytest

from augforge.previewing import (
    Gallery,
    Row,
    count_columns,
    draw_text,
    make_contact_gallery,
    make_sweep_gallery,
)

COLOR = re.compile(r"\x1b\[38;2;(\d+);\1;\1;48;2;(\d+);\2;\2m|(▀)|\x1b\[0m")


def make_gallery(*images, captions=("a",)):
    return Gallery(
        "title",
        "subtitle",
        ("original", *"123456789"[: len(images) - 1]),
        (Row(captions, images),),
        images[0].shape,
        1,
        "",
    )


def decode(line):
    """Decode the upper and the lower pixels of a colored line."""
    upper, lower, now = [], [], None
    for high, low, block in COLOR.findall(line):
        if block:
            upper.append(now[0])
            lower.append(now[1])
        elif high:
            now = int(high), int(low)
    return upper, lower


@pytest.mark.parametrize("height", [6, 7])
def test_colors_show_every_pixel(height):
    image = np.arange(height * 5, dtype=np.uint8).reshape(height, 5) * 7
    lines = draw_text(make_gallery(image), 80, colors=True).splitlines()[5:]
    shown = np.array([pixels for line in lines for pixels in decode(line)])
    assert np.array_equal(shown[:height], image)
    assert not shown[height:].any()
    assert all(COLOR.sub("", line) == "" for line in lines)


def test_characters_go_from_light_to_dark():
    image = np.repeat(np.arange(0, 256, 51, dtype=np.uint8)[np.newaxis], 4, axis=0)
    assert draw_text(make_gallery(image), 80, colors=False) == (
        "title\nsubtitle\n\norigin\na\n :=+#@\n :=+#@\n"
    )


def test_an_empty_place_stays_empty():
    image = np.full((2, 2), 255, np.uint8)
    text = draw_text(make_gallery(image, None, image), 80, colors=False)
    assert text.splitlines()[-1] == "@@    @@"


@pytest.mark.parametrize("colors", [True, False])
@pytest.mark.parametrize("width", [3, 20, 80, 119, 400])
def test_it_fits_into_the_terminal(width, colors, forge):
    for gallery in (make_contact_gallery(forge(), 3, 6), make_sweep_gallery(forge(), 3)):
        for line in draw_text(gallery, width, colors=colors).splitlines():
            cells = len(re.sub(r"\x1b\[[0-9;]*m", "", line))
            assert cells <= width


def test_what_does_not_fit_is_left_out_by_whole_groups(forge):
    contact, sweep = make_contact_gallery(forge(), 3, 6), make_sweep_gallery(forge(), 3)
    assert [count_columns(contact, width) for width in (20, 80, 144, 500)] == [5, 5, 5, 7]
    assert [count_columns(sweep, width) for width in (20, 80, 250, 500)] == [4, 4, 8, 12]


def test_images_are_made_smaller_by_means():
    image = np.zeros((4, 4), np.uint8)
    image[:2, :2] = [[10, 20], [30, 40]]
    lines = draw_text(make_gallery(*[image] * 5), 15, colors=True).splitlines()
    upper, lower = decode(lines[5].partition(" ")[0])
    assert (upper, lower) == ([25, 0], [0, 0])
