"""Packages that add distortions, installed into a folder without a network: a module and its metadata."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from augforge.distortions import catalog

# Adds {level} to every gray level, slowly enough for the GIL to matter.
LIFT = """\
from typing import ClassVar
import numpy as np
from augforge.distortions import Distortion, Distribution, parameter

class Lift(Distortion):
    \"\"\"Adds to every gray level.\"\"\"
    name: ClassVar[str] = "lift"
    pixel_version: ClassVar[int] = 1
    level: Distribution = parameter(
        "Added to every level.", unit="gray levels", low=0, high=255, neutral=0, typical=(5, 50)
    )

    @classmethod
    def render(cls, images, steps):
        for step in steps:
            lifted = images + step.value("level")[:, None, None]
            images = np.minimum(np.floor(lifted), 255).astype(np.uint8)
        return images
"""


def install(site: Path, package: str, code: str, entry_points: dict[str, str], version: str = "1.0") -> None:
    """Install a package whose module is called like itself, with ``_`` for ``-``."""
    (site / f"{package.replace('-', '_')}.py").write_text(code)
    metadata = site / f"{package.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines = [f"{name} = {value}" for name, value in entry_points.items()]
    (metadata / "entry_points.txt").write_text("\n".join([f"[{catalog.ENTRY_POINTS}]", *lines, ""]))


@contextmanager
def on_path(site: Path) -> Iterator[None]:
    """Let this process find what is installed in a folder, and forget it afterwards."""

    def forget() -> None:
        importlib.invalidate_caches()
        for cached in (catalog._plug_ins, catalog._find_plug_in):
            cached.cache_clear()

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        forget()
        yield
    forget()
