"""The W&B dashboard: what a training run logs under which name, and the panels that show it.

panels.py has the names, which the logger takes too; vega.py the charts of our own; workspace.py
what W&B takes, and `python -m pinnspectra.dashboard` prints or saves it.
"""
