"""The spectrum of the training kernel during training."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor

from pinnspectra.collocation import Collocation
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.rounding.floor import kernel_floor, spectrum_floor
from pinnspectra.runs.folder import RunFolder
from pinnspectra.spectra.entropy import cutoff_below_precision, effective_cutoff, truncated_entropy
from pinnspectra.spectra.kernel import kernel_singular_values
from pinnspectra.training.ensemble import Ensemble
from pinnspectra.training.lightning import AbstractRecorder, EnsembleModule
from pinnspectra.training.rows import Row
from pinnspectra.training.wandb_run import log_histogram

log = logging.getLogger(__name__)

ARRAYS = ("singular_values", "eigenvalues", "effective_cutoff", "truncated_entropy")
"""Arrays of spectra.npz with a row for every spectrum."""

WRITE_SECONDS = 2.0
"""Seconds between writes of spectra.npz, each of which is of all of it."""


class KernelSpectrum(AbstractRecorder):
    """Singular values of J and eigenvalues of G = J J^T, e and H (Def. 1-2) of the eigenvalues.

    Adds spectrum/effective_cutoff, spectrum/truncated_entropy and, beside them, spectrum/loss to
    the rows; logs histograms of the eigenvalues where there is W&B; writes all to spectra.npz as it
    goes. Taken at step 0, every `every` gradient steps and at the end, on the device of the
    network: O(N P min(N, P)) each. The last one has the predicted rounding floor of its singular
    values beside it, `floor`, (S, N) (floor.kernel_floor).

    All arrays are float64, whatever the dtype of J, and the steps int64. NaN, and nothing in the
    rows, where J is not finite or does not decompose; e = H = 0 where J is zero; both are logged.

    Args:
        folder: where spectra.npz goes.
        every: gradient steps between spectra.
        cutoff: the threshold a of Definitions 1 and 2, on the eigenvalues of G.
        dtype: training, the precision that is trained in, whose rounding is then part of the
            spectrum; or float64, of the same parameters.
        leading: take this many of the largest values alone, by random sampling, for P > 2 000 or
            so.
    """

    def __init__(
        self,
        folder: RunFolder,
        every: int,
        cutoff: float,
        dtype: Literal["training", "float64"] = "training",
        leading: int | None = None,
    ) -> None:
        self.folder, self.every, self.cutoff, self.dtype = folder, every, cutoff, dtype
        self.leading, self.written = leading, 0.0
        self.steps: list[int] = []
        self.records: dict[str, list[Any]] = {name: [] for name in ARRAYS}
        self.floor: dict[str, np.ndarray] = {}
        self.loggers: Sequence[Logger] = ()
        self.max_steps: int | None = None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Warn of a cut-off that is too low; look up where the run ends and what it logs to."""
        assert isinstance(pl_module, EnsembleModule)
        self.loggers, self.max_steps = trainer.loggers, pl_module.chunks.max_steps
        in_training = self.dtype == "training"
        dtype = pl_module.ensemble.members.dtype if in_training else torch.float64
        if cutoff_below_precision(self.cutoff, dtype, power=2):
            log.warning(
                "spectrum.cutoff=%g is below the rounding of %s, which is eps^2 = %.1e of the "
                "largest eigenvalue: what it keeps may be noise; take a larger one",
                self.cutoff,
                str(dtype).removeprefix("torch."),
                torch.finfo(dtype).eps ** 2,
            )

    def record(self, ensemble: Ensemble) -> dict[int, Row]:
        """Take the spectra of the members that are left."""
        step, live = ensemble.gradient_step, ensemble.members.live
        network = self._network_of(ensemble)
        sigma = kernel_singular_values(*network, self.leading)
        eigenvalues = sigma**2
        if not eigenvalues.isfinite().all():
            log.warning(
                "no spectrum at step %d: J, or J J^T, is not finite, or J does not decompose", step
            )
        if not eigenvalues.amax(dim=-1).all():
            log.warning("the kernel is zero at step %d: it underflows", step)
        e = effective_cutoff(eigenvalues, self.cutoff)
        H = truncated_entropy(eigenvalues, self.cutoff)
        self.steps.append(step)
        for name, values in zip(ARRAYS, (sigma, eigenvalues, e, H), strict=True):
            self.records[name].append(_of_all_members(values, ensemble))
        if step == self.max_steps:
            floor = spectrum_floor(kernel_floor(*network, self.leading), sigma)
            self.floor["floor"] = _of_all_members(floor, ensemble)
        if time.monotonic() - self.written > WRITE_SECONDS:
            self.write()
        positive = np.log10(eigenvalues[eigenvalues > 0].cpu().numpy())
        log_histogram(self.loggers, "spectrum/log10_eigenvalues", positive, step)
        return {
            s: {
                "spectrum/effective_cutoff": int(e[i]),
                "spectrum/truncated_entropy": float(H[i]),
                "spectrum/loss": ensemble.rows[s]["loss"],
            }
            for i, s in enumerate(live)
            if e[i].isfinite() and H[i].isfinite()
        }

    def state_dict(self) -> dict[str, Any]:
        """Return what has been recorded, as tensors."""
        stacked = {name: torch.tensor(np.array(values)) for name, values in self.records.items()}
        floor = {name: torch.tensor(values) for name, values in self.floor.items()}
        return {"steps": list(self.steps), "records": stacked if self.steps else {}, "floor": floor}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what had been recorded."""
        self.steps = state_dict["steps"]
        for name, values in state_dict["records"].items():
            self.records[name] = list(values.numpy())
        self.floor = {name: values.numpy() for name, values in state_dict["floor"].items()}

    def write(self) -> None:
        """Write spectra.npz, all of it."""
        if self.steps:
            self.folder.write_arrays("spectra.npz", steps=self.steps, **self.records, **self.floor)
        self.written = time.monotonic()

    def _network_of(self, ensemble: Ensemble) -> tuple[Collocation, AbstractNetwork, Parameters]:
        """Return the live members, and the points they are taken at, in the asked precision."""
        if self.dtype == "training":
            return ensemble.method.working, ensemble.network, ensemble.members.copied()
        parameters = ensemble.members.in_float64()
        return ensemble.method.in_float64(parameters), ensemble.network, parameters


def _of_all_members(values: Tensor, ensemble: Ensemble) -> np.ndarray:
    """Return values of the live members as those of all, (S, ...); NaN for the others."""
    whole = torch.full((ensemble.members.size, *values.shape[1:]), torch.nan, dtype=torch.float64)
    whole[ensemble.members.live] = values.cpu()
    return whole.numpy()
