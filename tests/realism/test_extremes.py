from collections import Counter

import numpy as np

from augforge.realism import PROPERTIES, examine, measure


def distances(forge, numbers):
    """Measure the documented distance of samples in each property, (N, properties)."""
    source, samples = measure(forge.source.images), measure(forge.make(numbers).images)
    columns = []
    for one in PROPERTIES:
        low, middle, high = np.percentile(source[one.name], (15.87, 50, 84.13))
        columns.append((samples[one.name] - middle) / max((high - low) / 2, one.tolerance((28, 28))))
    return np.stack(columns, axis=1)


def test_extremes_are_the_most_extreme_of_each_kind(forge):
    one = forge("[{shear: {x: [-40, 40]}}, {scale: {factor: [0.6, 1.5]}}]")
    report = examine(one, 800)
    expected = distances(one, report.numbers)
    kind = np.abs(expected).argmax(axis=1)
    found = {extreme.number: extreme for extreme in report.extremes}
    for property_at, about in enumerate(PROPERTIES):
        for sign in (-1, 1):
            members = np.flatnonzero((kind == property_at) & (np.sign(expected[:, property_at]) == sign))
            ordered = members[np.argsort(-np.abs(expected[members, property_at]), kind="stable")]
            shown = [e for e in report.extremes if e.property == about.name and np.sign(e.distance) == sign]
            assert [e.number for e in shown] == report.numbers[ordered[: len(shown)]].tolist()
            for extreme in shown:
                row = int(np.flatnonzero(report.numbers == extreme.number)[0])
                assert extreme.distance == expected[row, property_at]
    assert len(found) == len(report.extremes) > 8


def test_extremes_are_few_of_a_kind_and_in_descending_order(forge):
    report = examine(forge("[{shear: {x: [-40, 40]}}, {shift: {x: [-9, 9]}}]"))
    kinds = Counter((one.property, one.distance > 0) for one in report.extremes)
    assert max(kinds.values()) == 4
    assert len(report.extremes) <= 24
    strengths = [abs(one.distance) for one in report.extremes]
    assert strengths == sorted(strengths, reverse=True)


def test_extremes_hold_the_values_of_sample_and_original(forge):
    one = forge("[{scale: {factor: [0.4, 1.5]}}]", variants=3)
    for extreme in examine(one, 300).extremes:
        assert extreme.source_index == extreme.number % len(one.source)
        images = (one.make([extreme.number]).images, one.originals(np.array([extreme.source_index])))
        assert (extreme.value, extreme.original) == tuple(
            measure(image)[extreme.property][0] for image in images
        )
