"""Fetching small data sets from a loopback server."""

import errno
import gzip
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from augforge.errors import SourceError
from augforge.sources.published import local_files
from augforge.sources.published.fetching import Listener, fetch
from augforge.sources.published.named import DATASETS, open_named
from tests.sources.published import web as making
from tests.sources.published.web import (  # noqa: F401
    IMAGES,
    LABELS,
    Web,
    data_dir_fixture,
    error_of,
    held,
    packed,
    register_fixture,
    sha256,
    tiny_fixture,
    web_fixture,
)

PLAIN = making.four_files()
FILES = packed(PLAIN)
NAMES = sorted(FILES)
FIRST = "train-images-idx3-ubyte.gz"
BY_HAND = (
    "Try again later; or get train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], "
    "t10k-images-idx3-ubyte[.gz], t10k-labels-idx1-ubyte[.gz] from elsewhere, put them into {folder}, "
    "and run this again: their hashes are checked"
)


pytestmark = pytest.mark.usefixtures("data_dir")


class TestFiles:
    def test_all_files_come_and_are_opened_by_name(self, tiny: Web, data_dir: Path) -> None:
        fetched = fetch("tiny")
        assert fetched.folder == data_dir / "tiny"
        assert (fetched.held, sorted(fetched.added)) == ((), NAMES)
        assert held(fetched.folder) == NAMES
        assert all((fetched.folder / name).read_bytes() == data for name, data in FILES.items())
        source = open_named("tiny", "test")
        assert (source.images == IMAGES[:3]).all()
        assert (source.labels == LABELS[:3]).all()
        assert source.class_names == ("a", "b", "c", "d")

    def test_files_can_be_read_by_others(self, tiny: Web) -> None:
        assert all(path.stat().st_mode & 0o777 == 0o644 for path in fetch("tiny").folder.iterdir())

    def test_another_folder(self, tiny: Web, tmp_path: Path, data_dir: Path) -> None:
        assert held(fetch("tiny", tmp_path / "a" / "b").folder) == NAMES
        assert not data_dir.exists()

    def test_a_second_time_nothing_is_downloaded(self, tiny: Web) -> None:
        fetch("tiny")
        tiny.asked.clear()
        again = fetch("tiny")
        assert (sorted(again.held), again.added, tiny.asked) == (NAMES, (), [])

    @pytest.mark.parametrize("how", ["plain", "dotted", "packed by someone else", "more beside them"])
    def test_a_folder_that_holds_the_files_is_used_as_it_is(
        self, how: str, tiny: Web, tmp_path: Path
    ) -> None:
        for name, data in PLAIN.items():
            plain = name.removesuffix(".gz")
            if how == "packed by someone else":
                (tmp_path / name).write_bytes(gzip.compress(data, 1))
            else:
                (tmp_path / (plain.replace("-idx", ".idx") if how == "dotted" else plain)).write_bytes(data)
        if how == "more beside them":
            (tmp_path / "notes.txt").write_text("mine")
        before = held(tmp_path)
        fetched = fetch("tiny", tmp_path)
        assert (sorted(fetched.held), fetched.added, tiny.asked) == (NAMES, (), [])
        assert held(tmp_path) == before

    def test_only_missing_files_are_downloaded(self, tiny: Web, data_dir: Path) -> None:
        fetch("tiny")
        (data_dir / "tiny" / FIRST).unlink()
        tiny.asked.clear()
        assert fetch("tiny").added == (FIRST,)
        assert tiny.asked == [f"/good/{FIRST}"]

    def test_uncompressed_files_without_published_hash_are_missing(
        self, web: Web, register: Any, data_dir: Path
    ) -> None:
        register(making.like_mnist("tiny", web.offer("good", FILES), contents_known=False))
        (data_dir / "tiny").mkdir(parents=True)
        for name, data in PLAIN.items():
            (data_dir / "tiny" / name.removesuffix(".gz")).write_bytes(data)
        (data_dir / "tiny" / FIRST).write_bytes(FILES[FIRST])
        assert sorted(fetch("tiny").added) == sorted(set(NAMES) - {FIRST})
        assert len(open_named("tiny", "train")) == 6

    def test_an_unknown_size_is_bounded_by_the_published_shape(self, web: Web, register: Any) -> None:
        register(making.without_sizes(making.like_mnist("tiny", web.offer("good", FILES))))
        assert len(fetch("tiny").added) == 4

    def test_the_bundled_data_set(self) -> None:
        fetched = fetch("mnist-10k")
        assert (len(fetched.held), fetched.added) == (4, ())

    def test_progress_and_notes(self, tiny: Web, register: Any) -> None:
        register(making.like_mnist("tiny", f"{tiny.address}/bad/", f"{tiny.address}/good/"))
        notes, told = [], []
        fetch(
            "tiny",
            listener=Listener(notes.append, lambda file, got, total: told.append((file.name, got, total))),
        )
        assert notes == [
            f"{tiny.address}/bad/{FIRST}: answers 404 Not Found; trying the next mirror",
        ]
        assert {(name, len(FILES[name]), len(FILES[name])) for name in NAMES} <= set(told)


class TestMirrors:
    def test_the_next_is_tried_and_the_good_one_is_remembered(self, tiny: Web, register: Any) -> None:
        register(making.like_mnist("tiny", f"{tiny.address}/bad/", f"{tiny.address}/good/"))
        fetch("tiny")
        assert tiny.asked[:2] == [f"/bad/{FIRST}", f"/good/{FIRST}"]
        assert all(path.startswith("/good/") for path in tiny.asked[1:])
        assert len(tiny.asked) == 5

    def test_one_with_another_file_is_passed_over(self, tiny: Web, register: Any, data_dir: Path) -> None:
        other = bytes(len(FILES[FIRST]))
        mirrors = (tiny.offer("other", {FIRST: other}), f"{tiny.address}/good/")
        register(making.like_mnist("tiny", *mirrors))
        fetch("tiny")
        assert (data_dir / "tiny" / FIRST).read_bytes() == FILES[FIRST]

    def test_all_fail_each_with_its_reason(self, web: Web, register: Any, data_dir: Path) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        other = bytes(len(FILES[FIRST]))
        mirrors = (nobody, f"{web.address}/gone/", web.offer("other", {FIRST: other}))
        register(making.like_mnist("tiny", *mirrors))
        assert error_of("tiny") == (
            f"tiny: cannot download {FIRST}:\n"
            f"  {nobody}{FIRST}: no connection: Connection refused\n"
            f"  {web.address}/gone/{FIRST}: answers 404 Not Found\n"
            f"  {web.address}/other/{FIRST}: not the file: SHA-256 {sha256(other)}, "
            f"expected {sha256(FILES[FIRST])}\n" + BY_HAND.format(folder=data_dir / "tiny")
        )
        assert not data_dir.exists()

    def test_no_network(self, register: Any, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
        def nowhere(*_: object, **__: object) -> None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", nowhere)
        register(making.like_mnist("tiny", "http://data.invalid/"))
        assert f"http://data.invalid/{FIRST}: no connection: unknown host name\n" in error_of("tiny")
        assert not data_dir.exists()

    def test_files_downloaded_before_a_failure_are_kept(
        self, web: Web, register: Any, data_dir: Path
    ) -> None:
        last = "t10k-labels-idx1-ubyte.gz"
        register(making.like_mnist("tiny", web.offer("good", {k: v for k, v in FILES.items() if k != last})))
        message = error_of("tiny")
        assert message.endswith(
            f"get t10k-labels-idx1-ubyte[.gz] from elsewhere, put it into {data_dir}/tiny, "
            "and run this again: its hash is checked"
        )
        assert held(data_dir / "tiny") == sorted(set(NAMES) - {last})
        with pytest.raises(SourceError, match=r"incomplete: t10k-labels-idx1-ubyte\[.gz\] is missing in"):
            open_named("tiny", "test")


class TestFolders:
    def test_other_files_under_its_names(self, tiny: Web, tmp_path: Path) -> None:
        folder = tmp_path / "mine"
        folder.mkdir()
        own = {
            FIRST: gzip.compress(bytes(112)),
            "train-labels-idx1-ubyte": b"mine",
            "t10k-images-idx3-ubyte.gz": b"\x1f\x8b",
        }
        for name, data in own.items():
            (folder / name).write_bytes(data)
        assert error_of("tiny", folder) == (
            f"{folder} holds other files under the names of 'tiny':\n"
            f"  {FIRST}: SHA-256 of the uncompressed file {sha256(bytes(112))}, expected {sha256(PLAIN[FIRST])}\n"
            "  train-labels-idx1-ubyte: damaged, or of another size\n"
            "  t10k-images-idx3-ubyte.gz: damaged, or of another size\n"
            "Nothing was changed. Move them away, or set another folder with --to"
        )
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == own
        assert tiny.asked == []

    def test_a_file_with_too_large_content_is_wrong(self, tiny: Web, tmp_path: Path) -> None:
        (tmp_path / FIRST).write_bytes(gzip.compress(PLAIN[FIRST] + bytes(10_000_000)))
        assert f"  {FIRST}: damaged, or of another size\n" in error_of("tiny", tmp_path)

    def test_a_file_in_place_of_the_folder(self, tiny: Web, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("mine")
        assert error_of("tiny", tmp_path / "file") == (
            f"{tmp_path}/file: a file; needed: a folder for the files of 'tiny'"
        )

    def test_a_file_above_the_folder(self, tiny: Web, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("mine")
        assert error_of("tiny", tmp_path / "file" / "sets") == (
            f"{tmp_path}/file/sets: cannot be written: Not a directory; "
            "set another folder with --to or AUGFORGE_DATA_DIR"
        )

    def test_a_read_only_folder(self, tiny: Web, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(*_: object, **__: object) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr(Path, "mkdir", refused)
        assert error_of("tiny") == (
            f"{data_dir}/tiny: cannot be written: Read-only file system; "
            "set another folder with --to or AUGFORGE_DATA_DIR"
        )

    def test_too_little_space_is_reported_first(
        self, tiny: Web, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = shutil.disk_usage("/")._replace(free=5)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
        needed = sum(map(len, FILES.values()))
        assert error_of("tiny") == f"{data_dir}/tiny: too little space: {needed} bytes are needed, 5 are free"
        assert not data_dir.exists()
        assert tiny.asked == []

    def test_a_disk_that_fills_up(self, tiny: Web, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(local_files.os, "fsync", full)
        assert error_of("tiny") == (
            f"{data_dir}/tiny: cannot be written: No space left on device; make room, and run this again"
        )
        assert not data_dir.exists()

    def test_an_interruption_leaves_nothing(self, tiny: Web, data_dir: Path) -> None:
        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fetch("tiny", listener=Listener(progress=interrupt))
        assert not data_dir.exists()


class TestArguments:
    def test_an_unknown_name(self) -> None:
        assert error_of("fashon-mnist") == (
            "unknown data set 'fashon-mnist'. Did you mean 'fashion-mnist'? Available: "
            + ", ".join(sorted(DATASETS))
        )

    def test_a_folder_for_the_bundled_data_set(self, tmp_path: Path) -> None:
        assert error_of("mnist-10k", tmp_path) == (
            "'mnist-10k' comes with augforge and is not downloaded; its files are in "
            f"{DATASETS['mnist-10k'].folder()}"
        )
