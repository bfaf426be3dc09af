"""Download a file, bounded in size and time.

Servers are untrusted: one may send another file, only a part of it or endless data, or redirect to another scheme.
The hash decides in the end, but a download must not fill the disk or hang before that.
"""

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from augforge.sources.published.local_files import write_file
from augforge.sources.published.registry import PublishedFile

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 30.0
SLOW_SECONDS, SLOW_BYTES = 60.0, 1000
"""After these seconds, fewer bytes a second count as no answer."""

_CHUNK = 1 << 16
_MAX_REDIRECTS = 5
# An answer that the server compresses once more would not have the published hash.
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "augforge"}


class DownloadError(Exception):
    """A server did not give the file; the message is the reason."""


def download(url: str, file: PublishedFile, path: Path, on_bytes: Callable[[int], None]) -> None:
    """Download a published file and verify its SHA-256.

    Parameters
    ----------
    url : str
        Where to download it from.
    file : PublishedFile
        Its published size and hash.
    path : Path
        The file to write.
    on_bytes : callable
        Called repeatedly with the number of bytes so far.

    Raises
    ------
    DownloadError
        If the server does not give exactly this file.
    OSError
        If the file cannot be written.
    """
    import requests

    with requests.Session() as session, _get(session, url) as answer:
        sha256 = write_file(path, _read_body(answer, file, on_bytes))
    if sha256 != file.sha256:
        raise DownloadError(f"not the file: SHA-256 {sha256}, expected {file.sha256}")


def _get(session: "requests.Session", url: str) -> "requests.Response":
    """Request a URL; follow redirects except from https to http."""
    import requests

    for _ in range(_MAX_REDIRECTS + 1):
        try:
            answer = session.get(
                url,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, SILENT_SECONDS),
                headers=_HEADERS,
            )
        except (requests.RequestException, ValueError) as error:
            raise DownloadError(_explain(error)) from None
        if not answer.is_redirect:
            break
        answer.close()
        url = _resolve_redirect(url, answer.headers["Location"])
    else:
        raise DownloadError(f"redirects more than {_MAX_REDIRECTS} times")
    if answer.status_code != HTTPStatus.OK:
        answer.close()
        raise DownloadError(f"answers {answer.status_code} {answer.reason or ''}".rstrip())
    return answer


def _resolve_redirect(url: str, location: str) -> str:
    target = urljoin(url, location)
    allowed = ("https",) if urlsplit(url).scheme == "https" else ("http", "https")
    if urlsplit(target).scheme not in allowed:
        raise DownloadError(f"redirects to {target}; allowed from here: {' and '.join(allowed)}")
    return target


def _read_body(
    answer: "requests.Response", file: PublishedFile, on_bytes: Callable[[int], None]
) -> Iterator[bytes]:
    """Yield the file as it arrives; check its size."""
    length = answer.headers.get("Content-Length", "")
    announced = int(length) if length.isascii() and length.isdigit() else None
    limit = _limit_size(announced, file)
    received = 0
    for part in _read_parts(answer, limit):
        yield part
        received += len(part)
        on_bytes(received)
    expected = announced if file.size is None else file.size
    if expected is not None and received != expected:
        raise DownloadError(f"the download was cut: {received:,} of {expected:,} bytes arrived")


def _limit_size(announced: int | None, file: PublishedFile) -> int:
    """Limit the bytes to accept; refuse a wrong announced size."""
    max_size = file.max_size
    if announced is None:
        if max_size is None:
            raise DownloadError("does not announce the size of the file, and no size is published")
        return max_size
    if max_size is not None and (announced > max_size or file.size not in (None, announced)):
        bound = "" if file.size is not None else "at most "
        raise DownloadError(f"offers {announced:,} bytes, but the file has {bound}{max_size:,}")
    return announced


def _read_parts(answer: "requests.Response", limit: int) -> Iterator[bytes]:
    """Yield data as it arrives; limit its size and slowness."""
    import urllib3

    start, received = time.monotonic(), 0
    try:
        # read1 returns available data: no waiting for a full chunk from a slow server.
        while part := answer.raw.read1(_CHUNK, decode_content=False):
            received += len(part)
            if received > limit:
                raise DownloadError(f"sends more than the {limit:,} bytes of the file")
            yield part
            seconds = time.monotonic() - start
            if seconds > SLOW_SECONDS and received < SLOW_BYTES * seconds:
                raise DownloadError(f"is too slow: {received:,} bytes in {seconds:.0f} seconds")
    except urllib3.exceptions.HTTPError as error:
        if any(isinstance(one, urllib3.exceptions.IncompleteRead) for one in _chain(error)):
            raise DownloadError(f"the download was cut after {received:,} bytes") from None
        raise DownloadError(
            f"{_explain(error, 'the connection was lost')}, after {received:,} bytes"
        ) from None


def _explain(error: BaseException, what: str = "no connection") -> str:
    """Name the cause of an error by requests or urllib3."""
    import requests
    import urllib3

    causes = list(_chain(error))
    if any(isinstance(one, requests.exceptions.SSLError | urllib3.exceptions.SSLError) for one in causes):
        return f"its certificate is not accepted: {causes[-1]}"
    if any(isinstance(one, urllib3.exceptions.NameResolutionError) for one in causes):
        return "no connection: unknown host name"
    # urllib3 counts a refused connection among the timeouts, so the system's own error comes first.
    for one in reversed(causes):
        if isinstance(one, OSError) and one.strerror:
            return f"{what}: {one.strerror}"
    if any(isinstance(one, requests.ConnectTimeout) for one in causes):
        return f"no connection within {CONNECT_SECONDS:g} seconds"
    if any(isinstance(one, requests.Timeout | urllib3.exceptions.TimeoutError) for one in causes):
        return f"no answer within {SILENT_SECONDS:g} seconds"
    return f"{what}: {causes[-1] or type(error).__name__}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and the errors inside it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        wrapped = [getattr(error, "reason", None), *error.args, error.__cause__, error.__context__]
        error = next((one for one in wrapped if isinstance(one, BaseException) and id(one) not in seen), None)
