"""One file from one server, as pooch's downloader: bounded in size and time, and every failure in words.

A server is a stranger. It may answer with another file, with none, with half of one, or never end; it may point to
another scheme. Who wrote the answer does not matter in the end, since its hash must be the published one; but until
that is known it must not fill the disk or hold up the user.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from augforge.sources.published.registry import PublishedFile

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 30.0
SLOW_SECONDS, SLOW_BYTES = 60.0, 1000
"""Fewer bytes a second than that, after so many seconds, is as good as no answer."""

_CHUNK = 1 << 16
_MOST_REDIRECTS = 5
# An answer that the server packs once more would not have the published hash.
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "augforge"}


class DownloadError(Exception):
    """One server did not give the file; its text is the reason, without URL and full stop."""


@dataclass
class Download:
    """Downloads one published file; called by pooch with a URL and the path of a temporary file.

    Attributes
    ----------
    file
        What is downloaded.
    on_bytes
        Called with the number of bytes that there are, again and again.
    sha256
        SHA-256 of what came, once all of it has.
    """

    file: PublishedFile
    on_bytes: Callable[[int], None]
    sha256: str = ""

    def __call__(self, url: str, output_file: str, pooch: object) -> None:  # noqa: ARG002
        """Download a URL into a file.

        Raises
        ------
        DownloadError
            If it does not come, or not whole.
        OSError
            If it cannot be written.
        """
        import requests

        hasher = hashlib.sha256()
        with (
            requests.Session() as session,
            _answer(session, url) as answer,
            open(output_file, "wb") as output,
        ):
            got = 0
            for part in _parts(answer, self._bound(answer)):
                output.write(part)
                hasher.update(part)
                got += len(part)
                self.on_bytes(got)
            self._check_whole(got, answer)
            output.flush()
            os.fsync(output.fileno())
        # pooch's temporary files are for their owner alone.
        os.chmod(output_file, 0o644)
        self.sha256 = hasher.hexdigest()

    def _bound(self, answer: "requests.Response") -> int:
        """Return how many bytes may come; refuse before the first if the server says that they will not do."""
        announced, at_most = _announced(answer), self.file.at_most
        if announced is not None and self.file.size is not None and announced != self.file.size:
            raise DownloadError(f"offers {announced:,} bytes, but the file has {self.file.size:,}")
        if announced is not None and at_most is not None and announced > at_most:
            raise DownloadError(f"offers {announced:,} bytes, but the file has {at_most:,} at most")
        bounds = [bound for bound in (announced, at_most) if bound is not None]
        if not bounds:
            raise DownloadError("does not say how large the file is, and nobody else does")
        return min(bounds)

    def _check_whole(self, got: int, answer: "requests.Response") -> None:
        expected = self.file.size if self.file.size is not None else _announced(answer)
        if expected is not None and got != expected:
            raise DownloadError(f"the download was cut: {got:,} of {expected:,} bytes came")


def _announced(answer: "requests.Response") -> int | None:
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def _answer(session: "requests.Session", url: str) -> "requests.Response":
    """Return the answer whose body is the file, after redirects within http and https, never from https to http."""
    import requests

    for _ in range(_MOST_REDIRECTS + 1):
        try:
            answer = session.get(
                url,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, SILENT_SECONDS),
                headers=_HEADERS,
            )
        except (requests.RequestException, ValueError) as error:
            raise DownloadError(_reason(error)) from None
        if not answer.is_redirect:
            break
        answer.close()
        url = _redirected(url, answer.headers["Location"])
    else:
        raise DownloadError(f"redirects more than {_MOST_REDIRECTS} times")
    if answer.status_code != HTTPStatus.OK:
        answer.close()
        raise DownloadError(f"answers {answer.status_code} {answer.reason or ''}".rstrip())
    return answer


def _redirected(url: str, location: str) -> str:
    target = urljoin(url, location)
    allowed = ("https",) if urlsplit(url).scheme == "https" else ("http", "https")
    if urlsplit(target).scheme not in allowed:
        raise DownloadError(f"redirects to {target}, but only {' and '.join(allowed)} are followed from here")
    return target


def _parts(answer: "requests.Response", bound: int) -> Iterator[bytes]:
    """Yield what comes, as it comes; give up on a server that sends too much or next to nothing."""
    import urllib3

    start, got = time.monotonic(), 0
    try:
        # read1 returns what is there: a slow server must not be waited for until a chunk is full.
        while part := answer.raw.read1(_CHUNK, decode_content=False):
            got += len(part)
            if got > bound:
                raise DownloadError(f"sends more than the {bound:,} bytes that the file has")
            yield part
            seconds = time.monotonic() - start
            if seconds > SLOW_SECONDS and got < SLOW_BYTES * seconds:
                raise DownloadError(f"is too slow: {got:,} bytes in {seconds:.0f} seconds")
    except urllib3.exceptions.HTTPError as error:
        if any(isinstance(one, urllib3.exceptions.IncompleteRead) for one in _chain(error)):
            raise DownloadError(f"the download was cut after {got:,} bytes") from None
        raise DownloadError(f"{_reason(error, 'the connection was lost')}, after {got:,} bytes") from None


def _reason(error: BaseException, what: str = "no connection") -> str:
    """Return what is behind an error of requests or urllib3, which wrap it several times, in a few words."""
    import requests
    import urllib3

    behind = list(_chain(error))
    if any(isinstance(one, requests.exceptions.SSLError | urllib3.exceptions.SSLError) for one in behind):
        return f"its certificate is not accepted: {behind[-1]}"
    if any(isinstance(one, urllib3.exceptions.NameResolutionError) for one in behind):
        return "no connection: its name is not known here"
    # urllib3 counts a refused connection among the timeouts, so what the system says comes first.
    for one in reversed(behind):
        if isinstance(one, OSError) and one.strerror:
            return f"{what}: {one.strerror}"
    if any(isinstance(one, requests.ConnectTimeout) for one in behind):
        return f"no connection within {CONNECT_SECONDS:g} seconds"
    if any(isinstance(one, requests.Timeout | urllib3.exceptions.TimeoutError) for one in behind):
        return f"no answer within {SILENT_SECONDS:g} seconds"
    return f"{what}: {behind[-1] or type(error).__name__}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it wraps, as cause, context, reason or argument."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        wrapped = [getattr(error, "reason", None), *error.args, error.__cause__, error.__context__]
        error = next((one for one in wrapped if isinstance(one, BaseException) and id(one) not in seen), None)
