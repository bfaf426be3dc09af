"""Where geometry moves things: the maps of affine steps, and chains with bending steps in one resampling."""

from typing import Any

import numpy as np
import pytest

import augforge
from augforge import kernels
from augforge.distortions import Affine, Chain, SampledStep, SampleIds, chained
from augforge.distortions.bending import DisplacementField
from augforge.distortions.catalog import find
from augforge.errors import AugforgeError
from augforge.forge import Forge
from augforge.kernels.geometry.fold_check import LEAST_AREA
from tests.kernels import reference

COUNT = 40


def samples(frame: tuple[int, int] = (28, 28)) -> SampleIds:
    numbers = np.arange(COUNT)
    return SampleIds(7, numbers, numbers.astype(np.uint32), np.zeros(COUNT, np.uint32), frame)


def drawn(name: str, frame: tuple[int, int] = (28, 28), **values: float) -> SampledStep:
    kind = find(name)
    distortion = kind.model_validate(values)
    arrays = {key: np.full(COUNT, float(value)) for key, value in values.items()}
    step = SampledStep(
        name, distortion, samples(frame), arrays, np.ones(COUNT, bool), np.zeros(COUNT, np.uint32)
    )
    return distortion.finalize(step)


def map_of(name: str, frame: tuple[int, int] = (28, 28), **values: float) -> np.ndarray:
    step = drawn(name, frame, **values)
    assert isinstance(step.distortion, Affine)
    return step.distortion.maps(step)[0]


def moved(m: np.ndarray, x: float, y: float) -> tuple[float, float]:
    return m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]


def test_slant_leans_upright_strokes() -> None:
    np.testing.assert_array_equal(map_of("slant", degrees=20), map_of("shear", x=20))
    # What lies 10 pixels above the middle goes to the right by 10 tan 20.
    assert moved(map_of("slant", degrees=20), 0, -10) == pytest.approx((10 * np.tan(np.radians(20)), -10))
    assert moved(map_of("slant", degrees=55), 5, 0) == (5, 0)


def test_slant_goes_farther_than_shear_which_must_stay_invertible() -> None:
    assert np.isfinite(map_of("slant", degrees=60)).all()


def test_aspect_keeps_the_area() -> None:
    m = map_of("aspect", ratio=1.44)
    assert moved(m, 1, 1) == pytest.approx((1.2, 1 / 1.2))
    assert m[0] * m[4] == pytest.approx(1)


def test_a_bad_crop_is_stretched_to_the_frame() -> None:
    # What lies 3 pixels left of a frame of 30 x 20 and 1 below comes to lie on its edge; 2 pixels right are cut.
    m = map_of("crop_and_pad", frame=(20, 30), left=3, right=-2, bottom=1)
    assert moved(m, -15 - 3, -10) == pytest.approx((-15, -10))
    assert moved(m, 15 - 2, 10 + 1) == pytest.approx((15, 10))


def test_a_bad_crop_is_that_of_imgaug() -> None:
    iaa, cv2 = pytest.importorskip("imgaug.augmenters"), pytest.importorskip("cv2")
    image = np.zeros((28, 28), np.uint8)
    image[8:20, 9:21] = 200
    ours = drawn("crop_and_pad", left=4, right=4, top=-2, bottom=6)
    made = ours.distortion.render(np.repeat(image[np.newaxis], COUNT, axis=0), [ours])[0]
    pads = ((-2, -2), (4, 4), (6, 6), (4, 4))  # top, right, bottom, left
    # Its own way back to the frame is cubic.
    cut = iaa.CropAndPad(px=pads, keep_size=False, pad_cval=0).augment_image(image)
    # Its way back is not filtered either: 36 columns become 28, and 32 rows.
    for axis, size in ((1, 36), (0, 32)):
        cut = reference.smoothed(cut.astype(float), axis, 1, reference.opened((size / 28) ** 2))
    cut = np.floor(cut + 0.5).astype(np.uint8)
    theirs = cv2.resize(cut, (28, 28), interpolation=cv2.INTER_LINEAR)
    assert np.abs(made.astype(int) - theirs).max() <= 1


CHAIN = ("rotate", {"degrees": 20}), ("elastic", {"displacement": 2, "smoothness": 4}), ("shift", {"x": 3})


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is given to each resampling."""
    calls: list[Any] = []
    warp = kernels.warp

    def counted(*arguments: Any) -> Any:
        calls.append(arguments)
        return warp(*arguments)

    monkeypatch.setattr(kernels, "warp", counted)
    return calls


def test_neighbouring_geometry_is_one_resampling(calls: list[Any]) -> None:
    steps = [drawn(name, **values) for name, values in (*CHAIN, ("wave", {"amplitude": 1, "wavelength": 9}))]
    image = np.random.default_rng(0).integers(0, 256, (COUNT, 28, 28), np.uint8)
    made = steps[0].distortion.render(image, steps)
    ((_, chain),) = calls
    maps, fields, active = chain.maps, chain.fields, chain.active
    assert (maps.shape, fields.shape, active.all()) == ((COUNT, 3, 6), (COUNT, 2, 2, 28, 28), True)
    for one in range(0, COUNT, 7):
        expected = reference.warp_bent(image[one], maps[one], fields[one])
        assert np.abs(made[one] - expected).max() <= 1


def test_a_chain_is_nearly_its_steps_one_by_one(calls: list[Any]) -> None:
    # A resampling between whole pixels is off by an eighth of the second derivatives, here 2 * 36 levels at most.
    rows, columns = np.mgrid[:28, :28] - 13.5
    picture = np.rint(255 * np.exp(-(rows**2 + (columns / 1.5) ** 2) / 14)).astype(np.uint8)
    images = np.repeat(picture[np.newaxis], COUNT, axis=0)
    steps = [drawn(name, **values) for name, values in CHAIN]
    together, one_by_one = steps[0].distortion.render(images, steps), images
    for step in steps:
        one_by_one = step.distortion.render(one_by_one, [step])
    # Where a bend shrinks, it is filtered along the axes of what it is given: the picture, or the turned one. A
    # whole share takes a quarter of the second derivatives; what differs is the shares' difference of it.
    of_chain, _, of_bend, _ = ((chain.maps, chain.fields) for _, chain in calls)
    apart = np.empty((COUNT, 28, 28))
    for one in range(COUNT):
        shares = [reference.local_shares(maps[one], fields[one]) for maps, fields in (of_chain, of_bend)]
        apart[one] = np.abs(shares[0] - np.roll(shares[1], 3, axis=1))
    off = np.abs(together.astype(int) - one_by_one)
    assert (off <= 10 + 2 * 36 / 4 * apart).all()
    assert (off[apart == 0] <= 10).all()
    assert (apart == 0).mean() > 0.3
    assert np.abs(together.astype(int) - images).max() > 60


def test_a_bend_that_is_not_applied_leaves_the_other_maps_as_they_are() -> None:
    text = (
        "version: 1\nname: t\nsource: mnist-10k\nkeep_originals: false\ndistort:\n"
        "  - rotate: {degrees: [-30, 30]}\n  - elastic: {displacement: 3, smoothness: 4, probability: 0.5}\n"
        "  - scale: {factor: [0.7, 1.3]}\n"
    )
    whole, without = (
        Forge(augforge.parse_recipe(t)).make(range(200)) for t in (text, text.replace("0.5", "0"))
    )
    applied = whole.parameters[:, whole.columns.index("elastic.applied")] == 1
    assert 0.3 < applied.mean() < 0.7
    np.testing.assert_array_equal(whole.images[~applied], without.images[~applied])
    assert (whole.images[applied] != without.images[applied]).any(axis=(1, 2)).all()


def test_all_maps_in_one() -> None:
    chain = chained(
        [drawn("rotate", degrees=90), drawn("elastic", displacement=1, smoothness=3), drawn("shift", x=2)]
    )
    assert isinstance(chain, Chain)
    assert moved(chain.affine()[0], 0, -1) == pytest.approx((-1 + 2, 0))


def test_folding_bends_are_lowered_and_say_so() -> None:
    step = drawn("wave", amplitude=5, wavelength=8)
    used = step.values["amplitude"]
    assert (used > 1.1).all()
    assert (used < 1.35).all()
    np.testing.assert_array_equal(used.astype(np.float32), used)
    assert step.field is not None
    for field in step.field:
        assert reference.jacobians(field).min() > 0.09


@pytest.mark.parametrize(
    ("name", "size", "other"),
    [("elastic", "displacement", "smoothness"), ("wave", "amplitude", "wavelength")],
)
@pytest.mark.parametrize("scale", [2.0, 3.0, 5.0, 12.0])
def test_what_is_said_not_to_fold_does_not(name: str, size: str, other: str, scale: float) -> None:
    bound = scale / 6.7
    at_most, above = (drawn(name, **{size: bound * part, other: scale}) for part in (0.9999, 1.0001))
    bending = at_most.distortion
    assert isinstance(bending, DisplacementField)
    assert not bending.might_fold(at_most).any()
    assert bending.might_fold(above).all()
    for field in bending.fields(at_most):
        assert reference.jacobians(field).min() >= LEAST_AREA


def test_maps_of_another_shape_never_reach_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    step = drawn("rotate", degrees=5)
    for maps, got in (
        (np.eye(6)[:1], "float64 (1, 6)"),
        (np.ones((COUNT, 6), "f4"), "float32"),
        (None, "None"),
    ):
        monkeypatch.setattr("augforge.distortions.affine.Rotate.maps", lambda _self, _step, maps=maps: maps)
        with pytest.raises(AugforgeError) as caught:
            step.distortion.render(np.zeros((COUNT, 28, 28), np.uint8), [step])
        said = f"step 'rotate': Rotate.maps must return float64 ({COUNT}, 6), got {got}"
        assert str(caught.value).startswith(said)


def test_tables_of_another_shape_never_reach_a_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    step = drawn("contrast", factor=0.5)
    for tables in (np.zeros((1, 256), np.uint8), np.zeros((COUNT, 256))):
        monkeypatch.setattr(
            "augforge.distortions.gray.Contrast.tables", lambda _self, _step, tables=tables: tables
        )
        with pytest.raises(AugforgeError, match=r"step 'contrast': Contrast.tables must return uint8"):
            step.distortion.render(np.zeros((COUNT, 28, 28), np.uint8), [step])
