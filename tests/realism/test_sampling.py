import numpy as np
import pytest

from augforge.realism.sampling import choose_samples
from augforge.sources import Source

ROTATE = "[{rotate: {degrees: [-5, 5]}}]"


def blank(count):
    return Source.from_arrays("blank", "train", np.zeros((count, 28, 28), np.uint8), None)


CHOSEN = {
    "all there are": (10, 3, True, 100, range(10, 40)),
    "originals evenly": (10, 3, True, 5, [10, 12, 14, 16, 18]),
    "no originals kept": (10, 3, False, 5, [0, 2, 4, 6, 8]),
    "more than originals": (10, 3, True, 15, range(10, 25)),
    "no variants": (10, 0, True, 5, []),
    "one": (10, 3, True, 1, [10]),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_distorted_samples_are_chosen_evenly(name, forge):
    originals, variants, kept, count, numbers = CHOSEN[name]
    one = forge(ROTATE, f"keep_originals: {str(kept).lower()}", variants=variants, source=blank(originals))
    assert choose_samples(one, count).tolist() == list(numbers)


@pytest.mark.parametrize("count", [1, 64, 300, 2000])
def test_imgaug_gets_whole_blocks(count, forge):
    pytest.importorskip("imgaug")
    one = forge("[{imgaug: {augmenter: Fliplr, p: 0.5}}]", source=blank(2000), variants=2)
    chosen = choose_samples(one, count)
    assert len(chosen) == count
    assert chosen.min() >= 2000
    assert len(np.unique(chosen // 64)) <= count // 64 + 2
    assert np.array_equal(chosen, np.unique(chosen))
