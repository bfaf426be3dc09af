"""Find the bundled digits and the ready recipes, in a wheel or a checkout.

A checkout has them in ``data/`` and ``recipes/`` at the top level; a wheel has copies beside this file.
"""

from pathlib import Path
from typing import Literal

from augforge.errors import AugforgeError

_HERE = Path(__file__).resolve().parent


def folder(name: Literal["data", "recipes"]) -> Path:
    """Find a bundled folder: the installed one, or the checkout's.

    Raises
    ------
    AugforgeError
        If neither exists, because the installation is damaged.
    """
    installed = _HERE / name
    if installed.is_dir():
        return installed
    checkout = _HERE.parents[1]
    # pyproject.toml tells a checkout from an installed package beside an unrelated "data" folder.
    if (checkout / "pyproject.toml").is_file() and (checkout / name).is_dir():
        return checkout / name
    raise AugforgeError(
        f"augforge's own folder '{name}' is missing: expected {installed}; install augforge again"
    )
