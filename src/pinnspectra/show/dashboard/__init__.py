"""The W&B dashboard: what a training run logs under which name, and the panels that show it.

tables.py has the names, which the logger takes too, and the rows of its tables; charts.py has the
charts of our own, and workspace.py all of it as W&B takes it, which `python -m
pinnspectra.dashboard` prints or saves. account.py says whether there is an account.
"""
