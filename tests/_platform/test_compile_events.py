"""Compiling is reported once, in its thread, and only if it really happens."""

import threading

import numba

from augforge._platform.compile_events import report_compiling


def compile_anew() -> None:
    numba.njit(lambda x: x + 1)(1)


def test_compiling_is_reported_once() -> None:
    reported: list[int] = []
    with report_compiling(lambda: reported.append(1)):
        assert not reported
        compile_anew()
        compile_anew()
    assert reported == [1]
    compile_anew()
    assert reported == [1]


def test_what_is_compiled_already_is_not_reported() -> None:
    reported: list[int] = []
    function = numba.njit(lambda x: x + 1)
    function(1)
    with report_compiling(lambda: reported.append(1)):
        function(2)
    assert not reported


def test_other_threads_do_not_count() -> None:
    reported: list[int] = []
    with report_compiling(lambda: reported.append(1)):
        thread = threading.Thread(target=compile_anew)
        thread.start()
        thread.join()
    assert not reported
