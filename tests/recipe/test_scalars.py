import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from augforge.recipe.scalars import read_scalar, write_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1E3", 1000.0), (".5", 0.5), ("5.", 5.0), ("+7", 7), ("-0", 0), ("010", 10),
        ("0o17", 15), ("0x1F", 31), ("1_000", "1_000"), ("1:30", "1:30"), ("0b11", "0b11"), ("017x", "017x"),
        ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("true", True), ("FALSE", False),
        ("tRue", "tRue"), ("null", None), ("~", None), ("", None), ("Null", None), (".inf", math.inf),
        ("-.Inf", -math.inf), ("inf", "inf"), ("nan", "nan"), ("1e999", math.inf), ("9" * 300, int("9" * 300)),
        ("9" * 5000, math.inf), ("-" + "9" * 5000, -math.inf), ("2024-01-02", "2024-01-02"), ("=", "="),
        ("1e", "1e"), (".", "."), ("-", "-"), ("١", "١"),
    ],
)  # fmt: skip
def test_core_schema(text: str, value: object) -> None:
    read = read_scalar(text)
    assert read == value
    assert type(read) is type(value)


def test_nan() -> None:
    assert math.isnan(read_scalar(".nan"))  # type: ignore[arg-type]


def test_only_ambiguous_text_is_quoted() -> None:
    written = [
        write_scalar(text) for text in ("mnist-10k", "as drawn", "/data/digits.csv", "no", "5", "a: b", "")
    ]
    assert written == ["mnist-10k", "as drawn", "/data/digits.csv", '"no"', '"5"', '"a: b"', '""']


SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.integers(),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
)


@given(SCALARS)
def test_what_is_written_is_read_back_also_inside_brackets(value: object) -> None:
    text = write_scalar(value)  # type: ignore[arg-type]
    (token,) = yaml.compose(f"[{text}]").value
    read = read_scalar(token.value) if token.style is None else token.value
    assert read == value
    assert type(read) is type(value)


@given(
    st.one_of(st.text(st.characters(codec="ascii"), max_size=8), st.floats(allow_nan=False), st.integers())
)
def test_readers_of_yaml_1_1_see_the_same(value: object) -> None:
    read = yaml.safe_load(f"[{write_scalar(value)}]")[0]  # type: ignore[arg-type]
    assert read == value
    assert isinstance(read, str) == isinstance(value, str)
