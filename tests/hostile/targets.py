"""What is fuzzed: for each reader valid files, how they are damaged, and how they are read."""

import gzip
import io
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import numpy as np

from augforge.errors import AugforgeError
from tests.hostile import mutating
from tests.hostile.mutating import Damage

IMAGES = (np.arange(3 * 5 * 4) * 4 % 256).astype(np.uint8).reshape(3, 5, 4)
LABELS = np.array([5, 0, 9], np.uint8)

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes
    ----------
    name
        What it reads, in the plural.
    valid
        Makes sets of valid files, by their names in a folder.
    damaged
        By the end of a file's name, how such files are damaged; others are left as they are.
    read
        Reads what is in a folder, wholly.
    apart
        How a folder is read where `read` did not survive it: in a process of its own, which a reader may have for
        itself but is too slow for every case. None: it has none.
    """

    name: str
    valid: Callable[[], Sequence[Files]]
    damaged: Mapping[str, Damage]
    read: Callable[[Path], Any]
    apart: Callable[[Path], Any] | None = None

    def prepare(self, folder: Path) -> None:
        """Write all valid files."""
        for number, files in enumerate(self.sets):
            for name, content in files.items():
                path = folder / str(number) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

    def read_valid(self, folder: Path) -> None:
        """Read all valid files, once prepared."""
        for number in range(len(self.sets)):
            self.read(folder / str(number))

    @property
    def sets(self) -> tuple[Files, ...]:
        """The sets of valid files."""
        return _made(self.valid)

    def case(self, case: int) -> tuple[int, str, bytes]:
        """Return which set of files a case damages, which file in it, and what is in that file then."""
        random = Random(f"{self.name} {case}")
        number = random.randrange(len(self.sets))
        name = random.choice([name for name in self.sets[number] if self._damage(name)])
        damage = self._damage(name)
        assert damage is not None
        others = [
            content
            for files in self.sets
            for other, content in files.items()
            if self._damage(other) is damage
        ]
        return number, name, damage(random, self.sets[number][name], others)

    def failure(self, case: int, folder: Path, read: Callable[[Path], Any] | None = None) -> str | None:
        """Try one case; return what went wrong, None if the files were read or refused as they should be."""
        number, name, content = self.case(case)
        path = folder / str(number) / name
        path.write_bytes(content)
        try:
            (read or self.read)(folder / str(number))
        except AugforgeError as error:
            return None if str(error).strip() else "an error without a message"
        except BaseException as error:
            return _told(error)
        finally:
            path.write_bytes(self.sets[number][name])
        return None

    def _damage(self, name: str) -> Damage | None:
        return next((damage for end, damage in self.damaged.items() if name.endswith(end)), None)


def _told(error: BaseException) -> str:
    at = error.__traceback__
    places = []
    while at is not None:
        places.append(f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}")
        at = at.tb_next
    told = f"{type(error).__name__}: {error}"[:200].encode("ascii", "backslashreplace").decode()
    return f"{' '.join(told.split())} ({' > '.join(places[-6:])})"


@cache
def _made(valid: Callable[[], Sequence[Files]]) -> tuple[Files, ...]:
    return tuple(valid())


def _open(**spec: Any) -> Callable[[Path], None]:
    from augforge.sources import SourceSpec, open_source

    def read(folder: Path) -> None:
        path = folder / spec["path"]
        source = open_source(SourceSpec(**{**spec, "path": path}))
        assert source.images.ndim == 3
        int(source.images.sum())

    return read


def _idx(end: str = "") -> Callable[[], Sequence[Files]]:
    pack = gzip.compress if end else bytes

    def valid() -> Sequence[Files]:
        from augforge.sources.files.idx import make_header

        images = make_header(IMAGES.shape) + IMAGES.tobytes()
        labels = make_header(LABELS.shape) + LABELS.tobytes()
        return [
            {f"train-images-idx3-ubyte{end}": pack(images), f"train-labels-idx1-ubyte{end}": pack(labels)}
        ]

    return valid


def _csv(end: str = "") -> Callable[[], Sequence[Files]]:
    pack = gzip.compress if end else bytes

    def valid() -> Sequence[Files]:
        rows = np.concatenate([LABELS[:, np.newaxis], IMAGES[:, :4].reshape(3, -1)], axis=1).tolist()
        lines = [",".join(map(str, row)) for row in rows]
        heads = [",".join(["label", *(f"pixel{i}" for i in range(16))])]
        by_row = [",".join(["label", *(f"{i // 4 + 1}x{i % 4 + 1}" for i in range(16))])]
        texts = ["\n".join([*head, *lines]) + "\n" for head in ([], heads, by_row)]
        return [{f"digits.csv{end}": pack(text.encode())} for text in texts]

    return valid


def _npz() -> Sequence[Files]:
    found = []
    for save in (np.savez, np.savez_compressed):
        for images in (IMAGES, np.asfortranarray(IMAGES), IMAGES.reshape(3, -1)[:, :16]):
            stream = io.BytesIO()
            save(stream, images=images, labels=LABELS.astype(np.int64))
            found.append({"digits.npz": stream.getvalue()})
    return found


def _hdf5() -> Sequence[Files]:
    import h5py

    gzipped = {"chunks": (2, 5, 4), "compression": "gzip", "shuffle": True, "fletcher32": True}
    found = []
    for libver in ("earliest", "v110", "latest"):
        for options in ({}, {"chunks": (2, 5, 4)}, gzipped, {"chunks": (1, 5, 4), "compression": "lzf"}):
            stream = io.BytesIO()
            with h5py.File(stream, "w", libver=libver) as file:
                file.create_dataset("images", data=IMAGES, **options)
                file.create_dataset("labels", data=LABELS.astype(np.int32))
                file.create_group("more").attrs["note"] = ["a", "b"]
            found.append({"digits.h5": stream.getvalue()})
    return found


def _hdf5_here(path: str) -> Callable[[Path], None]:
    """Return what reads HDF5 files in this process: starting another one takes too long for every case."""
    from augforge.hdf5.reading import ArrayFile
    from augforge.sources.files import hdf5_file

    read = _open(path=path)

    def read_here(folder: Path) -> None:
        with mock.patch.object(hdf5_file, "SandboxedArrayFile", ArrayFile):
            read(folder)

    return read_here


def _hdf5_sandboxed(folder: Path) -> None:
    from augforge.hdf5 import sandbox

    with mock.patch.object(sandbox, "TIMEOUT", 3):
        _open(path="digits.h5")(folder)


def _pictures() -> Sequence[Files]:
    from PIL import Image

    def png(image: Any, **options: Any) -> bytes:
        stream = io.BytesIO()
        image.save(stream, "PNG", **options)
        return stream.getvalue()

    gray = Image.fromarray(IMAGES[0])
    colours = gray.convert("RGB")
    kinds = {
        "gray": png(gray),
        "bits": png(gray.convert("1")),
        "colours": png(colours),
        "opacity": png(colours.convert("RGBA")),
        "palette": png(colours.quantize(8)),
        "clear": png(gray, transparency=3),
        "interlaced": _interlaced(),
    }
    others = {name: kinds["gray"] if name != "interlaced" else kinds[name] for name in kinds}
    return [{f"0/{name}.png": kinds[name], "1/other.png": others[name]} for name in kinds]


def _photographs() -> Sequence[Files]:
    from PIL import Image

    found = []
    for kind, options in (("JPEG", {}), ("JPEG", {"progressive": True}), ("BMP", {})):
        for image in (Image.fromarray(IMAGES[0]), Image.fromarray(IMAGES[0]).convert("RGB")):
            stream = io.BytesIO()
            image.save(stream, kind, **options)
            found.append({f"a.{kind.lower()}": stream.getvalue()})
    return found


def _interlaced() -> bytes:
    """Return a PNG file of 1 x 1 pixels that says it is interlaced, which Pillow does not write."""
    head = b"\0\0\0\1\0\0\0\1\x08\0\0\0\1"
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0\x80")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(mutating.png_chunk(kind, body) for kind, body in chunks)


def _recipes() -> Sequence[Files]:
    return [{"recipe.yaml": text.encode(), "base.yaml": RECIPES[0].encode()} for text in RECIPES]


RECIPES = (
    "version: 1\nname: tiny\nsource: mnist-10k\ndistort:\n  - rotate: {degrees: [-12, 12]}\n",
    "version: 1\nname: t\nseed: 7\nsource: {path: digits.csv, format: csv, shape: [5, 4], classes: 10}\n"
    "variants: 3\nkeep_originals: false\ndistort:\n"
    "  - shift: {x: [-2, 2], y: {normal: {mean: 0, sd: 1, low: -2, high: 2}}}\n"
    "  - gray_level: {gain: [0.7, 1.2], bias: [-10, 10], probability: 0.5, for_labels: [1, 7]}\n",
    "extends: base.yaml\nname: more\nguard: {min_ink_kept: 0.9}\noutput: {shard_size: 2048, compression: gzip}\n",
    "version: 1\nname: groups\nsource: {dataset: mnist-10k, split: test}\nframe: [32, 30]\ndistort:\n"
    "  - one_of:\n      id: pen\n      weights: [2, 1]\n      steps:\n"
    "        - scale: {factor: {choice: [0.9, 1.1]}}\n        - pixel_dropout: {fraction: [0, 0.03]}\n"
    "  - some_of: {id: noise, count: [0, 1], steps: [{pixel_noise: {fraction: 0.01, value: [128, 255]}}]}\n",
)


def _read_recipe(folder: Path) -> None:
    from augforge import Forge, load_recipe, parse_recipe

    recipe = load_recipe(folder / "recipe.yaml")
    assert parse_recipe(recipe.to_yaml()) == recipe, "a recipe that does not round-trip"
    if all(side <= 64 for side in recipe.frame or ()):
        made = Forge(recipe, _tiny_source()).make([0])
        assert len(made.images) == 1


@cache
def _tiny_source() -> Any:
    from augforge.sources import Source

    return Source.from_arrays("tiny", "train", IMAGES, LABELS)


# Image shape, whether labelled, columns; number of samples.
MAKERS = (
    (((4, 5), True, ("tilt.degrees", "guard.attempts", "guard.pull")), 1030),
    (((4, 5), True, ()), 7),
    (((1, 1), False, ("guard.attempts",)), 1025),
)


def _dataset(compression: str) -> Callable[[], Sequence[Files]]:
    def valid() -> Sequence[Files]:
        from tests.datasets import FakeMaker

        found = []
        for maker, samples in MAKERS:
            with TemporaryDirectory() as scratch:
                folder = Path(scratch, "tiny")
                FakeMaker(*maker).build(folder, samples, compression=compression)
                found.append(
                    {
                        str(path.relative_to(folder)): path.read_bytes()
                        for path in folder.rglob("*")
                        if path.is_file()
                    }
                )
        return found

    return valid


def _read_dataset(folder: Path) -> None:
    from augforge.forge import FIELDS
    from augforge.reading.reader import ShardReader

    reader = ShardReader(folder)
    size = len(reader)
    fields = [field for field in FIELDS if field != "label" or reader.labelled]
    numbers = np.unique(np.clip([0, 1, 5, 1023, 1024, 1029, size // 2, size - 2, size - 1], 0, size - 1))
    found = reader.read(numbers, fields)
    assert found["image"].shape == (len(numbers), *reader.image_shape)


def _read_receipt(folder: Path) -> None:
    from augforge.format.commit_records import read_published, read_receipt
    from tests.datasets import FakeMaker

    maker, samples = MAKERS[int(folder.name)]
    for spec in FakeMaker(*maker).plan(samples):
        read_receipt(folder / "receipts" / spec.receipt_name)
        read_published(folder, spec)


TARGETS = (
    Target("IDX files", _idx(), {"ubyte": mutating.any_bytes}, _open(path=".", format="idx")),
    Target("gzipped IDX files", _idx(".gz"), {".gz": mutating.inside_gzip}, _open(path=".", format="idx")),
    Target("CSV files", _csv(), {".csv": mutating.any_bytes}, _open(path="digits.csv")),
    Target("gzipped CSV files", _csv(".gz"), {".gz": mutating.inside_gzip}, _open(path="digits.csv.gz")),
    Target("NPZ files", _npz, {".npz": mutating.inside_zip}, _open(path="digits.npz")),
    Target("HDF5 files", _hdf5, {".h5": mutating.any_bytes}, _hdf5_here("digits.h5"), _hdf5_sandboxed),
    Target("PNG pictures", _pictures, {".png": mutating.inside_png}, _open(path=".", colour="gray")),
    Target(
        "JPEG and BMP pictures",
        _photographs,
        {".jpeg": mutating.any_bytes, ".bmp": mutating.any_bytes},
        _open(path=".", colour="gray"),
    ),
    Target("recipes", _recipes, {".yaml": mutating.recipe_text}, _read_recipe),
    Target("manifests", _dataset("none"), {"manifest.json": mutating.inside_seal}, _read_dataset),
    Target(
        "manifests of gzipped sets", _dataset("gzip"), {"manifest.json": mutating.inside_seal}, _read_dataset
    ),
    Target(
        "manifests of sources", _dataset("none"), {"manifest.json": mutating.inside_seal}, _hdf5_here(".")
    ),
    Target("receipts", _dataset("none"), {"00000.json": mutating.inside_seal}, _read_receipt),
    *(
        Target(f"{kind} shards", _dataset(kind), {"00000.h5": mutating.any_bytes}, _read_dataset)
        for kind in ("gzip", "lz4", "zstd")
    ),
)


def target_named(name: str) -> Target:
    """Return a target by its name."""
    return next(target for target in TARGETS if target.name == name)
