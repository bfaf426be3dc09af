"""Default callbacks."""


def ignore(*_arguments: object) -> None:
    """Do nothing."""
