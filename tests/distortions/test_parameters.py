import math
from typing import Any

import pytest
from pydantic_core import PydanticCustomError

from augforge.distortions.parameters import parse_distribution
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

BAD: list[tuple[Any, str]] = [
    ("5", "a value must be a number, got text ('5')"),
    (True, "a value must be a number, got a truth value (True)"),
    (None, "a value must be a number, got nothing"),
    (math.nan, "a value must be a finite number, got nan"),
    (10**400, "a value must be a finite number, got"),
    (
        [1, 2, 3],
        "a range has two numbers, [low, high]; got 3 (to choose among values, write {choice: [...]})",
    ),
    ([2, 1], "'low' is 2, above 'high', 1"),
    ([[1], 2], "low must be a number, got a list"),
    ({"normal": {"mean": 0, "sd": -1}}, "'sd' must not be negative, got -1"),
    ({"normal": {"mean": 0}}, "normal needs 'sd'"),
    (
        {"normal": {"mean": 0, "sd": 1, "std": 2}},
        "unknown key 'std' of normal. Did you mean 'sd'? Allowed: high, low,",
    ),
    ({"normal": {"mean": 0, "sd": 1, "low": 50, "high": 60}}, "'low' and 'high' leave less than 1e-190"),
    ({"normal": {"mean": 0, "sd": 0, "low": 1}}, "'mean' is 0 with 'sd' 0, which is outside of 1 to inf"),
    ({"normal": [0, 1]}, "normal needs {mean, sd}, got a list"),
    (
        {"norml": {}},
        "unknown distribution 'norml'. Did you mean 'normal'? Allowed: choice, log_uniform, normal,",
    ),
    (
        {"uniform": {"low": 1, "high": 2}, "normal": {}},
        "a distribution is one name and its values; got 2 keys:",
    ),
    ({}, "a distribution is one name and its values; got 0 keys"),
    ({"log_uniform": {"low": 0, "high": 1}}, "'low' of log_uniform must be above 0, got 0"),
    ({"triangular": {"low": 0, "mode": 2, "high": 1}}, "needs low <= mode <= high, got 0, 2, 1"),
    ({"choice": []}, "'values' must be a list of numbers, got a list"),
    ({"choice": {"values": [1], "weights": [1, 2]}}, "1 values need as many weights, got 2"),
    ({"choice": {"values": [1], "weights": [0]}}, "weights must not be negative and must not all be 0"),
]


@pytest.mark.parametrize(("plain", "expected"), GOOD, ids=lambda value: repr(value)[:40])
def test_good_values(plain: Any, expected: Any) -> None:
    assert parse_distribution(plain) == expected
    assert parse_distribution(parse_distribution(plain).plain()) == expected


@pytest.mark.parametrize(("plain", "message"), BAD, ids=lambda value: repr(value)[:40])
def test_bad_values(plain: Any, message: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        parse_distribution(plain)
    assert str(caught.value).startswith(message)
