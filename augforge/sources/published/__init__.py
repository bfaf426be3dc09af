"""Public data sets by name.

::

    registry        published files: sizes, hashes, mirrors
    named           the files of each data set, and how to open it
    local_files     finds and verifies the files in a folder
    fetching        downloads missing files, or extracts them from an archive
    downloading     one file from one server
"""
