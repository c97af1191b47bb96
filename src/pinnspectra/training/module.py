"""The Lightning module: a network, a collocation, and what is logged of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from pinnspectra.collocation import Collocation
from pinnspectra.differentiation import Field
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.training.driver import run_chunk

Metrics = dict[str, float]


class PINN(pl.LightningModule):
    """A physics-informed network, trained on full batches by manual optimization.

    One `training_step` is a chunk of gradient steps; `gradient_step` counts them. After a chunk
    `metrics` holds the row of that step, to which callbacks may add; it is logged as one row
    every `log_every` gradient steps, and wherever a callback added to it.

    Args:
        collocation: residuals at float64 points; the working copy has the parameters' dtype.
        network: the network.
        parameters: its initial parameters, with a leading member dimension of 1.
        make_optimizer: parameters -> torch optimizer.
        boundary_weight: lambda in loss = interior + lambda boundary.
        log_every: gradient steps between logged rows.
    """

    def __init__(
        self,
        collocation: Collocation,
        network: AbstractNetwork,
        parameters: Parameters,
        make_optimizer: Callable[[Iterable[nn.Parameter]], Optimizer],
        boundary_weight: float,
        log_every: int,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.theta = nn.ParameterDict(parameters)
        self.collocation = collocation
        self.network = network
        self.make_optimizer = make_optimizer
        self.boundary_weight = boundary_weight
        self.log_every = log_every
        self.gradient_step = 0
        self.status = "running"
        self.measured: Metrics = {}
        self.metrics: Metrics = {}
        self.training_seconds = 0.0
        self.steps_taken = 0

    @cached_property
    def working_in_float64(self) -> Collocation:
        """The collocation of the run's method in float64, on the device of the parameters."""
        return self.collocation.to(torch.float64, self.device)

    @property
    def training_dtype(self) -> torch.dtype:
        """The dtype of the parameters and of the residuals that are trained on."""
        return self.theta["coefficients"].dtype

    def parameters_in(self, dtype: torch.dtype) -> Parameters:
        """The parameters in a dtype, detached."""
        return {name: value.detach().to(dtype) for name, value in self.theta.items()}

    def configure_optimizers(self) -> Optimizer:
        """The torch optimizer over all members' parameters."""
        return self.make_optimizer(self.theta.values())

    def on_fit_start(self) -> None:
        """Bring the points to the device of the parameters; measure the initial network."""
        self.working = self.collocation.to(self.training_dtype, self.device)
        self.reference = self.collocation.by_ad().to(torch.float64, self.device)
        self.measure()

    def on_train_start(self) -> None:
        """Log the row of step 0."""
        self._log_row()

    def loss(self) -> Tensor:
        """interior + lambda boundary, (S,), of the current parameters."""
        losses = self.working.losses(self.network.field(dict(self.theta.items())))
        return losses["interior"] + self.boundary_weight * losses["boundary"]

    def training_step(self, gradient_steps: int, batch_index: int) -> None:
        """Take a chunk of gradient steps, then measure."""
        started = time.perf_counter()
        optimizer = self.optimizers()
        assert not isinstance(optimizer, list)
        history = run_chunk(optimizer, self.loss, gradient_steps)  # pyright: ignore
        finite = history.isfinite().all(dim=1)
        all_finite = bool(finite.all())
        self.training_seconds += time.perf_counter() - started
        self.steps_taken += gradient_steps
        if all_finite:
            self.gradient_step += gradient_steps
            self.measure()
        else:
            self.gradient_step += int(finite.int().argmin())
            self._diverge()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the gradient step to Lightning's counters, which count chunks."""
        checkpoint["gradient_step"] = self.gradient_step

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_index: int) -> None:
        """Log the row of this step where it is due; callbacks have added theirs by now."""
        if self.status == "running":
            self._log_row()

    def on_train_end(self) -> None:
        """A run that came to its last step is finished."""
        if self.status == "running" and self.gradient_step == self.max_steps:
            self.status = "finished"

    def is_due(self, every: int) -> bool:
        """Whether something that happens every so many gradient steps happens now."""
        at_end = self.gradient_step == self.max_steps
        return self.status == "running" and (self.gradient_step % every == 0 or at_end)

    @property
    def max_steps(self) -> int:
        """The last gradient step, as the schedule has it."""
        return self.trainer.train_dataloader.max_steps  # pyright: ignore

    @torch.no_grad()
    def measure(self) -> None:
        """Take the metrics of the current parameters."""
        u, u64 = (
            self.network.field(self.parameters_in(d)) for d in (self.training_dtype, torch.float64)
        )
        losses = self.working.losses(u)
        forcing = self.working.forcing
        values = {
            "loss": losses["interior"] + self.boundary_weight * losses["boundary"],
            "loss/interior": losses["interior"],
            "loss/boundary": losses["boundary"],
            "loss/interior_ad64": self.reference.residual(u64).square().mean(dim=-1),
            "relative_training_error": (losses["interior"] / forcing.square().mean()).sqrt(),
            "relative_l2_error": self.reference.relative_l2_error(u64),
        }
        self.measured = {name: float(value) for name, value in values.items()}
        self.metrics = dict(self.measured)
        if not torch.isfinite(values["loss"]).all():
            self._diverge()

    def solution(self) -> tuple[Tensor, Tensor, Tensor]:
        """Interior points (N, d), u and the exact solution there, (N,), float64, on the CPU."""
        x = self.reference.interior.coordinates
        u: Field = self.network.field(self.parameters_in(torch.float64))
        return x.cpu(), u(x)[0].cpu(), self.reference.pde.exact_solution(x).cpu()

    def _diverge(self) -> None:
        self.status = "diverged"
        self.metrics = {}
        self.trainer.should_stop = True

    def _log_row(self) -> None:
        added = len(self.metrics) > len(self.measured)
        if self.is_due(self.log_every) or added:
            for logger in self.loggers:
                logger.log_metrics(self.metrics, step=self.gradient_step)
