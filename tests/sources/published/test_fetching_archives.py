"""Data sets in an archive, such as EMNIST: one download for all, and a record of hashes."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from augforge.errors import SourceError
from augforge.sources.published.fetching import Listener, fetch
from augforge.sources.published.local_files import RECORD
from augforge.sources.published.named import open_named
from tests.sources.published import web as making
from tests.sources.published.web import (  # noqa: F401
    IMAGES,
    LABELS,
    Web,
    data_dir_fixture,
    error_of,
    held,
    register_fixture,
    sha256,
    web_fixture,
)

pytestmark = pytest.mark.usefixtures("data_dir")

ARCHIVE = making.archive_bytes()
INSIDE = sorted(making.four_files(("tiny-train", "tiny-test")))


class TestArchives:
    @pytest.fixture
    def offered(self, web: Web, register: Any) -> Web:
        mirror = web.offer("nist", {"gzip.zip": ARCHIVE})
        for name in ("tiny-a", "tiny-b"):
            register(making.like_emnist(name, mirror, archive=ARCHIVE))
        return web

    def test_one_download_for_all_sets_in_it(self, offered: Web, data_dir: Path) -> None:
        notes: list[str] = []
        assert sorted(fetch("tiny-a", listener=Listener(notes.append)).added) == INSIDE
        assert held(data_dir / "tiny-a") == sorted([RECORD, *INSIDE])
        fetch("tiny-b", listener=Listener(notes.append))
        assert offered.asked == ["/nist/gzip.zip"]
        archive = data_dir / "tiny-archive" / "gzip.zip"
        assert notes == [
            f"{archive} is kept: data sets of the same archive need no other download",
            f"{archive} is already there: nothing is downloaded",
        ]

    def test_images_come_upright_and_labels_from_zero(self, offered: Web) -> None:
        fetch("tiny-a")
        source = open_named("tiny-a", "train")
        assert (source.images == IMAGES.transpose(0, 2, 1)).all()
        assert source.images.flags.c_contiguous
        assert source.labels is not None
        assert (source.labels == LABELS - 1).all()
        assert source.class_names == ("a", "b", "c")

    def test_a_second_time_the_archive_is_not_needed(self, offered: Web, data_dir: Path) -> None:
        fetch("tiny-a")
        shutil.rmtree(data_dir / "tiny-archive")
        assert sorted(fetch("tiny-a").held) == INSIDE
        assert len(offered.asked) == 1

    def test_an_archive_put_there_by_hand(self, offered: Web, tmp_path: Path) -> None:
        (tmp_path / "gzip.zip").write_bytes(ARCHIVE)
        assert sorted(fetch("tiny-a", tmp_path).added) == INSIDE
        assert offered.asked == []

    def test_right_files_without_a_record_are_compared_and_kept(self, offered: Web, data_dir: Path) -> None:
        fetch("tiny-a")
        (data_dir / "tiny-a" / RECORD).unlink()
        with pytest.raises(SourceError) as raised:
            open_named("tiny-a", "train")
        assert str(raised.value) == (
            f"{data_dir}/tiny-a: cannot determine whether tiny-train-images-idx3-ubyte.gz belongs to 'tiny-a': "
            "only the hash of its archive is published; 'augforge fetch tiny-a' extracts the file from the archive"
        )
        before = {path: path.stat().st_mtime_ns for path in (data_dir / "tiny-a").iterdir()}
        fetch("tiny-a")
        assert {path: path.stat().st_mtime_ns for path in before} == before
        assert len(open_named("tiny-a", "test")) == 3

    def test_other_files_without_a_record(self, offered: Web, data_dir: Path) -> None:
        target = data_dir / "tiny-a" / "tiny-test-labels-idx1-ubyte.gz"
        target.parent.mkdir(parents=True)
        target.write_bytes(b"mine")
        assert error_of("tiny-a") == (
            f"{target} differs from the file in the archive; nothing was changed. "
            "Move it away, or set another folder with --to"
        )
        assert target.read_bytes() == b"mine"

    def test_a_file_that_was_changed_since(self, offered: Web, data_dir: Path) -> None:
        fetch("tiny-a")
        changed = data_dir / "tiny-a" / "tiny-train-labels-idx1-ubyte.gz"
        right = sha256(changed.read_bytes())
        changed.write_bytes(b"mine")
        why = f"{sha256(b'mine')}, expected {right}"
        assert f"  {changed.name}: SHA-256 of the file {why}\n" in error_of("tiny-a")
        with pytest.raises(SourceError) as raised:
            open_named("tiny-a", "train")
        assert str(raised.value) == (
            f"{data_dir}/tiny-a: the labels of split 'train' are not those of 'tiny-a': SHA-256 of "
            f"{changed.name} {why}; for your own files write their path: {{path: FOLDER}}"
        )

    def test_a_damaged_record(self, offered: Web, data_dir: Path) -> None:
        fetch("tiny-a")
        (data_dir / "tiny-a" / RECORD).write_text("[]")
        assert error_of("tiny-a") == (
            f"{data_dir}/tiny-a/{RECORD}: damaged; delete it and fetch the data set again"
        )

    def test_another_archive_in_its_place(self, offered: Web, data_dir: Path) -> None:
        other = data_dir / "tiny-archive" / "gzip.zip"
        other.parent.mkdir(parents=True)
        other.write_bytes(b"mine")
        assert error_of("tiny-a") == (
            f"{other}: not the published archive: SHA-256 of the file {sha256(b'mine')}, "
            f"expected {sha256(ARCHIVE)}. Move it away, and try again"
        )
        assert other.read_bytes() == b"mine"

    @pytest.mark.parametrize("how", ["damaged", "not a zip file", "lacking a file"])
    def test_an_archive_that_cannot_be_used(self, how: str, web: Web, register: Any, data_dir: Path) -> None:
        data = making.archive_bytes(damaged=True) if how == "damaged" else ARCHIVE
        data = b"no zip" if how == "not a zip file" else data
        dataset = making.like_emnist("tiny-a", web.offer("nist", {"gzip.zip": data}), archive=data)
        if how == "lacking a file" and dataset.archive is not None:
            dataset = replace(dataset, archive=replace(dataset.archive, prefix="elsewhere/"))
        register(dataset)
        archive = f"{data_dir}/tiny-archive/gzip.zip"
        file = "tiny-train-images-idx3-ubyte.gz"
        expected = {
            "damaged": f"{archive}: damaged: Bad CRC-32 for file 'gzip/{file}'. Move it away, and try again",
            "not a zip file": f"{archive}: damaged: File is not a zip file. Move it away, and try again",
            "lacking a file": f"{archive}: There is no item named 'elsewhere/{file}' in the archive",
        }
        assert error_of("tiny-a") == expected[how]
        assert not (data_dir / "tiny-a").exists()

    def test_no_mirror_gives_the_archive(self, web: Web, register: Any, data_dir: Path) -> None:
        register(making.like_emnist("tiny-a", f"{web.address}/gone/", archive=ARCHIVE))
        assert error_of("tiny-a") == (
            "tiny-a: cannot download gzip.zip:\n"
            f"  {web.address}/gone/gzip.zip: answers 404 Not Found\n"
            f"Try again later; or get gzip.zip from elsewhere, put it into {data_dir}/tiny-archive, "
            "and run this again: its hash is checked"
        )
        assert not data_dir.exists()
