import math
import os
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from augforge.errors import DatasetError
from augforge.format.checksummed_json import dump_checksummed, parse_checksummed, read_checksummed

WHAT = Path("out/manifest.json")
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def sealed(text):
    body = text.encode() + b',\n"seal":"'
    return body + blake3(body).hexdigest().encode() + b'"\n}\n'


def test_the_form_is_readable_and_stable():
    data = dump_checksummed({"b": [1, 2], "a": {"z": 1, "y": None}, "shards": [{"x": 0.5}, {"x": "é"}]})
    body = (
        '{\n"a":{"y":null,"z":1},\n"b":[1,2],\n"shards":[\n {"x":0.5},\n {"x":"é"}\n],\n"seal":"'
    ).encode()
    assert data == body + blake3(body).hexdigest().encode() + b'"\n}\n'


@given(st.dictionaries(st.text().filter(lambda key: key != "seal"), PLAIN, min_size=1, max_size=5))
def test_what_was_sealed_comes_back(content):
    assert parse_checksummed(dump_checksummed(content), WHAT) == content


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_only_numbers_of_json_can_be_sealed(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_checksummed({"mean": value})


def test_any_changed_byte_is_noticed():
    data = dump_checksummed({"samples": 12, "name": "tiny"})
    for position in range(len(data)):
        for bit in (1, 32):
            damaged = bytearray(data)
            damaged[position] ^= bit
            with pytest.raises(DatasetError, match=r"^out/manifest\.json is damaged: "):
                parse_checksummed(bytes(damaged), WHAT)


def test_any_missing_or_added_byte_is_noticed():
    data = dump_checksummed({"samples": 12, "name": "tiny"})
    for damaged in (*(data[:length] for length in range(len(data))), data[1:], data + b"\n", data + data):
        with pytest.raises(DatasetError, match=r"^out/manifest\.json is damaged: "):
            parse_checksummed(damaged, WHAT)


def test_a_broken_seal_says_both_hashes():
    data = dump_checksummed({"samples": 12}).replace(b"12", b"13")
    written, actual = data[-68:-4].decode(), blake3(data[:-68]).hexdigest()
    with pytest.raises(DatasetError) as caught:
        parse_checksummed(data, WHAT)
    assert str(caught.value) == (
        f"out/manifest.json is damaged: it ends in the hash {written}, but its contents have {actual}"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":1,"a":2', "key 'a' occurs twice"),
        ('{"a":{"b":1,"b":1}', "key 'b' occurs twice"),
        ('{"a":NaN', "NaN is not a JSON number"),
        ('{"a":-Infinity', "-Infinity is not a JSON number"),
        ('{"a":tru', "Expecting value"),
        ('["a"', "Expecting ',' delimiter"),
        ('{"seal":"x"', "key 'seal' occurs twice"),
        ('{"a":' + "9" * 5000, "Exceeds the limit"),
        ('{"a":' + "[" * 100_000, "maximum recursion depth exceeded"),
    ],
)
def test_rightly_sealed_nonsense_is_refused(text, message):
    with pytest.raises(DatasetError) as caught:
        parse_checksummed(sealed(text), WHAT)
    assert str(caught.value).startswith(f"out/manifest.json is not valid: {message}")


def test_bytes_that_are_no_text_are_refused():
    body = b'{"a":"\xff",\n"seal":"'
    with pytest.raises(DatasetError, match="is not valid: 'utf-8' codec can't decode byte 0xff"):
        parse_checksummed(body + blake3(body).hexdigest().encode() + b'"\n}\n', WHAT)


def test_only_ordinary_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # reading it would wait forever
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link", "."):
        with pytest.raises(DatasetError, match="is not an ordinary file"):
            read_checksummed(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        read_checksummed(tmp_path / "nothing")


def test_a_key_among_many_that_occurs_twice():
    keys = "".join(f'"k{number}":1,' for number in range(200_000))
    with pytest.raises(DatasetError, match="key 'z' occurs twice"):
        parse_checksummed(sealed('{"z":1,' + keys + '"z":1'), WHAT)


def test_what_would_take_much_more_memory_than_bytes_is_not_parsed():
    with pytest.raises(DatasetError, match="more than 500000 lists and objects"):
        parse_checksummed(sealed('{"a":[' + "[]," * 500_000 + "[]]"), WHAT)
