"""The spectrum of the training kernel during training."""

from __future__ import annotations

import logging
import time
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch

from pinnspectra.collocation import Collocation
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.rounding.floor import kernel_floor, spectrum_floor
from pinnspectra.runs.folder import RunFolder
from pinnspectra.spectra.entropy import cutoff_below_precision, effective_cutoff, truncated_entropy
from pinnspectra.spectra.kernel import kernel_singular_values
from pinnspectra.training.callbacks.recorder import AbstractRecorder
from pinnspectra.training.module import PINN
from pinnspectra.training.wandb_run import log_histogram

log = logging.getLogger(__name__)

SCALARS = ("effective_cutoff", "truncated_entropy")

WRITE_SECONDS = 2.0
"""Seconds between writes of spectra.npz, each of which is of all of it."""


class KernelSpectrum(AbstractRecorder):
    """Singular values of J and eigenvalues of G = J J^T, e and H (Def. 1-2) of the eigenvalues.

    Logs spectrum/effective_cutoff, spectrum/truncated_entropy and, beside them, spectrum/loss;
    histograms of the eigenvalues where there is W&B; writes all to spectra.npz as it goes. Taken
    at step 0, every `every` gradient steps and at the end, on the device of the network:
    O(N P min(N, P)) each. Beside the last one what of its singular values is rounding, `floor`,
    (S, N), as predicted (rounding.floor.kernel_floor).

    All arrays are float64, whatever the dtype of J, and the steps int64. NaN, and nothing in the
    rows, where J is not finite or does not decompose; e = H = 0 where J is zero; either is said.

    Args:
        folder: where spectra.npz goes.
        every: gradient steps between spectra.
        cutoff: the threshold a of Definitions 1 and 2, on the eigenvalues of G.
        dtype: training, the precision that is trained in, whose rounding is then part of the
            spectrum; or float64, of the same parameters.
        leading: so many of the largest values alone, by random sampling, for P > 2 000 or so.
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
        self.floor: dict[str, np.ndarray] = {}
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
        """Say whether the cut-off is too low; record the initial networks."""
        assert isinstance(pl_module, PINN)
        dtype = self.dtype_of(pl_module)
        if cutoff_below_precision(self.cutoff, dtype, power=2):
            log.warning(
                "spectrum.cutoff=%g is below the rounding of %s, which is eps^2 = %.1e of the "
                "largest eigenvalue: what it keeps may be noise; take a larger one",
                self.cutoff,
                str(dtype).removeprefix("torch."),
                torch.finfo(dtype).eps ** 2,
            )
        super().on_train_start(trainer, pl_module)

    def record(self, module: PINN) -> None:
        """Take the spectra of the members that are left."""
        live = [s for s, row in module.rows.items() if row]
        if not live:
            return
        sigma = self.singular_values(module, live)
        eigenvalues = sigma**2
        if not eigenvalues.isfinite().all():
            log.warning(
                "no spectrum at step %d: J, or J J^T, is not finite, or J does not decompose",
                module.gradient_step,
            )
        if not eigenvalues.amax(dim=-1).all():
            log.warning("the kernel is zero at step %d: it underflows", module.gradient_step)
        values = {
            "singular_values": sigma,
            "eigenvalues": eigenvalues,
            "effective_cutoff": effective_cutoff(eigenvalues, self.cutoff),
            "truncated_entropy": truncated_entropy(eigenvalues, self.cutoff),
        }
        self.steps.append(module.gradient_step)
        for name, value in values.items():
            self.records[name].append(_of_all_members(value, live, module))
        if module.gradient_step == module.max_steps:
            floor = spectrum_floor(kernel_floor(*self.taken_of(module, live), self.leading), sigma)
            self.floor["floor"] = _of_all_members(floor, live, module)
        for s in live:
            taken = [float(self.records[name][-1][s]) for name in SCALARS]
            if np.isfinite(taken).all():
                row = module.last_rows[s]
                row |= {"spectrum/effective_cutoff": int(taken[0])}
                row |= {"spectrum/truncated_entropy": taken[1]}
                row["spectrum/loss"] = row["loss"]
        if time.monotonic() - self.written > WRITE_SECONDS:
            self.write()
        positive = eigenvalues[eigenvalues > 0].cpu().numpy()
        log_histogram(
            module.trainer.loggers,
            "spectrum/log10_eigenvalues",
            np.log10(positive),
            module.gradient_step,
        )

    def state_dict(self) -> dict[str, Any]:
        """What has been recorded, as tensors."""
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

    def singular_values(self, module: PINN, members: list[int]) -> torch.Tensor:
        """sigma(J) of some members' current parameters in the asked precision, float64."""
        return kernel_singular_values(*self.taken_of(module, members), self.leading)

    def taken_of(
        self, module: PINN, members: list[int]
    ) -> tuple[Collocation, AbstractNetwork, Parameters]:
        """What a spectrum is taken of: some members' current parameters in the asked precision."""
        in_training = self.dtype == "training"
        collocation = module.working if in_training else module.working_in_float64
        return collocation, module.network, module.parameters_in(self.dtype_of(module), members)

    def dtype_of(self, module: PINN) -> torch.dtype:
        """The precision that J is taken in."""
        return module.training_dtype if self.dtype == "training" else torch.float64


def _of_all_members(value: torch.Tensor, members: list[int], module: PINN) -> np.ndarray:
    """Values of some members, (s, ...), as values of all, (S, ...); NaN for the others."""
    whole = torch.full((module.members, *value.shape[1:]), torch.nan, dtype=torch.float64)
    whole[members] = value.cpu()
    return whole.numpy()
