"""Write the results of the benchmarks as a page and plots.

::

    results/NAME.json --targets--> table --page--> RESULTS.md
                     --plots-> results/*.png
"""
