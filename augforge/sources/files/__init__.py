"""Originals in files: a module for each format, and what these share.

::

    idx_folder      idx, label_table        csv_file      csv_parsing
    npz_file                                hdf5_file     hdf5_arrays, built_dataset
    picture_folder  pictures

`arrays_by_name` opens what holds several arrays, `arrays` and `colour` make gray images of any array, and `damage`
says what is wrong with a file that cannot be read. Nothing here knows of the table of formats.
"""
