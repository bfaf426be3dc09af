"""What child processes of this interpreter import: the same modules, but never the user's for Python's own."""

import contextlib
import os
import sys


def child_environment() -> dict[str, str]:
    """Return an environment in which a child interpreter imports what this one does.

    ``sys.path`` of this process counts, whoever put a folder there, so that packages need not be installed. The
    standard library comes first: a file ``random.py`` in a folder of the user does not replace Python's. The child
    and its own children put neither the working directory nor a script's folder in front (``PYTHONSAFEPATH``).

    Returns
    -------
    dict of str to str
        This process's environment, with ``PYTHONPATH`` and ``PYTHONSAFEPATH`` replaced.
    """
    return {**os.environ, "PYTHONPATH": os.pathsep.join(_module_path()), "PYTHONSAFEPATH": "1"}


def _module_path() -> list[str]:
    library = os.path.dirname(os.__file__)
    path = [library, os.path.join(library, "lib-dynload")]
    for folder in sys.path:
        with contextlib.suppress(FileNotFoundError):  # the working directory is gone
            path.append(os.path.abspath(folder))  # "" is the working directory
    return list(dict.fromkeys(path))
