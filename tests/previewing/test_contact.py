import numpy as np
import pytest

from augforge.errors import AugforgeError
from augforge.previewing import make_contact_gallery
from augforge.previewing.selection import choose_originals
from tests.previewing.conftest import make_source


@pytest.mark.parametrize("keep_originals", [True, False])
def test_the_images_are_the_samples_of_a_build(keep_originals, forge):
    one = forge(keep_originals=keep_originals)
    gallery = make_contact_gallery(one, 7, 4)
    chosen = choose_originals(one.source, 7)
    variants = range(1, 5) if keep_originals else range(4)
    for index, row in zip(chosen, gallery.rows, strict=True):
        samples = one.make([variant * len(one.source) + index for variant in variants]).images
        assert np.array_equal(np.stack(row.images), [one.source.images[index], *samples])
    first, *rest = (str(variant) for variant in variants)
    assert gallery.headings == ("original", f"variant {first}", *rest)
    assert gallery.note == "sample number = variant x 40 + original"


def test_title_and_captions(forge):
    one = forge()
    gallery = make_contact_gallery(one, 2, 1)
    assert gallery.title == "shown"
    assert gallery.subtitle == f"seed 11 · pixel digest {one.pixel_digest[:16]}"
    assert [row.caption for row in gallery.rows] == [("0", "original 4"), ("1", "original 3")]


def test_fewer_originals_and_variants_are_shown(forge):
    gallery = make_contact_gallery(forge(variants=2), 100, 100)
    assert len(gallery.rows) == 40
    assert gallery.headings == ("original", "variant 1", "2")
    assert make_contact_gallery(forge(variants=0), 3, 5).headings == ("original",)


def test_one_step_alone(forge):
    one = forge()
    gallery = make_contact_gallery(one, 5, 3, step="rotate")
    assert gallery.subtitle.endswith(f"{one.pixel_digest[:16]} · only step 'rotate', on every variant")
    assert gallery.note == ""
    only = forge("[{rotate: {degrees: [-30, 10]}}]")
    shown = np.stack(gallery.rows[0].images[1:])
    assert np.array_equal(shown, only.make([40 + 4, 80 + 4, 120 + 4]).images)


def test_an_unlabeled_source(forge):
    gallery = make_contact_gallery(forge("[]", source=make_source(labels=None)), 2, 1)
    assert [row.caption for row in gallery.rows] == [("#0", "original 0"), ("#20", "original 20")]


def test_too_many_pixels_are_refused_before_they_are_made(forge):
    large = forge("[]", variants=100, source=make_source(100, (200, 200), labels=None))
    with pytest.raises(AugforgeError) as error:
        make_contact_gallery(large, 100, 100)
    assert str(error.value) == (
        "100 x 101 images of 200 x 200 pixels are too many for one picture: 404,000,000 pixels, "
        "at most 16,777,216; ask for fewer originals or variants"
    )
