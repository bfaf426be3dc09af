import importlib
import sys

import pytest

import augforge.torch


def test_names_are_there():
    assert all(hasattr(augforge.torch, name) for name in augforge.torch.__all__)


def test_without_torch_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'augforge\[torch\]'"):
        importlib.reload(augforge.torch)
