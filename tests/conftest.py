"""What tests of several rooms share."""

import hashlib
import os
from pathlib import Path

# Numba's cache of a kernel notices changes of its own file only, not of the functions that it calls in others: give
# every state of the sources a cache of its own. Set before anything imports numba.
_PACKAGE = Path(__file__).parents[1] / "augforge"
_KERNELS = [
    _PACKAGE / "exactmath.py",
    _PACKAGE / "randomness.py",
    *sorted((_PACKAGE / "kernels").glob("*.py")),
]
_STATE = hashlib.sha256(b"".join(path.read_bytes() for path in _KERNELS)).hexdigest()[:16]
os.environ.setdefault("NUMBA_CACHE_DIR", str(_PACKAGE.parent / ".numba_cache" / _STATE))

from hypothesis import settings  # noqa: E402

# The first call of a kernel compiles it, so no time is limited. The same examples on every machine in CI.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
