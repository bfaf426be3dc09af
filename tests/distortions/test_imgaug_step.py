"""imgaug's augmenters as steps: which are accepted, and that the values are ours."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import augforge
from augforge.distortions.imgaug_step import ImgaugStep
from augforge.errors import AugforgeError, RecipeError
from augforge.forge import Forge
from augforge.sources import Source

BAD: list[tuple[dict[str, Any], str]] = [
    ({"augmenter": "GausianBlur"}, "imgaug has no augmenter 'GausianBlur'. Did you mean 'GaussianBlur'?"),
    ({"augmenter": 5}, "imgaug has no augmenter '5'."),
    ({"augmenter": "np"}, "'np' of imgaug is not an augmenter that a recipe can use"),
    (
        {"augmenter": "SaveDebugImageEveryNBatches", "destination": "x", "interval": 1},
        "'SaveDebugImageEveryNBatches' of imgaug is not an augmenter that a recipe can use",
    ),
    ({"augmenter": "Lambda"}, "'Lambda' of imgaug is not an augmenter that a recipe can use"),
    (
        {"augmenter": "Affine", "mode": "../../etc/passwd"},
        "'mode' must be a number or a word, such as 'constant'; got '../../etc/passwd'",
    ),
    (
        {"augmenter": "Pad", "px": 10**9},
        "'px' may be 1e+09 in size, allowed are -1000 to 1000 for what imgaug is given",
    ),
    (
        {"augmenter": "Pad", "percent": [0, 50]},
        "'percent' may be 50 in size, allowed are -4 to 4 for what imgaug is given",
    ),
    (
        {"augmenter": "CoarseDropout", "p": 0.1, "size_percent": 100},
        "'size_percent' may be 100 in size, allowed are -4 to 4 for what imgaug is given",
    ),
    (
        {"augmenter": "PiecewiseAffine", "nb_rows": 40},
        "'nb_rows' may be 40 in size, allowed are -16 to 16 for what imgaug is given",
    ),
    (
        {"augmenter": "Affine", "fit_output": True},
        "'fit_output' changes the size of images, which must stay; leave it out",
    ),
    (
        {"augmenter": "GaussianBlur", "sigma": {"normal": {"mean": 0, "sd": 900}}},
        "'sigma' may be 4278.08 in size, allowed are -1000 to 1000 for what imgaug is given",
    ),
    (
        {"augmenter": "GaussianBlur", "sgma": 1},
        "unknown parameter 'sgma' of imgaug's GaussianBlur. Did you mean 'sigma'?",
    ),
    ({"augmenter": "GaussianBlur", "seed": 1}, "'seed' is given to imgaug by augforge, leave it out"),
    ({"augmenter": "GaussianBlur", "sigma": [2, 1]}, "needs low <= high, got 2, 1"),
    ({"augmenter": "GaussianBlur", "sigma": "much"}, "imgaug's GaussianBlur does not work with these values: "),
    (
        {"augmenter": "Resize", "size": 14},
        "imgaug's Resize does not work with these values: it turns 28 x 28 x 1 into 14 x 14 x 1, which must stay",
    ),
    (
        {"augmenter": "Crop", "px": {"choice": [0, 0, 0, 3]}, "keep_size": False},
        "imgaug's Crop does not work with these values: it turns 28 x 28 x 1 into 22 x 22 x 1, 28 x 28 x 1, which",
    ),
    (
        {"augmenter": "AdditiveGaussianNoise", "scale": {"normal": {"mean": 5, "sd": 10}}},
        "imgaug's AdditiveGaussianNoise does not work with these values: ",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("plain", "message"), BAD, ids=lambda value: str(value)[:60])
def test_what_does_not_work_is_refused(plain: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ImgaugStep.model_validate(plain)
    (error,) = caught.value.errors()
    assert error["msg"].startswith(message)


def forge(step: str, source: Source | None = None) -> Forge:
    text = (
        "version: 1\nname: t\nsource: mnist-10k\nvariants: 1\nkeep_originals: false\ndistort:\n  - imgaug: "
    )
    return Forge(augforge.parse_recipe(text + step), source)


def blank(height: int, width: int) -> Source:
    return Source.from_arrays("blank", "train", np.full((100, height, width), 100, np.uint8), None)


def test_each_image_gets_the_value_that_is_recorded() -> None:
    batch = forge("{augmenter: Add, value: {choice: [-50, 0, 7, 50]}}", blank(9, 9)).make(range(100))
    assert set(batch.parameters[:, 0]) == {-50, 0, 7, 50}
    np.testing.assert_array_equal(batch.images[:, 4, 4], 100 + batch.parameters[:, 0])


def test_values_that_are_asked_for_image_by_image_are_ours_too() -> None:
    batch = forge("{augmenter: AdditiveGaussianNoise, scale: [0, 40]}", blank(28, 28)).make(range(100))
    spread = batch.images.astype(float).std(axis=(1, 2))
    np.testing.assert_allclose(spread, batch.parameters[:, 0], atol=5)


def test_a_frame_whose_shape_would_change_is_refused() -> None:
    step = "{augmenter: Rot90, k: 1, keep_size: false}"
    assert forge(step, blank(28, 28)).make([0]).images.shape == (1, 28, 28)
    with pytest.raises(RecipeError) as caught:
        forge(step, blank(64, 48))
    assert str(caught.value) == (
        "step 'imgaug' on 64 x 48 pixels: imgaug's Rot90 does not work with these values: "
        "it turns 64 x 48 x 1 into 48 x 64 x 1, which must stay the same"
    )


def test_a_failure_names_step_and_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    made = forge("{augmenter: Add, value: [1, 5], id: lighter}", blank(9, 9))

    def fail(*_: object) -> None:
        raise AssertionError("Expected something else.")

    monkeypatch.setattr("imgaug.augmenters.Add.augment_images", fail)
    with pytest.raises(AugforgeError) as caught:
        made.make([70])
    assert str(caught.value) == (
        "step 'lighter', samples from 64 on: imgaug's Add does not work with these values: Expected something else."
    )


def test_a_jpeg_file_s_loss_is_imgaug_s() -> None:
    batch = forge("{augmenter: JpegCompression, compression: [70, 95]}").make(range(200))
    assert batch.columns[0] == "imgaug.compression"
    assert 70 <= batch.parameters[:, 0].min() < 72 < 93 < batch.parameters[:, 0].max() <= 95
    originals = forge("{augmenter: Identity}").make(range(200)).images
    lost = np.abs(batch.images.astype(int) - originals).mean(axis=(1, 2))
    assert (lost > 0.5).all()
    strong = batch.parameters[:, 0] > 90
    assert lost[strong].mean() > 1.5 * lost[batch.parameters[:, 0] < 75].mean()


COMPILED = """
import augforge
forge = augforge.Forge(augforge.parse_recipe('''
version: 1
name: compiled
source: {dataset: mnist-10k, split: test}
distort: [{imgaug: {augmenter: Superpixels, p_replace: 0.5, n_segments: 20}}]
'''))
forge.make(range(2000, 2002))
"""


@pytest.mark.slow("compiles without kept kernels")
def test_what_imgaug_compiles_is_kept_as_kernels_are(tmp_path: Path) -> None:
    """Numba's own cache would end the command, or trust a folder of others."""
    cache = tmp_path / "cache"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    for mode, warnings in ((0o755, 0), (0o777, 1)):
        cache.mkdir(exist_ok=True)
        cache.chmod(mode)
        ended = subprocess.run(
            [sys.executable, "-c", COMPILED], env=environment, capture_output=True, text=True, check=True
        )
        assert ended.stderr.count("the kernel cache") == warnings
        kept = [path for path in cache.rglob("*") if path.is_file()]
        assert {path.suffix for path in kept} == {".nbc"}
        assert sum(path.name.startswith("segmentation.") for path in kept) == 2
