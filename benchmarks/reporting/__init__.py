"""Writes the results from what the benchmarks measured.

::

    results/NAME.json --targets--> table --page--> RESULTS.md
                     --plots-> results/*.png
"""
