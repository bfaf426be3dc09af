"""Images of one size from pictures of any size."""

import numpy as np
import pytest

from augforge.errors import AugforgeError, NoInkError, SourceError
from augforge.sources.preparing import stack

SMALL, LARGE = np.full((2, 3), 7, np.uint8), np.full((40, 50, 3), 9, np.uint8)


def test_of_one_size_without_preparing() -> None:
    images = stack([("a", SMALL), ("b", SMALL + 1)], None)
    np.testing.assert_array_equal(images, [SMALL, SMALL + 1])
    assert not images.flags.writeable


def test_of_any_size_with_preparing() -> None:
    seen: list[tuple[int, ...]] = []

    def prepare(pixels: np.ndarray) -> np.ndarray:
        seen.append(pixels.shape)
        return pixels.reshape(-1)[:4].reshape(2, 2)

    images = stack([("a", SMALL), ("b", LARGE)], prepare)
    assert images.tolist() == [[[7, 7], [7, 7]], [[9, 9], [9, 9]]]
    assert seen == [(2, 3), (40, 50, 3)]


def test_sizes_that_differ() -> None:
    with pytest.raises(SourceError) as raised:
        stack([("a.png", SMALL), ("b.png", SMALL.T)], None)
    assert str(raised.value) == (
        "b.png: 3 x 2 pixels (height x width), but a.png has 2 x 3; "
        "for pictures of several sizes write 'normalize:' in the recipe"
    )


def test_a_picture_that_cannot_be_prepared() -> None:
    def prepare(_pixels: np.ndarray) -> np.ndarray:
        raise AugforgeError("it has no ink")

    with pytest.raises(SourceError) as raised:
        stack([("a.png", SMALL)], prepare)
    assert str(raised.value) == "a.png: it has no ink"


def test_all_pictures_that_cannot_be_prepared_are_listed() -> None:
    def prepare(pixels: np.ndarray) -> np.ndarray:
        if pixels is SMALL:
            raise AugforgeError("it has no ink")
        return pixels[:2, :2, 0]

    pictures = [("a.png", LARGE), *((f"{number}.png", SMALL) for number in range(30)), ("b.png", LARGE)]
    with pytest.raises(SourceError) as raised:
        stack(pictures, prepare)
    lines = str(raised.value).splitlines()
    assert lines[:2] == ["30 of 32 originals cannot be used:", "  0.png: it has no ink"]
    assert (len(lines), lines[-1]) == (22, "  and 10 more")


def test_originals_without_any_ink_get_one_advice() -> None:
    def prepare(pixels: np.ndarray) -> np.ndarray:
        if pixels is SMALL:
            raise NoInkError("it has no ink")
        return pixels[:2, :2, 0]

    with pytest.raises(SourceError) as raised:
        stack([(f"{number}\n.png", SMALL) for number in range(30)], prepare)
    assert str(raised.value) == (
        "none of the 30 originals has ink to normalize; check that the source is drawings, not masks or empty "
        "pages, and check 'polarity', if 'normalize' sets it; "
        "the first: 0\\n.png: it has no ink"
    )
    with pytest.raises(SourceError, match=r"^a\.png: it has no ink$"):
        stack([("a.png", SMALL), ("b.png", LARGE)], prepare)
