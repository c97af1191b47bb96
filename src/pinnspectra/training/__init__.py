"""Training: an ensemble and what advances it; lightning.py runs and records it."""
