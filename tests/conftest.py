"""Settings of all tests."""

import os
import signal

import pytest
from hypothesis import settings

# Where the tests run in the background Ctrl-C may be ignored, and every program that they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The first call of a kernel compiles it, so no time is limited. The same examples on every machine in CI.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that normalize first, so that only one of two processes compiles its kernels.

    With an empty kernel cache they take longest of all to compile. Each process begins with one half of the list.
    """
    items.sort(key=lambda item: "normaliz" not in item.nodeid and "kernels/cleaning" not in item.nodeid)
