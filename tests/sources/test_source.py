"""Checks and digests of sources."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.sources import Source, SourceSpec


def _source(images: np.ndarray, labels: np.ndarray | None, classes: int = 10) -> Source:
    return Source.from_arrays("mine", "train", images, labels, classes)


def test_the_digest_is_pinned(images: np.ndarray, labels: np.ndarray) -> None:
    # Every pixel digest is derived from it: another value orphans all data sets that were ever built.
    assert (
        _source(images, labels).digest == "7eda0c973b14893deb45837aa26c47043c4ff36dcdcb0b68175da0bf1fbbdd10"
    )
    assert _source(images, None).digest == "e49cc23260a8bca795c35ac13df2e8a443840fb9f4e93b284ef6c26985a325e4"


def test_the_digest_tells_everything_apart(images: np.ndarray, labels: np.ndarray) -> None:
    other = images.copy()
    other[-1, -1, -1] ^= 1
    sources = [
        _source(images, labels),
        _source(images, None),
        _source(images, labels, classes=11),
        _source(images, labels[::-1]),
        _source(other, labels),
        _source(images.reshape(5, 3, 4), labels),
        _source(images.transpose(0, 2, 1), labels),
        _source(images[:4], labels[:4]),
    ]
    assert len({source.digest for source in sources}) == len(sources)


def test_the_digest_knows_contents_not_layout(images: np.ndarray, labels: np.ndarray) -> None:
    strided = np.asfortranarray(images)
    assert _source(strided, labels[::-1][::-1]).digest == _source(images, labels).digest
    renamed = Source.from_arrays("yours", "test", images, labels)
    assert renamed.digest == _source(images, labels).digest


def test_arrays_are_plain_c_ordered_and_read_only(
    tmp_path: Path, images: np.ndarray, labels: np.ndarray
) -> None:
    mine = images.copy()
    mapped = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=images.shape)
    for given in (mine, mapped, np.asfortranarray(images)):
        source = _source(given, labels)
        assert type(source.images) is np.ndarray
        assert source.images.flags.c_contiguous
        assert not source.images.flags.writeable
    assert mine.flags.writeable, "the caller's own array stays as it was"
    assert np.shares_memory(_source(mine, labels).images, mine)


def test_unlabeled(images: np.ndarray) -> None:
    source = _source(images, None)
    assert source.labels is None
    assert source.class_names == ()
    assert len(source) == 5


BAD_ARRAYS = {
    "float": (
        np.zeros((1, 2, 2)),
        None,
        10,
        "images: float64 of shape (1, 2, 2); needed: uint8 of shape (count, height, width)",
    ),
    "color": (
        np.zeros((1, 2, 2, 3), np.uint8),
        None,
        10,
        "images: uint8 of shape (1, 2, 2, 3); needed: uint8 of shape (count, height, width)",
    ),
    "none": (np.zeros((0, 2, 2), np.uint8), None, 10, "images: no images; at least one is needed"),
    "flat": (
        np.zeros((1, 0, 2), np.uint8),
        None,
        10,
        "images: images of 0 x 2 pixels (height x width) have no pixels",
    ),
    "wide": (
        np.zeros((1, 1, 4097), np.uint8),
        None,
        10,
        "images: images of 1 x 4097 pixels (height x width); at most 4096 x 4096 is allowed",
    ),
    "wide labels": (
        np.zeros((1, 2, 2), np.uint8),
        np.zeros(1, np.int64),
        10,
        "labels: int64 of shape (1,); needed: uint8 of shape (count,)",
    ),
    "unequal": (
        np.zeros((1, 2, 2), np.uint8),
        np.zeros(2, np.uint8),
        10,
        "labels: 2 labels, but 1 images in images",
    ),
    "classes": (
        np.zeros((1, 2, 2), np.uint8),
        np.zeros(1, np.uint8),
        257,
        "labels: 257 classes; 1 to 256 are allowed",
    ),
}


@pytest.mark.parametrize(
    ("images", "labels", "classes", "message"), BAD_ARRAYS.values(), ids=BAD_ARRAYS.keys()
)
def test_bad_arrays(images: np.ndarray, labels: np.ndarray | None, classes: int, message: str) -> None:
    with pytest.raises(SourceError) as raised:
        _source(images, labels, classes)
    assert str(raised.value) == message


def test_class_names(images: np.ndarray, labels: np.ndarray) -> None:
    names = tuple("abcdefghij")
    source = Source.from_arrays("mine", "train", images, labels, class_names=names)
    assert source.class_names == names
    assert source.digest == _source(images, labels).digest, "names do not count, their number does"
    assert source.digest != Source.from_arrays("x", "train", images, labels, class_names=(*names, "k")).digest


def test_a_spec_overrides_the_files(images: np.ndarray, labels: np.ndarray) -> None:
    def made(found: tuple[str, ...] | None, **spec: Any) -> Source:
        asked = SourceSpec(path=Path("/digits"), **spec)
        return Source.from_spec(asked, images, labels, class_names=found, images_from="a", labels_from="b")

    names, found = tuple("abcdefghij"), tuple("ABCDEFGHIJ")
    assert made(None).class_names == tuple("0123456789")
    assert made(found).class_names == found
    assert made(found, class_names=names).class_names == names
    assert made(found, classes=10).class_names == found
    assert len(made(found, classes=11).class_names) == 11
    assert made(found, labels="none").labels is None
    assert made(found, labels="none").class_names == ()


def test_the_digest_of_a_large_source_is_made_in_parts(
    images: np.ndarray, labels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _source(images, labels).digest
    monkeypatch.setattr("augforge.sources.source._BLOCK_BYTES", 7)
    assert _source(images, labels).digest == whole
