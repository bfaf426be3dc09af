import ast
import importlib
import sys
from pathlib import Path

import pytest

import augforge.torch


def test_names_are_there():
    assert all(hasattr(augforge.torch, name) for name in augforge.torch.__all__)


def test_without_torch_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'augforge\[torch\]'"):
        importlib.reload(augforge.torch)


def endings(node):
    """Yield the last constant text of each raised message, in all its branches."""
    for raised in ast.walk(node):
        for message in (
            raised.exc.args if isinstance(raised, ast.Raise) and hasattr(raised.exc, "args") else ()
        ):
            last = message.values[-1] if isinstance(message, ast.JoinedStr) else message
            if isinstance(last, ast.Constant) and isinstance(last.value, str):
                yield last.value


def test_messages_end_without_a_full_stop():
    folder = Path(augforge.torch.__file__).parent
    found = {path.name: list(endings(ast.parse(path.read_text()))) for path in folder.glob("*.py")}
    assert sum(map(len, found.values())) > 10
    assert not [(name, text) for name, texts in found.items() for text in texts if text.endswith(".")]
