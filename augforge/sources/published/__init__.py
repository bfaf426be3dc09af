"""Public data sets by name: their published files, downloads and local copies.

::

    registry        published files: sizes, hashes, mirrors
    named           the files of each data set, and how to open it
    local_files     finds and verifies the files in a folder
    fetching        gets missing files:
        downloading     one file from one server
        extracting      files from an archive
"""
