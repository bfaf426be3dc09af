import numpy as np
import pytest

from augforge.errors import AugforgeError
from augforge.previewing import make_extremes_gallery, paint
from augforge.realism import examine


def test_each_sample_stands_beside_its_original(forge):
    one = forge()
    report = examine(one)
    gallery = make_extremes_gallery(one, report)
    shown = [image for row in gallery.rows for image in row.images if image is not None]
    assert len(shown) == 2 * len(report.extremes)
    for row in gallery.rows:
        numbers = [int(number) for number in row.caption[2].removeprefix("samples ").split(", ")]
        images = [image for image in row.images if image is not None]
        assert np.array_equal(images[1::2], one.make(numbers).images)
        assert np.array_equal(images[::2], one.originals(np.array(numbers) % len(one.source)))


def test_captions_show_the_values_and_the_range_of_the_source(forge):
    one = forge()
    report = examine(one)
    gallery = make_extremes_gallery(one, report)
    first = report.extremes[0]
    measured = next(about for about in report.properties if about.about.name == first.property)
    name, range_, numbers = gallery.rows[0].caption
    assert name.startswith(f"{measured.about.title}: {measured.about.format(first.value)}")
    assert range_ == (
        f"{measured.about.unit or 'ratio'}; 98 % of originals: "
        f"{measured.about.format(measured.source[0])} to {measured.about.format(measured.source[2])}"
    )
    assert numbers.startswith(f"samples {first.number}")
    assert gallery.title == "shown: most extreme samples"
    assert gallery.subtitle == f"seed 11 · pixel digest {one.pixel_digest[:16]} · of 240 samples"
    assert gallery.headings[:2] == ("original", "sample")
    assert paint(gallery).mode == "RGB"


def test_without_extreme_samples_it_raises(forge):
    one = forge(variants=0)
    with pytest.raises(AugforgeError, match="there are no extreme samples to show"):
        make_extremes_gallery(one, examine(one))
