"""Training with Lightning: the only folder that imports it."""

import logging
import warnings


def quiet_lightning() -> None:
    """Silence what Lightning says about every run and this project has decided."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message="Experiment logs directory .* exists")
    warnings.filterwarnings("ignore", message="`isinstance.treespec, LeafSpec.` is deprecated")
