"""Canonical JSON that ends in the hash of its own preceding bytes.

Manifest and receipts are written so: UTF-8, keys sorted, one line for each top-level key and for each object
of a top-level list, and as the last key of all the seal, whose value is the BLAKE3 hash of every byte before
it. A byte changed by hand, by a disk or by a half-finished copy is noticed. This form is the same in all
format versions, so that an old augforge can tell a newer data set from a damaged one.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augforge.errors import DatasetError
from augforge.shards.hashing import bytes_hash
from augforge.shards.opening import opened

_SEAL = b',\n"seal":"'
_END = b'"\n}\n'
_HASH_LENGTH = 64

MOST_BYTES = 192 << 20
"""Bytes of a sealed file at most: 50,000 shards with the counts of 256 classes take less."""

_MOST_PARTS = 500_000
"""Lists and objects in it at most: a shard takes four. Empty ones take 28 times their bytes in memory."""


def seal(content: Mapping[str, Any]) -> bytes:
    """Return the sealed bytes of a mapping of plain values; NaN and infinity raise ValueError."""
    lines = [f"{_compact(key)}:{_pretty(content[key])}" for key in sorted(content)]
    body = ("{\n" + ",\n".join(lines)).encode() + _SEAL
    return body + bytes_hash(body).encode() + _END


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _pretty(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n " + ",\n ".join(_compact(item) for item in value) + "\n]"
    return _compact(value)


def unseal(data: bytes, what: Path) -> dict[str, Any]:
    """Return the content of sealed bytes, without the seal.

    Parameters
    ----------
    data
        The whole file.
    what
        The file's path, for messages.

    Raises
    ------
    DatasetError
        If the seal is missing or broken, or if what it seals is not a JSON object with distinct keys and
        finite numbers.
    """
    body_length = len(data) - _HASH_LENGTH - len(_END)
    if not (data.endswith(_END) and body_length > 0 and data[:body_length].endswith(_SEAL)):
        raise DatasetError(f"{what} is damaged: it does not end in the hash of its own contents")
    body, written = data[:body_length], data[body_length : -len(_END)]
    if (actual := bytes_hash(body)).encode() != written:
        raise DatasetError(
            f"{what} is damaged: it ends in the hash {written.decode('ascii', 'replace')}, "
            f"but its contents have {actual}"
        )
    content = _parse(data, what)
    del content["seal"]
    return content


def _parse(data: bytes, what: Path) -> dict[str, Any]:
    if data.count(b"[") + data.count(b"{") > _MOST_PARTS:
        raise DatasetError(f"{what} is not valid: more than {_MOST_PARTS} lists and objects")
    try:
        content = json.loads(
            data.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{what} is not valid: {error}") from error
    if not isinstance(content, dict):
        raise DatasetError(f"{what} is not valid: a JSON object is needed, got {type(content).__name__}")
    return content


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name, value in pairs:
        if name in content:
            raise ValueError(f"key '{name}' occurs twice")
        content[name] = value
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def read_sealed(path: Path) -> tuple[dict[str, Any], bytes]:
    """Read a sealed file; return its content and its bytes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DatasetError
        If it is no ordinary file or a huge one, cannot be read or is damaged.
    """
    try:
        data = read_whole(path, MOST_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    return unseal(data, path), data


def read_whole(path: Path, most: int) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    OSError
        If it cannot be read.
    DatasetError
        If it is no ordinary file, or has more than `most` bytes.
    """
    size = path.lstat().st_size
    if size > most:
        raise DatasetError(f"{path} is damaged: {size} bytes; {most} are allowed")
    with opened(path, size) as descriptor, open(descriptor, "rb", closefd=False) as file:
        return file.read(size)
