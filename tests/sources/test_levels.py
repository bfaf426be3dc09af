"""Warnings about light paper and dark ink."""

from pathlib import Path

import numpy as np
import pytest

from augforge import Forge, parse_recipe
from augforge.sources import DATASETS, Source, SourceSpec, levels, open_source
from augforge.sources.levels import level_warnings

DIGITS = open_source(SourceSpec(dataset="mnist-10k", split="test")).images[:300]
SPEC = SourceSpec(path=Path("/digits"), written_path="digits")


def source_of(images: np.ndarray) -> Source:
    return Source.from_arrays("digits", "train", np.ascontiguousarray(images), None)


def test_digits_on_black_paper_are_not_suspicious() -> None:
    assert level_warnings(source_of(DIGITS), SPEC) == ()


def test_the_digits_that_come_along_are_not_suspicious() -> None:
    for split in DATASETS["mnist-10k"].splits:
        spec = SourceSpec(dataset="mnist-10k", split=split)
        assert level_warnings(open_source(spec), spec) == ()


def test_digits_cut_to_their_box_are_not_suspicious() -> None:
    cut = np.zeros((len(DIGITS), 20, 14), np.uint8)
    for image, place in zip(DIGITS, cut, strict=True):
        rows, columns = np.nonzero(image)
        box = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1][:20, :14]
        place[: box.shape[0], : box.shape[1]] = box
    assert level_warnings(source_of(cut), SPEC) == ()


@pytest.mark.parametrize("paper", [140, 200, 255])
def test_light_paper(paper: int) -> None:
    images = (paper - DIGITS.astype(int) * paper // 255).astype(np.uint8)
    assert level_warnings(source_of(images), SPEC) == (
        "digits: 300 of 300 sampled originals are mostly light, but steps expect light ink on black paper: they "
        "leave black corners and thin dark ink; write 'invert: true' in the source, or 'normalize: true' in the "
        "recipe",
    )


def test_the_remedy_depends_on_the_spec() -> None:
    light = source_of(255 - DIGITS)
    (inverted,) = level_warnings(light, SPEC.model_copy(update={"invert": True}))
    assert inverted.endswith("; leave out 'invert: true'")
    (named,) = level_warnings(light, SourceSpec(dataset="mnist"))
    assert named.endswith("; write 'normalize: true' in the recipe")


@pytest.mark.parametrize(("share", "suspicious"), [(0.4, False), (0.6, True)])
def test_most_of_them_must_be_light(share: float, suspicious: bool) -> None:
    images = DIGITS.copy()
    turned = np.arange(300) * share % 1 < share
    images[turned] = 255 - images[turned]
    assert bool(level_warnings(source_of(images), SPEC)) == suspicious


@pytest.mark.parametrize(("peak", "suspicious"), [(0, True), (1, True), (31, True), (32, False)])
def test_dark_ink(peak: int, suspicious: bool) -> None:
    images = np.minimum(DIGITS, peak).astype(np.uint8)
    found = level_warnings(source_of(images), SPEC)
    assert bool(found) == suspicious
    if suspicious:
        assert found[0].startswith(f"digits: the brightest level of all originals is {peak} of 255")


def test_one_bright_original_among_many_is_enough() -> None:
    images = np.zeros((5000, 4, 4), np.uint8)
    images[4321, 2, 2] = 40
    assert level_warnings(source_of(images), SPEC) == ()


def test_the_sample_is_bounded_and_always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for shape in ((1, 28, 28), (17, 4096, 4096), (7_000_000, 28, 28), (2_000_000, 512, 512)):
        numbers = levels._choose_sample(shape)
        assert len(numbers) <= 1000
        assert len(numbers) <= 16 or len(numbers) * shape[1] * shape[2] <= 1 << 24
        assert (numbers[0], numbers[-1]) == (0, shape[0] - 1)
        assert (levels._choose_sample(shape) == numbers).all()
    monkeypatch.setattr(levels, "_find_peak", lambda _: pytest.fail("all of a bright source were read"))
    level_warnings(source_of(DIGITS), SPEC)


@pytest.mark.parametrize(("normalize", "count"), [("", 1), ("normalize: true\n", 0)])
def test_normalized_originals_are_not_checked(tmp_path: Path, normalize: str, count: int) -> None:
    np.savez(tmp_path / "light.npz", images=255 - DIGITS[:20], labels=np.zeros(20, int))
    text = f"version: 1\nname: case\nsource: {{path: {tmp_path}/light.npz}}\n{normalize}variants: 1\ndistort: []\n"
    assert len(Forge(parse_recipe(text)).warnings()) == count
