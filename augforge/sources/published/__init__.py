"""Public data sets by name.

::

    registry        published files: sizes, hashes, mirrors
    named           the files of each data set, and how to open it
    local_files     finds and verifies the files in a folder
    fetching        downloads missing files, or extracts them from an archive
    downloading     one file from one server
"""

from typing import TYPE_CHECKING

from augforge._platform.imports import lazy_exports

if TYPE_CHECKING:
    from augforge.sources.published.fetching import Fetched as Fetched
    from augforge.sources.published.fetching import Listener as Listener
    from augforge.sources.published.fetching import fetch as fetch
    from augforge.sources.published.local_files import find_file as find_file
    from augforge.sources.published.named import DATASETS as DATASETS
    from augforge.sources.published.named import NamedDataset as NamedDataset
    from augforge.sources.published.named import locate_data_folder as locate_data_folder
    from augforge.sources.published.registry import PublishedFile as PublishedFile

_MODULES = {
    "DATASETS": "named",
    "Fetched": "fetching",
    "Listener": "fetching",
    "NamedDataset": "named",
    "PublishedFile": "registry",
    "fetch": "fetching",
    "find_file": "local_files",
    "locate_data_folder": "named",
}
__all__ = [*_MODULES]

__getattr__ = lazy_exports(__name__, _MODULES)
