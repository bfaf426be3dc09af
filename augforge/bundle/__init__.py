"""Where the bundled digits and the ready recipes are, in a wheel and in a checkout.

In a checkout they are the top level's ``data/`` and ``recipes/``, where people look for them. The wheel
carries copies of both inside the package, beside this file.
"""

from pathlib import Path
from typing import Literal

from augforge.errors import AugforgeError

_HERE = Path(__file__).resolve().parent


def folder(name: Literal["data", "recipes"]) -> Path:
    """Return the folder of that name: the installed one, or the checkout's.

    Raises
    ------
    AugforgeError
        If neither is there: the installation is damaged.
    """
    installed = _HERE / name
    if installed.is_dir():
        return installed
    checkout = _HERE.parents[1]
    # Without the look for pyproject.toml, any "data" folder beside an installed package would do.
    if (checkout / "pyproject.toml").is_file() and (checkout / name).is_dir():
        return checkout / name
    raise AugforgeError(
        f"augforge's own folder '{name}' is missing: expected {installed}; install augforge again"
    )
