"""Formats of originals in files.

::

    idx_folder      idx                 csv_file        csv_parsing
    npz_file                            hdf5_file       built_dataset
    picture_folder  pictures

`arrays` makes sources of arrays, `color` converts them to gray. No module here knows the table of formats.
"""
