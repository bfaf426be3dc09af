"""Locks of files, and file systems without them."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from augforge._platform.locking import Lock, try_lock, unlock

# All error numbers but those that a lock of another process can cause.
WITHOUT_LOCKS = sorted(
    set(errno.errorcode) - {errno.EAGAIN, errno.EACCES, errno.EINTR, errno.EALREADY, errno.EINPROGRESS}
)


def test_one_at_a_time(tmp_path: Path) -> None:
    first, second = (os.open(tmp_path, os.O_RDONLY) for _ in range(2))
    try:
        assert try_lock(first) is Lock.HELD
        assert try_lock(second) is Lock.TAKEN
        unlock(first)
        assert try_lock(second) is Lock.HELD
    finally:
        os.close(first)
        os.close(second)


def answering(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.parametrize("number", WITHOUT_LOCKS)
def test_whatever_means_no_locks_here(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    answering(number, monkeypatch)
    assert try_lock(0) is Lock.UNAVAILABLE
    unlock(0)


def test_what_can_mean_either_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(errno.EACCES, monkeypatch)
    with pytest.raises(PermissionError):
        try_lock(0)
