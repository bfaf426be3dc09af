"""Damage: valid bytes -> bytes that are no longer quite valid, the same for the same seed."""

import gzip
import json
import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from augforge.format.checksummed_json import dump_checksummed

Damage = Callable[[Random, bytes, Sequence[bytes]], bytes]
"""Returns bytes with damage in them; called with other valid files, of which parts may be taken."""

_NUMBERS = (
    0,
    1,
    2,
    3,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    1 << 20,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    10**12,
    (1 << 63) - 1,
    (1 << 64) - 1,
)


def any_bytes(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return bytes with a few changes that know nothing of what they mean."""
    for _ in range(random.choice((1, 1, 1, 2, 4, 16))):
        data = random.choice(_CHANGES)(random, data, others)
    return data


def _flip(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    changed[_place(random, data)] ^= 1 << random.randrange(8)
    return bytes(changed)


def _set(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    changed[_place(random, data)] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
    return bytes(changed)


def _number(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    width, order = random.choice((1, 2, 4, 8)), random.choice(("little", "big"))
    number = random.choice(_NUMBERS) & ((1 << 8 * width) - 1)
    at = _place(random, data)
    return data[:at] + number.to_bytes(width, order) + data[at + width :]


def _cut(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _remove(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(random, data)
    return data[:at] + data[at + random.randrange(1, 33) :]


def _insert(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(random, data)
    return data[:at] + random.randbytes(random.choice((1, 2, 4, 64))) + data[at:]


def _repeat(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(random, data)
    return data[:at] + data[at : at + random.randrange(1, 65)] * random.choice((2, 3, 50)) + data[at:]


def _splice(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    other = random.choice(others)
    begin = _place(random, other)
    part = other[begin : begin + random.choice((4, 16, 64, 1024))]
    at = _place(random, data)
    return data[:at] + part + data[at + random.choice((0, len(part))) :]


def _place(random: Random, data: bytes) -> int:
    """Return a place in the data; often near its beginning, where headers are, or where something stands."""
    kind = random.random()
    if kind < 0.3:
        return random.randrange(min(len(data), 128) or 1)
    place = random.randrange(len(data) or 1)
    if kind < 0.7 and (rest := data[place:].lstrip(b"\0\xff")):
        return len(data) - len(rest)
    return place


_CHANGES: tuple[Damage, ...] = (_flip, _set, _set, _number, _number, _cut, _remove, _insert, _repeat, _splice)


def inside_gzip(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Damage what a gzipped file holds, which is then packed anew, or, seldom, the packed bytes themselves."""
    if random.random() < 0.25:
        return any_bytes(random, data, others)
    plain = any_bytes(random, gzip.decompress(data), [gzip.decompress(other) for other in others])
    return gzip.compress(plain, 1, mtime=0)


def inside_png(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Damage the chunks of a PNG file, whose checksums are then put right, or the bytes of its pixels."""
    if random.random() < 0.25:
        return any_bytes(random, data, others)
    chunks = _png_chunks(data)
    at = random.randrange(len(chunks))
    kind, body = chunks[at]
    if kind == b"IDAT" and random.random() < 0.7:
        body = zlib.compress(any_bytes(random, zlib.decompress(body), others), 1)
    elif random.random() < 0.8:
        body = any_bytes(random, body, others)
    else:
        kind = random.choice(
            (b"tRNS", b"PLTE", b"acTL", b"fdAT", b"eXIf", b"iCCP", b"zTXt", b"iTXt", b"gAMA")
        )
    chunks[at : at + random.choice((0, 1, 1, 1))] = [(kind, body)]
    return data[:8] + b"".join(png_chunk(kind, body) for kind, body in chunks)


def _png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG file, with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def inside_zip(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Damage a member of a ZIP archive, its name or its flags, and put the checksum right; or any of its bytes."""
    if random.random() < 0.25:
        return any_bytes(random, data, others)
    from io import BytesIO
    from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

    result = BytesIO()
    with ZipFile(BytesIO(data)) as archive, ZipFile(result, "w") as changed:
        members = archive.infolist()
        damaged = random.choice(members)
        for member in members:
            content = archive.read(member)
            name = member.filename
            if member is damaged and random.random() < 0.9:
                content = any_bytes(random, content, others)
            elif member is damaged:
                name = random.choice(
                    ("../images.npy", "/etc/images.npy", "images", "", "a" * 300, "labels.npy/")
                )
            info = ZipInfo(name or "x")
            info.compress_type = random.choice((ZIP_STORED, ZIP_DEFLATED))
            changed.writestr(info, content)
    packed = result.getvalue()
    return any_bytes(random, packed, others) if random.random() < 0.25 else packed


def inside_seal(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change values of sealed JSON, and seal it anew; or damage any of its bytes."""
    if random.random() < 0.1:
        return any_bytes(random, data, others)
    content = json.loads(data)
    del content["seal"]
    if random.random() < 0.1 and "shards" in content:
        _resize(random, content)
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        content = _changed_value(random, content)
    return dump_checksummed(content if isinstance(content, dict) else {"format_version": content})


_WORDS = (
    "",
    "..",
    "../../secret.h5",
    "/etc/passwd",
    "tiny-00000.h5",
    "tiny-00001.h5",
    "outside-00000.h5",
    "shards/tiny-00000.h5",
    "none",
    "gzip",
    "0" * 64,
    "\0",
    "\u2028",
    "x" * 10_000,
)


def _changed_value(random: Random, value: Any, depth: int = 0) -> Any:
    """Return a JSON value of which one part, somewhere in it, is another."""
    if isinstance(value, dict) and value and (depth == 0 or random.random() < 0.9):
        key = random.choice(sorted(value))
        kind = random.random()
        if kind < 0.04:
            return {name: part for name, part in value.items() if name != key}
        if kind < 0.08:
            return {**value, random.choice(_WORDS): value[key]}
        return {**value, key: _changed_value(random, value[key], depth + 1)}
    if isinstance(value, list) and value and random.random() < 0.9:
        at = random.randrange(len(value))
        kind = random.random()
        if kind < 0.1:
            return value[:at] + value[at + 1 :]
        if kind < 0.2:
            return value[:at] + [value[at]] * random.choice((2, 3)) + value[at + 1 :]
        return [*value[:at], _changed_value(random, value[at], depth + 1), *value[at + 1 :]]
    return _other_value(random, value)


def _resize(random: Random, content: dict[str, Any]) -> None:
    """Let a manifest claim another size of everything, and be in step with itself."""
    last = content["shards"][-1]
    last["samples"] = random.choice((1, last["samples"] - 1, 1024, 10**6, 10**9, 10**12, 1 << 52))
    content["samples"] = last["first_sample"] + last["samples"]
    for counted in (content, last):
        if counted["class_counts"]:
            counted["class_counts"] = [counted["samples"], *([0] * (len(counted["class_counts"]) - 1))]
    content["image_shape"] = random.choice(
        (content["image_shape"], [1, 1], [4, 6], [4096, 4096], [65536, 65536])
    )
    last["bytes"] = random.choice((last["bytes"], last["bytes"], 1 << 40, 1 << 52))


def _other_value(random: Random, value: Any) -> Any:
    if type(value) is int and random.random() < 0.7:
        near = (value + 1, value - 1, -value, value * 2, value // 2, value + random.randrange(-5000, 5000))
        return random.choice(
            (*near, *near, 0, 1, 1024, 4096, 1 << 16, 1 << 31, 1 << 52, 10**12, 1 << 63, 10**40)
        )
    if isinstance(value, str) and random.random() < 0.7:
        return random.choice(_WORDS)
    nested: Any = 1
    for _ in range(random.choice((1, 5, 100))):
        nested = [nested]
    return random.choice((None, True, 1.5, -0.0, 1e308, "", [], {}, [value], {"a": value}, nested, 7))


_SIGNS = "[ ] { } : - , ? | > # @ ` \" ' \\ & * ! null ~ true no 0x10 0o7 -1 1e999 .inf .nan 1_0 1:30 1e-400 0.0 -0"
_LETTERS = "\0 \x1b[2J \ud800 \ufeff \u2028 \x85 \u202e e\u0301 \U0001f600 ٣ ½ \t \n"
_KEYS = "one_of some_of steps weights count probability for_labels except_labels frame guard id normal choice"
_TOKENS = (
    *_SIGNS.split(),
    *_LETTERS.split(" "),
    *_KEYS.split(),
    *("&a ", "*a", "<<: ", "!!python/object/apply:os.system [id]", "!!binary ", "%YAML 9.9\n---\n", "---\n"),
    *(": ", "- ", ", ", "? ", "| \n", "> \n", "\n  ", "[1, 2]", "[2, 1]", "{normal: {mean: 0, sd: 1}}"),
    *('"\\0"', '"\\ud800"', '"\\x1b"', "../../etc", "/dev/zero", "~root", "x" * 300, "x" * 5000, "9" * 500),
    *(
        "[" * 200,
        "{a: " * 200,
        "- " * 200,
        "extends: base.yaml\n",
        "extends: recipe.yaml\n",
        "source: {path: .}\n",
    ),
)


def recipe_text(random: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Change a recipe's words, lines or numbers; or, seldom, any of its bytes."""
    if random.random() < 0.1:
        return any_bytes(random, data, others)
    text = data.decode()
    for _ in range(random.choice((1, 1, 2, 3, 8))):
        kind = random.random()
        if kind < 0.35:
            text = _with_word(random, text, random.choice(_TOKENS))
        elif kind < 0.55:
            text = _with_word(random, text, random.choice(random.choice(others).decode().split()))
        else:
            text = _with_lines(random, text, random.choice(others).decode())
    return text.encode("utf-8", "surrogatepass")


def _with_word(random: Random, text: str, word: str) -> str:
    """Return text with a word put in at any place, or in place of one of its words."""
    if random.random() < 0.3:
        at = random.randrange(len(text) + 1)
        return text[:at] + word + text[at:]
    start = random.randrange(len(text) or 1)
    while start and text[start - 1] not in " \n[]{},:":
        start -= 1
    end = start
    while end < len(text) and text[end] not in " \n[]{},:":
        end += 1
    return text[:start] + word + text[end:]


def _with_lines(random: Random, text: str, other: str) -> str:
    """Return text with a line left out, twice, moved, indented, or taken from another text."""
    lines = text.split("\n")
    at, to = random.randrange(len(lines)), random.randrange(len(lines) + 1)
    kind = random.randrange(5)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(to, lines[at])
    elif kind == 2:
        lines.insert(min(to, len(lines) - 1), lines.pop(at))
    elif kind == 3:
        lines[at] = random.choice((" ", "  ", "    ", "\t", "- ")) + lines[at]
    else:
        lines.insert(to, random.choice(other.split("\n")))
    return "\n".join(lines)
