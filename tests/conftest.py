"""What tests of several rooms share."""

import os
import signal

from hypothesis import settings

# Where the tests run in the background Ctrl-C may be ignored, and every program that they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The first call of a kernel compiles it, so no time is limited. The same examples on every machine in CI.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
