"""What tests of several rooms share."""

import os

from hypothesis import settings

# The first call of a kernel compiles it, so no time is limited. The same examples on every machine in CI.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
