"""Lines of numbers: valid blocks parse, and others have an error."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augforge.sources.files import csv_parsing
from augforge.sources.files.csv_parsing import find_fault, parse_lines, read_blocks

NAMES = ("label", "pixel0", "pixel1")


def test_numbers_of_every_length() -> None:
    parsed = parse_lines(b"0,10,255\n007,99,100", 3)
    assert parsed is not None
    assert parsed.dtype == np.uint8
    assert parsed.tolist() == [[0, 10, 255], [7, 99, 100]]


@given(st.lists(st.lists(st.integers(0, 255), min_size=3, max_size=3), min_size=1))
def test_round_trip(rows: list[list[int]]) -> None:
    parsed = parse_lines(b"\n".join(b",".join(b"%d" % value for value in row) for row in rows), 3)
    assert parsed is not None
    assert parsed.tolist() == rows


@given(st.text("0123456789,\n", max_size=30), st.integers(0, 30), st.sampled_from(list("x- .\r\0\"'\n,9é")))
def test_a_block_is_either_parsed_or_has_a_fault(text: str, at: int, letter: str) -> None:
    block = (text[:at] + letter + text[at:]).encode()
    parsed = parse_lines(block, 3)
    if parsed is None:
        assert find_fault(block, NAMES, 1).startswith("line ")
    else:
        with pytest.raises(ValueError, match="no fault"):
            find_fault(block, NAMES, 1)


FAULTS = {
    "text": (b"1,2,3\n1,x,3", "line 8, column 2 (pixel0): got 'x'; needed: an integer from 0 to 255"),
    "NaN": (b"1,nan,3", "line 7, column 2 (pixel0): got 'nan'; needed: an integer from 0 to 255"),
    "too large": (b"1,2,256", "line 7, column 3 (pixel1): got '256'; needed: an integer from 0 to 255"),
    "negative": (b"-1,2,3", "line 7, column 1 (label): got '-1'; needed: an integer from 0 to 255"),
    "fraction": (b"1,0.5,3", "line 7, column 2 (pixel0): got '0.5'; needed: an integer from 0 to 255"),
    "nothing": (b"1,,3", "line 7, column 2 (pixel0): got ''; needed: an integer from 0 to 255"),
    "quotes": (b'"1",2,3', "line 7, column 1 (label): got '\"1\"'; needed: an integer from 0 to 255"),
    "blank": (b"1, 2,3", "line 7, column 2 (pixel0): got ' 2'; needed: an integer from 0 to 255"),
    "not ASCII": (
        "1,٣,3".encode(),
        r"line 7, column 2 (pixel0): got '\xd9\xa3'; needed: an integer from 0 to 255",
    ),
    "endless": (
        b"1,2," + b"9" * 99,
        f"line 7, column 3 (pixel1): got '{'9' * 40}...'; needed: an integer from 0 to 255",
    ),
    "short": (b"1,2,3\n1,2", "line 8 has 2 columns; needed: 3, as in the first line"),
    "long": (b"1,2,3,4\n1,2", "line 7 has 4 columns; needed: 3, as in the first line"),
    "empty line": (b"1,2,3\n\n1,2,3", "line 8 is empty"),
    "semicolons": (b"1;2;3", "line 7 has 1 columns; needed: 3, as in the first line"),
}


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_faults(text: bytes, message: str) -> None:
    assert parse_lines(text, 3) is None
    assert find_fault(text, NAMES, 7) == message


@given(
    st.lists(st.sampled_from([b"1,2,3", b"44,55,66", b"", b"7"]), max_size=20),
    st.sampled_from([b"\n", b"\r\n"]),
    st.booleans(),
    st.integers(1, 40),
)
def test_blocks_are_the_lines(lines: list[bytes], end: bytes, ended: bool, at_once: int) -> None:
    text = end.join(lines) + (end if ended else b"")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_parsing, "READ_BYTES", at_once)
        blocks = list(read_blocks(io.BytesIO(text), 3))
    if b"" not in lines:  # otherwise the block with the empty line may be given up early
        assert b"\n".join(blocks) == b"\n".join(lines)
    elif all(parse_lines(block, 3) is not None for block in blocks):
        assert b"\n".join(blocks) == b"\n".join(lines).rstrip(b"\n")


def test_a_line_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_parsing, "READ_BYTES", 64)
    stream = io.BytesIO(b"1" * 10_000)
    (block,) = read_blocks(stream, 3)
    assert len(block) <= 192
    assert parse_lines(block, 3) is None
