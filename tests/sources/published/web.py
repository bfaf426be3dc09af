"""A loopback web server that offers small data sets like public ones."""

import contextlib
import gzip
import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.sources.published.fetching import Listener, fetch
from augforge.sources.published.named import DATASETS, Archive, NamedDataset, make_splits
from augforge.sources.published.registry import PublishedFile
from tests.sources.conftest import idx_bytes

# The real files, where they are at hand.
MNIST = Path(os.environ.get("AUGFORGE_MNIST_DIR") or Path(__file__).parents[4] / "shared" / "mnist")
FASHION_MNIST = Path(os.environ.get("AUGFORGE_FASHION_MNIST_DIR") or "/usr/share/datasets/fashion-mnist")

Answer = Callable[[BaseHTTPRequestHandler], None]

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4), np.uint8)
LABELS = np.array([1, 2, 3, 1, 2, 3], np.uint8)


class Web:
    """What the server answers by path; `asked` are the paths that were asked for, in order."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Answer] = {}
        self.asked: list[str] = []
        self.address = ""

    def offer(self, place: str, files: dict[str, bytes]) -> str:
        """Offer files below a place; return that of their URLs which comes before their names."""
        self.answers.update({f"/{place}/{name}": data for name, data in files.items()})
        return f"{self.address}/{place}/"


@contextlib.contextmanager
def serving() -> Iterator[Web]:
    """Run a server on a free port of loopback; it ends with the block."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked.append(self.path)
            answer = web.answers.get(self.path)
            if answer is None:
                self.send_error(404)
            elif callable(answer):
                with contextlib.suppress(ConnectionError):
                    answer(self)
            else:
                send(self, answer, length=len(answer))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(name="web")
def web_fixture() -> Iterator[Web]:
    with serving() as web:
        yield web


@pytest.fixture(name="data_dir")
def data_dir_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder in which data sets are kept; it is not there yet."""
    monkeypatch.setenv("AUGFORGE_DATA_DIR", str(tmp_path / "sets"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "sets"


@pytest.fixture(name="register")
def register_fixture(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Callable[[NamedDataset], None]:
    """Give what makes a data set known, for the time of a test."""
    return lambda dataset: monkeypatch.setitem(DATASETS, dataset.name, dataset)


@pytest.fixture(name="tiny")
def tiny_fixture(web: Web, register: Callable[[NamedDataset], None]) -> Web:
    """Give the server, which offers the data set "tiny" as it should be, below "good"."""
    register(like_mnist("tiny", web.offer("good", packed(four_files()))))
    return web


def error_of(name: str, to: Path | None = None, listener: Listener | None = None) -> str:
    """Return the message with which a data set is not fetched."""
    with pytest.raises(SourceError) as raised:
        fetch(name, to, listener)
    return str(raised.value)


def send(handler: BaseHTTPRequestHandler, data: bytes, *, length: int | None) -> None:
    """Answer with a file, announcing some length or none."""
    handler.send_response(200)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(data)


def redirect(target: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def four_files(prefixes: tuple[str, str] = ("train", "t10k")) -> dict[str, bytes]:
    """Return uncompressed IDX files, by their names with .gz: six images to train, three to test."""
    plain = {}
    for prefix, count in zip(prefixes, (6, 3), strict=True):
        plain[f"{prefix}-images-idx3-ubyte.gz"] = idx_bytes(IMAGES[:count])
        plain[f"{prefix}-labels-idx1-ubyte.gz"] = idx_bytes(LABELS[:count])
    return plain


def packed(plain: dict[str, bytes]) -> dict[str, bytes]:
    return {name: gzip.compress(data, mtime=0) for name, data in plain.items()}


def like_mnist(name: str, *mirrors: str, contents_known: bool = True) -> NamedDataset:
    """Return a data set of `four_files`; like MNIST, or, where only the packed files are known, like KMNIST."""
    plain = four_files()
    files = tuple(
        PublishedFile(
            file,
            sha256(data),
            len(data),
            sha256(plain[file]) if contents_known else None,
            len(plain[file]),
        )
        for file, data in packed(plain).items()
    )
    return NamedDataset(
        name, "made up", make_splits(files), tuple("abcd"), mirrors=mirrors or ("https://data.invalid/",)
    )


def archive_bytes(*, damaged: bool = False) -> bytes:
    """Return a zip file with the files of `like_emnist`, as NIST's is."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in packed(four_files(("tiny-train", "tiny-test"))).items():
            archive.writestr(zipfile.ZipInfo(f"gzip/{name}"), data)
    data = bytearray(buffer.getvalue())
    if damaged:
        data[90] ^= 0xFF  # in what the first file holds
    return bytes(data)


def like_emnist(name: str, *mirrors: str, archive: bytes) -> NamedDataset:
    """Return a data set in an archive, transposed, with labels from 1."""
    files = tuple(PublishedFile(file) for file in four_files(("tiny-train", "tiny-test")))
    return NamedDataset(
        name,
        "made up",
        make_splits(files),
        tuple("abc"),
        mirrors or ("https://data.invalid/",),
        Archive(PublishedFile("gzip.zip", sha256(archive), len(archive)), "gzip/", "tiny-archive"),
        transposed=True,
        first_label=1,
    )


def without_sizes(dataset: NamedDataset) -> NamedDataset:
    """Return a data set of which, as of QMNIST, only hashes and shapes are published."""
    files = tuple(replace(file, size=None) for file in dataset.files)
    return replace(dataset, splits=make_splits(files))


def held(folder: Path) -> list[str]:
    """Return what is in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())
