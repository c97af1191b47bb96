"""Runs in the terminal: the overview of many, the summary of one, the answer to a query."""
