"""The command line, one file a command; only this package prints or exits."""

from augforge.cli.app import main

__all__ = ["main"]
