"""Run the command line as ``python -m augforge``."""

import sys

from augforge.cli import main

if __name__ == "__main__":
    sys.exit(main())
