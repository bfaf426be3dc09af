"""Where the bundled files are found, installed or in a checkout."""

from pathlib import Path

import pytest

from augforge import bundle
from augforge.errors import AugforgeError


def test_the_digits_are_found() -> None:
    assert (bundle.folder("data") / "mnist-10k" / "train-images-idx3-ubyte.gz").is_file()


def test_installed_before_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "augforge" / "bundle"
    (here / "data").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "recipes").mkdir()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(bundle, "_HERE", here)
    assert bundle.folder("data") == here / "data"
    assert bundle.folder("recipes") == tmp_path / "recipes"


def test_a_folder_beside_an_installed_package_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "augforge" / "bundle"
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(bundle, "_HERE", here)
    with pytest.raises(AugforgeError) as raised:
        bundle.folder("data")
    assert str(raised.value) == (
        f"augforge's own folder 'data' is missing: expected {here / 'data'}; install augforge again"
    )
