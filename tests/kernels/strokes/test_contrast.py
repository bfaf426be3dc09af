import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge import kernels


def plain(image: np.ndarray, strokes: np.ndarray, level: int) -> float:
    ink, paper = image[strokes >= level], image[4 * strokes.astype(int) < level]
    if not ink.size or not paper.size:
        return 255.0
    return abs(int(ink.sum(dtype=np.int64)) / ink.size - int(paper.sum(dtype=np.int64)) / paper.size)


SIDES = st.integers(1, 40)


@given(hnp.arrays(np.uint8, st.tuples(st.just(2), st.integers(0, 3), SIDES, SIDES)), st.integers(1, 253))
def test_contrast_is_its_plain_version_to_the_bit(images: np.ndarray, lowest: int) -> None:
    levels = np.arange(lowest, lowest + images.shape[1], dtype=np.uint8)
    found = kernels.stroke_contrast(*images, levels)
    assert found.tolist() == [plain(*each, int(level)) for *each, level in zip(*images, levels, strict=True)]


def test_contrast_of_large_frames() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 400, 500), np.uint8)
    found = kernels.stroke_contrast(images[:1], images[1:], np.array([128], np.uint8))
    assert found == plain(images[0], images[1], 128)
