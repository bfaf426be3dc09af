import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge.kernels import stroke_contrast

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12))
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(hnp.arrays(np.uint8, shape), hnp.arrays(np.uint8, shape)))


def plain_contrast(image: np.ndarray, strokes: np.ndarray, level: int) -> float:
    ink, paper = strokes >= level, 4 * strokes.astype(int) < level
    if not ink.any() or not paper.any():
        return 255.0
    means = [int(image[part].sum(dtype=int)) / int(part.sum()) for part in (ink, paper)]
    return abs(means[0] - means[1])


@given(PAIRS, st.integers(1, 255))
def test_it_is_what_the_plain_version_is(pair: tuple[np.ndarray, np.ndarray], level: int) -> None:
    images, strokes = pair
    found = stroke_contrast(images, strokes, np.full(len(images), level, np.uint8))
    assert found.tolist() == [plain_contrast(*one, level) for one in zip(images, strokes, strict=True)]


def test_the_sums_of_a_large_frame_do_not_overflow() -> None:
    strokes = np.zeros((1, 4096, 4096), np.uint8)
    strokes[0, 0, 0] = 255
    images = np.full_like(strokes, 255)
    images[0, 0, 0] = 5
    assert stroke_contrast(images, strokes, np.array([255], np.uint8)).tolist() == [250.0]
