"""A token that one process of a command takes."""

import multiprocessing
import os
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


@pytest.mark.parametrize("reused", [False, True])
def test_a_pipe_that_was_closed_is_not_mistaken_for_what_took_its_number(
    monkeypatch: pytest.MonkeyPatch, reused: bool
) -> None:
    monkeypatch.delenv("AUGFORGE_TEST_ONCE_CLOSED", raising=False)
    mine = Once("AUGFORGE_TEST_ONCE_CLOSED")
    reading, writing = os.pipe()  # of other code, with a byte for it
    os.write(writing, b"x")
    os.close(writing)
    os.close(mine._pipe)
    if reused:
        os.dup2(reading, mine._pipe)
    assert [mine.take() for _ in range(3)] == [True, False, False]
    assert os.read(reading, 2) == b"x"
    os.close(reading)
    if reused:
        os.close(mine._pipe)
