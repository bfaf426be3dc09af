"""Decoding into memory or a temporary file."""

from pathlib import Path

import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.sources import decoding
from augforge.sources.decoding import SpillBuffer, check_claim, find_scratch_folder

DATA = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)


@pytest.mark.parametrize(("limit", "expected"), [(60, 0), (59, 0), (10, 0), (10, 60)])
def test_in_memory_or_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, expected: int
) -> None:
    monkeypatch.setattr(decoding, "MAX_IN_MEMORY", limit)
    monkeypatch.setattr(decoding, "find_scratch_folder", lambda: tmp_path)
    with SpillBuffer("digits", expected) as gathered:
        for block in (DATA[:1], DATA[1:1], DATA[1:3].transpose(0, 2, 1).copy().transpose(0, 2, 1)):
            gathered.append(block)
        gathered.append(DATA[3:].tobytes())
        assert len(gathered) == 60
        assert not list(tmp_path.iterdir()), "the file has no name"
        values = gathered.finish()
    np.testing.assert_array_equal(values, DATA.reshape(-1))
    assert type(values) is np.ndarray
    assert not values.flags.writeable


def test_nothing() -> None:
    with SpillBuffer("digits") as gathered:
        assert gathered.finish().shape == (0,)


def test_a_limit_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_DECODED", 59)
    with SpillBuffer("digits.csv") as gathered, pytest.raises(SourceError) as raised:
        gathered.append(DATA)
    assert str(raised.value) == "digits.csv: decodes to more than the 59 bytes allowed"


@pytest.mark.parametrize("expected", [0, 1 << 40])
def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, expected: int) -> None:
    class Full:
        def write(self, _data: memoryview) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            pass

    monkeypatch.setattr(decoding, "MAX_IN_MEMORY", 10)
    monkeypatch.setattr(decoding.tempfile, "TemporaryFile", lambda **_: Full())
    monkeypatch.setattr(decoding, "find_scratch_folder", lambda: Path("/scratch"))
    with pytest.raises(SourceError) as raised, SpillBuffer("digits.csv", expected) as gathered:
        gathered.append(DATA)
    assert str(raised.value) == (
        "digits.csv: cannot be decoded into a temporary file in /scratch: No space left on device; "
        "set TMPDIR to another folder"
    )


def test_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "find_scratch_folder", lambda: tmp_path / "absent")
    with pytest.raises(SourceError, match="absent: No such file or directory; set TMPDIR to another folder"):
        SpillBuffer("digits.csv", 1 << 40)


def test_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert find_scratch_folder() == tmp_path
    monkeypatch.delenv("TMPDIR")
    assert find_scratch_folder() == Path("/var/tmp")


def test_claims() -> None:
    check_claim("digits.gz", "2 images", 1032, 1)
    check_claim("digits.h5", "2 images", 1 << 30, 1, deflated=False)
    with pytest.raises(SourceError) as raised:
        check_claim("digits.gz", "2 images", 1033, 1)
    assert str(raised.value) == (
        "digits.gz: its header claims 2 images, 1,033 bytes: more than 1 compressed bytes can hold; "
        "the file is cut or damaged"
    )
    with pytest.raises(SourceError) as raised:
        check_claim("digits.gz", "2 images", 1 << 40, 1 << 39)
    assert str(raised.value) == (
        "digits.gz: 2 images are 1,099,511,627,776 bytes; at most 68,719,476,736 are allowed in a compressed file: "
        "store it uncompressed, so that it can be memory-mapped"
    )
