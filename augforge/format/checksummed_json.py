"""Canonical JSON that ends with its own checksum.

Manifests and receipts have this form: UTF-8, sorted keys, one line for each top-level key and for each object of a
top-level list. The last key is ``seal``; its value is the BLAKE3 hash of all bytes before it. It reveals changes by
hand, by a disk or by an interrupted copy. All format versions share this form, so that an old augforge can
distinguish a newer data set from a damaged one.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augforge.errors import DatasetError
from augforge.format.checked_open import read_whole
from augforge.format.hashing import bytes_hash

_SEAL = b',\n"seal":"'
_END = b'"\n}\n'
_HASH_LENGTH = 64

_MAX_BYTES = 192 << 20  # 50,000 shards with the counts of 256 classes take less
# Lists and objects: a shard takes four, and empty ones take 28 times their bytes in memory.
_MAX_CONTAINERS = 500_000


def dump_checksummed(content: Mapping[str, Any]) -> bytes:
    """Write JSON with a checksum; raise ValueError for NaN or infinity."""
    lines = [f"{_compact(key)}:{_pretty(content[key])}" for key in sorted(content)]
    body = ("{\n" + ",\n".join(lines)).encode() + _SEAL
    return body + bytes_hash(body).encode() + _END


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _pretty(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n " + ",\n ".join(_compact(item) for item in value) + "\n]"
    return _compact(value)


def parse_checksummed(data: bytes, path: Path) -> dict[str, Any]:
    """Parse JSON after verifying its checksum.

    Parameters
    ----------
    data : bytes
        The whole file.
    path : Path
        The file, for messages.

    Returns
    -------
    dict
        The content without the checksum.

    Raises
    ------
    DatasetError
        If the checksum is missing or wrong, or the content is not a JSON object with distinct keys and finite
        numbers.
    """
    body_length = len(data) - _HASH_LENGTH - len(_END)
    if not (data.endswith(_END) and body_length > 0 and data[:body_length].endswith(_SEAL)):
        raise DatasetError(f"{path} is damaged: it does not end in the hash of its own contents")
    body, written = data[:body_length], data[body_length : -len(_END)]
    if (actual := bytes_hash(body)).encode() != written:
        raise DatasetError(
            f"{path} is damaged: it ends in the hash {written.decode('ascii', 'replace')}, "
            f"but its contents have {actual}"
        )
    content = _parse(data, path)
    del content["seal"]
    return content


def _parse(data: bytes, path: Path) -> dict[str, Any]:
    if data.count(b"[") + data.count(b"{") > _MAX_CONTAINERS:
        raise DatasetError(f"{path} is not valid: more than {_MAX_CONTAINERS} lists and objects")
    try:
        content = json.loads(
            data.decode("utf-8"), object_pairs_hook=_distinct, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path} is not valid: {error}") from error
    if not isinstance(content, dict):
        raise DatasetError(f"{path} is not valid: a JSON object is needed, got {type(content).__name__}")
    return content


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name, value in pairs:
        if name in content:
            raise ValueError(f"key '{name}' occurs twice")
        content[name] = value
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def read_checksummed(path: Path) -> tuple[dict[str, Any], bytes]:
    """Read a file with a checksum; return its content and its bytes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DatasetError
        If it is not a regular file, too large, unreadable or damaged.
    """
    try:
        data = read_whole(path, _MAX_BYTES)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error
    return parse_checksummed(data, path), data
