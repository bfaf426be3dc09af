"""The command line: one file for each command; the only place that prints or exits."""

from augforge.cli.app import main

__all__ = ["main"]
