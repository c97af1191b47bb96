"""What runs have left, read back and shown: tables, comparisons, figures.

found_runs.py has the runs under a folder, recorded.py what they have recorded, damage.py what of it
cannot be read. pairs.py compares methods and query.py chooses rows, as plain data; overview.py and
summary.py show them on a screen (tables.py, condensed.py, described.py), run_figures.py draws them.
"""
