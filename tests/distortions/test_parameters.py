import math
from typing import Any

import pytest
from pydantic import ValidationError

from augforge.distortions.parameters import parse_distribution
from augforge.keys import located_errors, relocate
from augforge.randomness import Choice, Constant, LogUniform, Normal, Triangular, Uniform

GOOD: list[tuple[Any, Any]] = [
    (5, Constant(5.0)),
    (-0.5, Constant(-0.5)),
    ([1, 2], Uniform(1.0, 2.0)),
    ({"uniform": {"low": 1, "high": 2}}, Uniform(1.0, 2.0)),
    ({"log_uniform": {"low": 1, "high": 2}}, LogUniform(1.0, 2.0)),
    ({"triangular": {"low": 1, "mode": 1, "high": 2}}, Triangular(1.0, 1.0, 2.0)),
    ({"normal": {"mean": 0, "sd": 1}}, Normal(0.0, 1.0)),
    ({"normal": {"mean": 0, "sd": 1, "low": -2}}, Normal(0.0, 1.0, -2.0, math.inf)),
    ({"normal": {"mean": 3, "sd": 0}}, Normal(3.0, 0.0, 3.0, 3.0)),
    ({"choice": [1, 2]}, Choice((1.0, 2.0))),
    ({"choice": {"values": [1, 2], "weights": [0, 2]}}, Choice((1.0, 2.0), (0.0, 2.0))),
]

BAD: list[tuple[Any, tuple[int | str, ...], str]] = [
    ("5", (), "must be a finite number"),
    (True, (), "must be a finite number"),
    (None, (), "must be a finite number"),
    (math.nan, (), "must be a finite number"),
    (10**400, (), "must be a finite number"),
    (
        [1, 2, 3],
        (),
        "must be a range of two numbers, [low, high] (to choose among values, write {choice: [...]})",
    ),
    ([2, 1], (), "needs low <= high, got 2, 1"),
    ([[1], 2], (0,), "must be a finite number"),
    ({"normal": {"mean": 0, "sd": -1}}, ("normal", "sd"), "must be a number from 0 to 3.4e+38"),
    ({"normal": {"mean": 0}}, ("normal",), "normal needs 'sd'"),
    (
        {"normal": {"mean": 0, "sd": 1, "std": 2}},
        ("normal", "std"),
        "unknown key 'std' of normal. Did you mean 'sd'? Allowed: high, low, mean, sd",
    ),
    (
        {"normal": {"mean": 0, "sd": 1, "low": 50, "high": 60}},
        ("normal", "low"),
        "'low' and 'high' leave less than 1e-190 of the normal distribution",
    ),
    (
        {"normal": {"mean": 0, "sd": 0, "low": 1}},
        ("normal", "mean"),
        "'mean' is 0 with 'sd' 0, which is outside of 1 to inf",
    ),
    ({"normal": [0, 1]}, ("normal",), "must be a mapping such as normal: {mean, sd}"),
    (
        {"norml": {}},
        ("norml",),
        "unknown distribution 'norml'. Did you mean 'normal'? Allowed: choice, log_uniform, normal, triangular, "
        "uniform, a number, or [low, high]",
    ),
    (
        {"uniform": {"low": 1, "high": 2}, "normal": {}},
        (),
        "a distribution is one name and its values; got 2 keys: normal, uniform",
    ),
    ({}, (), "a distribution is one name and its values; got 0 keys: "),
    (
        {"log_uniform": {"low": 0, "high": 1}},
        ("log_uniform", "low"),
        "'low' of log_uniform must be above 0, got 0",
    ),
    (
        {"triangular": {"low": 0, "mode": 2, "high": 1}},
        ("triangular",),
        "needs low <= mode <= high, got 0, 2, 1",
    ),
    ({"choice": []}, ("choice", "values"), "must be a list such as [1, 2]"),
    (
        {"choice": {"values": [1], "weights": [1, 2]}},
        ("choice", "weights"),
        "1 values need as many weights, got 2",
    ),
    (
        {"choice": {"values": [1], "weights": [0]}},
        ("choice", "weights"),
        "weights must not be negative and must not all be 0",
    ),
]


@pytest.mark.parametrize(("plain", "expected"), GOOD, ids=lambda value: repr(value)[:40])
def test_good_values(plain: Any, expected: Any) -> None:
    assert parse_distribution(plain) == expected
    assert parse_distribution(parse_distribution(plain).plain()) == expected


@pytest.mark.parametrize(("plain", "location", "message"), BAD, ids=lambda value: repr(value)[:40])
def test_bad_values(plain: Any, location: tuple[int | str, ...], message: str) -> None:
    with pytest.raises(ValidationError) as caught, relocate("here"):
        parse_distribution(plain)
    ((found, error),) = located_errors(caught.value)
    assert found == ("here", *location)
    assert error.message() == message
