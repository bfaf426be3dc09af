import numpy as np
import pytest

from augforge.realism import PROPERTIES, examine, measure
from augforge.sources import Source
from tests.realism.conftest import bar


def by_name(report):
    return {one.about.name: one for one in report.properties}


def causes(report):
    return {one.about.name: str(one.cause) for one in report.far_outside}


def bars(count=40, labels=None):
    images = np.stack([bar(14 + index % 5, 3, at=(0, index % 3 - 1)) for index in range(count)])
    return Source.from_arrays("bars", "train", images, labels)


CAUSES = {
    "slant by shear": (
        "[{shear: {x: [-40, 40]}}, {rotate: {degrees: [-3, 3]}}]",
        "slant",
        "shear.x [-40, 40]",
    ),
    "slant by rotate": (
        "[{shear: {x: [-3, 3]}}, {rotate: {degrees: [-90, 90]}}]",
        "slant",
        "rotate.degrees [-90, 90]",
    ),
    "one of two": ("[{shift: {x: [-1, 1], y: [-8, 8]}}]", "centre_y", "shift.y [-8, 8]"),
    "noise": (
        "[{pixel_noise: {fraction: [0, 0.2], value: [128, 255]}}, {shift: {x: [-1, 1]}}]",
        "noise",
        "pixel_noise.fraction [0, 0.2]",
    ),
    "a constant": (
        "[{shift: {x: [-1, 1]}}, {scale: {factor: 0.5, id: small}}]",
        "height",
        "small.factor 0.5",
    ),
    "constants": (
        "[{gray_level: {gain: 0.4, bias: [-5, 5]}}]",
        "ink_level",
        "gray_level {gain: 0.4, bias: [-5, 5]}",
    ),
    "a step without parameters": (
        "[{shift: {x: [-1, 1]}}, {invert: {probability: 0.5}}]",
        "paper_level",
        "invert",
    ),
    "another distribution": (
        "[{scale: {factor: {normal: {mean: 0.6, sd: 0.2, low: 0.3, high: 1}}}}]",
        "height",
        "scale.factor {normal: {mean: 0.6, sd: 0.2, low: 0.3, high: 1}}",
    ),
    "of a group": (
        "[{one_of: {id: g, steps: [{shift: {x: [-9, 9]}}, {rotate: {degrees: [-5, 5]}}]}}]",
        "centre_x",
        "shift.x [-9, 9]",
    ),
}


@pytest.mark.parametrize("name", CAUSES)
def test_the_cause_is_named(name, forge):
    distort, moved, cause = CAUSES[name]
    assert causes(examine(forge(distort), 500))[moved] == cause


def test_steps_that_act_together_are_found_by_correlation(forge):
    shifts = ", ".join(f"{{shift: {{x: [-1.7, 1.7], id: s{number}}}}}" for number in range(6))
    found = causes(examine(forge(f"[{shifts}, {{rotate: {{degrees: [-5, 5]}}}}]"), 1000))
    assert found["centre_x"][:2] in {"s0", "s1", "s2", "s3", "s4", "s5"}


def test_only_far_properties_have_a_cause(forge):
    report = examine(forge("[{shift: {x: [-8, 8]}}]"))
    found = by_name(report)
    assert list(causes(report)) == ["centre_x"]
    assert found["centre_x"].far == pytest.approx((8 - 2 - 0.5) / 8, abs=0.05)
    assert found["centre_x"].outside > found["centre_x"].far
    assert found["centre_x"].samples == pytest.approx((-7.5, 0.5, 8.5), abs=0.7)
    assert found["centre_y"].cause is None


@pytest.mark.parametrize("distort", ["[]", "[{rotate: {degrees: 0}}]"])
def test_identity_recipes_match_the_source(distort, forge):
    report = examine(forge(distort))
    assert report.far_outside == ()
    for one in report.properties:
        assert one.samples == one.source
        assert one.outside <= 0.01
        assert one.far <= 0.01


def test_the_source_is_described_by_percentiles(forge):
    one = forge("[]")
    slant = measure(one.source.images)["slant"]
    found = by_name(examine(one, 10))["slant"]
    assert found.source == tuple(np.percentile(slant, (1, 50, 99)))
    assert found.interval == tuple(np.percentile(slant, (0.5, 99.5)))


def test_guards_reject_the_expected_share(forge):
    report = examine(
        forge(
            "[{rotate: {degrees: [-40, 40]}}, {gray_level: {gain: 1}}]",
            "guard: {max_turn: 30, min_ink_kept: 0.5}",
        )
    )
    (kept, turned), (redrawing,) = report.guards, report.redrawings
    assert (kept.name, turned.name, turned.limits[0].limit) == ("min_ink_kept", "max_turn", 30)
    assert turned.rejected == pytest.approx(0.25, abs=0.03)
    assert kept.rejected == 0
    assert redrawing.steps == ("rotate",)
    assert redrawing.redrawn == turned.rejected
    assert redrawing.pulled == 0


def test_guards_of_levels_and_pulling(forge):
    report = examine(
        forge("[{rotate: {degrees: [-5, 5]}}, {gray_level: {gain: 0.1}}]", "guard: {min_contrast: 60}"), 100
    )
    shape, levels = report.redrawings  # no shape lost its ink
    assert shape == type(shape)(("rotate",), 0.0, 0.0)
    assert levels == type(levels)(("gray_level",), 1.0, 1.0)
    assert [(guard.name, guard.rejected) for guard in report.guards] == [("min_contrast", 1.0)]


def test_no_guard(forge):
    report = examine(forge("[{rotate: {degrees: [-5, 5]}}]", "guard: {min_ink_kept: 0}"), 10)
    assert (report.guards, report.redrawings) == ((), ())


def test_reports_are_deterministic(forge):
    distort = "[{shear: {x: [-40, 40]}}, {pixel_dropout: {fraction: [0, 0.4]}}]"
    one, other = (examine(forge(distort), 300) for _ in range(2))
    assert np.array_equal(one.numbers, other.numbers)
    assert (one.guards, one.redrawings, one.properties) == (other.guards, other.redrawings, other.properties)
    assert one.extremes == other.extremes


def test_sample_properties_are_measured_on_images(forge):
    one = forge("[{scale: {factor: [0.5, 2]}}]")
    report = examine(one, 400)
    measured = measure(one.make(report.numbers).images)
    assert by_name(report)["ink"].samples == tuple(np.percentile(measured["ink"], (1, 50, 99)))


def test_without_variants_only_the_source_is_reported(forge):
    report = examine(forge("[{rotate: {degrees: 90}}]", variants=0))
    assert (len(report.numbers), report.originals, report.extremes, report.far_outside) == (0, 2000, (), ())
    assert np.isnan(report.properties[0].samples).all()
    assert not np.isnan(report.properties[0].source).any()


@pytest.mark.parametrize("count", [1, 2, 7])
def test_few_originals(count, forge):
    report = examine(forge("[{rotate: {degrees: [-20, 20]}}]", variants=3, source=bars(count)))
    assert (len(report.numbers), report.originals) == (3 * count, count)
    assert len(report.extremes) <= 24


def test_other_frames(forge):
    images = np.stack([bar(30, 6, shape=(48, 70), at=(index % 9, 0)) for index in range(30)])
    source = Source.from_arrays("wide", "train", images, None)
    report = examine(forge("[{shift: {x: [-20, 20]}}]", "frame: [60, 80]", source=source))
    assert causes(report) == {"centre_x": "shift.x [-20, 20]"}


def test_samples_that_lost_their_ink_come_first(forge):
    source = bars()
    report = examine(
        forge(
            "[{gray_level: {gain: 0, probability: 0.3}}]",
            "guard: {min_ink_kept: 0}",
            variants=10,
            source=source,
        )
    )
    assert report.blank == pytest.approx(0.3, abs=0.08)
    assert [(one.property, one.value) for one in report.extremes[:4]] == [("ink", 0)] * 4


def test_a_source_without_ink(forge):
    source = Source.from_arrays("empty", "train", np.zeros((9, 28, 28), np.uint8), None)
    report = examine(forge("[{pixel_noise: {fraction: 0.3, value: 255}}]", source=source))
    assert report.blank == 0
    assert "noise" in causes(report)
    assert all(np.isfinite(one.distance) for one in report.extremes)


def test_all_properties_are_reported(forge):
    assert [one.about for one in examine(forge("[]"), 5).properties] == list(PROPERTIES)
