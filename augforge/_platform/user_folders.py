"""Find the user's own folders, where there are any."""

import os
from pathlib import Path


def user_cache() -> Path | None:
    """Return the folder for what a user's programs keep: ``$XDG_CACHE_HOME`` or ``~/.cache``.

    Returns
    -------
    Path or None
        None where neither HOME nor the password database says where the user's home is, as in containers. The XDG
        specification has relative paths ignored.
    """
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):
        return Path(given)
    home = os.path.expanduser("~")  # unlike Path.home() it never raises
    return Path(home, ".cache") if os.path.isabs(home) else None
