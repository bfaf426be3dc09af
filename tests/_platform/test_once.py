"""A right that one process of a command gets."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from augforge._platform.once import Once

once = Once("AUGFORGE_TEST_ONCE")


def take(_: int) -> bool:
    return once.take()


def test_of_many_threads_one_gets_it() -> None:
    mine = Once("AUGFORGE_TEST_ONCE_THREADS")
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: mine.take(), range(100))) == 1


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_of_many_forked_processes_one_gets_it() -> None:
    global once
    once = Once("AUGFORGE_TEST_ONCE_FORKED")
    with ProcessPoolExecutor(4, multiprocessing.get_context("fork")) as pool:
        assert sum(pool.map(take, range(40))) == 1
    assert not once.take()


def test_spawned_processes_do_not_get_it_after_their_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUGFORGE_TEST_ONCE", raising=False)
    global once
    once = Once("AUGFORGE_TEST_ONCE")
    assert once.take()
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        assert not any(pool.map(take, range(4)))
