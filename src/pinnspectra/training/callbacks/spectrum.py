"""The spectrum of the training kernel during training."""

from __future__ import annotations

import logging
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch

from pinnspectra.kernel import residual_jacobian
from pinnspectra.run_folder import RunFolder
from pinnspectra.spectrum import effective_cutoff, singular_values, truncated_entropy
from pinnspectra.training.module import PINN
from pinnspectra.training.wandb_run import log_histogram

log = logging.getLogger(__name__)


class KernelSpectrum(pl.Callback):
    """Singular values of J and eigenvalues of G = J J^T, e and H (Def. 1-2) of the eigenvalues.

    Logs spectrum/effective_cutoff, spectrum/truncated_entropy and, beside them, spectrum/loss;
    histograms of the eigenvalues where there is W&B; writes all to spectra.npz as it goes. Taken
    at step 0, every `every` gradient steps and at the end, on the device of the network:
    O(N P min(N, P)) each.

    Args:
        folder: where spectra.npz goes.
        every: gradient steps between spectra.
        cutoff: the threshold a of Definitions 1 and 2, on the eigenvalues of G.
        dtype: training, the precision that is trained in, whose rounding is then part of the
            spectrum; or float64, of the same parameters.
    """

    def __init__(
        self,
        folder: RunFolder,
        every: int,
        cutoff: float,
        dtype: Literal["training", "float64"] = "training",
    ) -> None:
        self.folder, self.every, self.cutoff, self.dtype = folder, every, cutoff, dtype
        self.steps: list[int] = []
        self.records: dict[str, list[Any]] = {
            name: []
            for name in (
                "singular_values",
                "eigenvalues",
                "effective_cutoff",
                "truncated_entropy",
            )
        }

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the spectrum of the initial network."""
        self._record(pl_module)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any
    ) -> None:
        """Take the spectrum where it is due."""
        assert isinstance(pl_module, PINN)
        if pl_module.is_due(self.every):
            self._record(pl_module)

    def _record(self, module: pl.LightningModule) -> None:
        assert isinstance(module, PINN)
        J = self.jacobian(module)
        if not J.isfinite().all():
            log.warning("no spectrum at step %d: J is not finite", module.gradient_step)
            return
        sigma = singular_values(J)
        eigenvalues = sigma**2
        values = {
            "singular_values": sigma.cpu().numpy(),
            "eigenvalues": eigenvalues.cpu().numpy(),
            "effective_cutoff": effective_cutoff(eigenvalues, self.cutoff),
            "truncated_entropy": truncated_entropy(eigenvalues, self.cutoff),
        }
        self.steps.append(module.gradient_step)
        for name, value in values.items():
            self.records[name].append(value)
        self.folder.write_arrays("spectra.npz", steps=self.steps, **self.records)
        module.metrics |= {
            "spectrum/effective_cutoff": values["effective_cutoff"],
            "spectrum/truncated_entropy": values["truncated_entropy"],
            "spectrum/loss": module.metrics["loss"],
        }
        positive = values["eigenvalues"][values["eigenvalues"] > 0]
        log_histogram(
            module.trainer.loggers,
            "spectrum/log10_eigenvalues",
            np.log10(positive),
            module.gradient_step,
        )

    def jacobian(self, module: PINN) -> torch.Tensor:
        """J of the current parameters, (N, P), in the asked precision."""
        in_training = self.dtype == "training"
        dtype = module.training_dtype if in_training else torch.float64
        collocation = module.working if in_training else module.working_in_float64
        parameters = module.parameters_in(dtype)
        return residual_jacobian(collocation.residual, module.network, parameters)[0]
