"""``python -m augforge`` is ``augforge``."""

import sys

from augforge.cli import main

if __name__ == "__main__":
    sys.exit(main())
