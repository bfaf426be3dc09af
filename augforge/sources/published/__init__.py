"""Data sets known by name, as their publishers offer them, and as a folder on this machine holds them.

::

    registry     what is published: files, sizes, hashes, mirrors
    named        what each data set is made of, and opening it
    holding      what a folder holds of it, and whether it is the very one
    fetching     getting what is missing:
                     downloading    one file from one server
                     extracting     files out of an archive
"""
