"""Each bad server is given up for its reason, and leaves no file."""

import http.server
import re
import socket
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from augforge.sources.published import downloading
from augforge.sources.published.fetching import fetch
from tests.sources.published import web as making
from tests.sources.published.web import (  # noqa: F401
    Web,
    data_dir_fixture,
    error_of,
    packed,
    redirect,
    register_fixture,
    send,
    sha256,
    tiny_fixture,
    web_fixture,
)

FILES = packed(making.four_files())
FIRST = "train-images-idx3-ubyte.gz"


def failing(web: Web, answer: making.Answer | bytes, register: Any, folder: Path) -> str:
    """Return the reason for which a mirror that answers so is given up; nothing must be left behind."""
    web.answers[f"/bad/{FIRST}"] = answer
    register(making.like_mnist("tiny", f"{web.address}/bad/"))
    message = error_of("tiny")
    assert not folder.exists()
    first, reason, *rest = message.split("\n")
    assert first == f"tiny: cannot download {FIRST}:"
    assert len(rest) == 1
    start = f"  {web.address}/bad/{FIRST}: "
    assert reason.startswith(start)
    return reason.removeprefix(start).replace(web.address, "ADDRESS")


def cut(handler: http.server.BaseHTTPRequestHandler) -> None:
    send(handler, FILES[FIRST][:20], length=len(FILES[FIRST]))


def cut_silently(handler: http.server.BaseHTTPRequestHandler) -> None:
    send(handler, FILES[FIRST][:20], length=None)


def reset(handler: http.server.BaseHTTPRequestHandler) -> None:
    send(handler, FILES[FIRST][:20], length=len(FILES[FIRST]))
    # With that, closing sends a reset.
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.05)
    handler.connection.close()


def another_length(handler: http.server.BaseHTTPRequestHandler) -> None:
    send(handler, b"", length=10**15)


def endless(handler: http.server.BaseHTTPRequestHandler) -> None:
    send(handler, b"", length=None)
    for _ in range(10_000):
        handler.wfile.write(bytes(10_000))


def silent(_: http.server.BaseHTTPRequestHandler) -> None:
    time.sleep(0.6)


def silent_later(handler: http.server.BaseHTTPRequestHandler) -> None:
    send(handler, FILES[FIRST][:20], length=len(FILES[FIRST]))
    time.sleep(0.6)


def trickling(handler: http.server.BaseHTTPRequestHandler) -> None:
    send(handler, b"", length=len(FILES[FIRST]))
    for byte in FILES[FIRST]:
        handler.wfile.write(bytes((byte,)))
        time.sleep(0.02)


def packed_again(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(FILES[FIRST])))
    handler.end_headers()
    handler.wfile.write(FILES[FIRST])


SIZE = len(FILES[FIRST])
BAD_SERVERS = {
    "wrong hash": (
        bytes(SIZE),
        f"not the file: SHA-256 {sha256(bytes(SIZE))}, expected {sha256(FILES[FIRST])}",
    ),
    "cut": (cut, "the download was cut after 20 bytes"),
    "reset": (reset, r"the connection was lost: Connection reset by peer, after \d+ bytes"),
    "cut, length not announced": (cut_silently, f"the download was cut: 20 of {SIZE} bytes arrived"),
    "announces another length": (
        another_length,
        f"offers 1,000,000,000,000,000 bytes, but the file has {SIZE}",
    ),
    "never ends": (endless, f"sends more than the {SIZE} bytes of the file"),
    "says nothing": (silent, "no answer within 0.2 seconds"),
    "falls silent": (silent_later, "no answer within 0.2 seconds, after 20 bytes"),
    "trickles": (trickling, r"is too slow: \d+ bytes in 0 seconds"),
    "to a file": (
        redirect("file:///etc/passwd"),
        "redirects to file:///etc/passwd; allowed from here: http and https",
    ),
    "to another scheme": (
        redirect("ftp://127.0.0.1/x"),
        "redirects to ftp://127.0.0.1/x; allowed from here: http and https",
    ),
    "in circles": (redirect(FIRST), "redirects more than 5 times"),
}


# How much came before is a matter of time.
UNCERTAIN = ("reset", "trickles")


class TestBadServers:
    @pytest.mark.parametrize("name", BAD_SERVERS)
    def test_it_is_given_up_for_its_reason_and_leaves_nothing(
        self, name: str, web: Web, register: Any, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if name in ("says nothing", "falls silent"):
            monkeypatch.setattr(downloading, "SILENT_SECONDS", 0.2)
        if name == "trickles":
            monkeypatch.setattr(downloading, "SLOW_SECONDS", 0.1)
        answer, expected = BAD_SERVERS[name]
        reason = failing(web, answer, register, data_dir)
        assert re.fullmatch(expected, reason) if name in UNCERTAIN else reason == expected

    def test_an_unknown_size_is_bounded_too(self, web: Web, register: Any, data_dir: Path) -> None:
        web.answers[f"/bad/{FIRST}"] = endless
        register(making.without_sizes(making.like_mnist("tiny", f"{web.address}/bad/")))
        # 16 bytes of header and six images of 4 x 4, and what packing can add at most.
        assert f"{FIRST}: sends more than the 1,136 bytes of the file\n" in error_of("tiny")

    def test_from_https_to_http(self) -> None:
        with pytest.raises(
            downloading.DownloadError,
            match=r"^redirects to http://b/y; allowed from here: https$",
        ):
            downloading._resolve_redirect("https://a/x", "http://b/y")
        assert downloading._resolve_redirect("https://a/x/f", "g") == "https://a/x/g"

    def test_a_redirect_to_another_place_is_followed(self, tiny: Web, register: Any) -> None:
        for name in FILES:
            tiny.answers[f"/moved/{name}"] = redirect(f"/good/{name}")
        register(making.like_mnist("tiny", f"{tiny.address}/moved/"))
        assert len(fetch("tiny").added) == 4

    def test_a_download_is_not_decompressed(self, tiny: Web) -> None:
        # Some servers take the .gz for how they send the file, and not for what it is.
        tiny.answers[f"/good/{FIRST}"] = packed_again
        assert len(fetch("tiny").added) == 4
