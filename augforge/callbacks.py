"""Callbacks that functions take by default."""


def ignore(*_arguments: object) -> None:
    """Do nothing."""
