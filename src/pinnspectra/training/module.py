"""The Lightning module: the members of an ensemble, a collocation, and what is logged of them."""

from __future__ import annotations

import csv
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor, nn
from torch.optim import Optimizer

from pinnspectra.collocation import Collocation, FitError
from pinnspectra.differentiation import Field
from pinnspectra.networks import AbstractNetwork, Parameters
from pinnspectra.runs.folder import written_whole
from pinnspectra.solvers import AbstractOptimizer, Memory
from pinnspectra.training.data import PART_VALUES
from pinnspectra.training.distributed import Share, processes, summed, waiting_signal
from pinnspectra.training.driver import FunctionalDriver, TorchDriver
from pinnspectra.training.problem import Losses, Measure, Problem
from pinnspectra.training.schedule import LearningRates

log = logging.getLogger(__name__)

Metrics = dict[str, float]

MEASURED = (
    "loss",
    "loss/interior",
    "loss/boundary",
    "loss/interior_ad64",
    "relative_training_error",
    "relative_l2_error",
)
"""The metrics of every logged row, in the order of PINN.measure."""

PROGRAMS: dict[Any, Any] = {}
"""What has been compiled in this process: the jobs of a multirun share it."""


class ChunkCounter(Optimizer):
    """What Lightning sees of an optimizer that runs inside the driver: one step a chunk."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore
        """Count; the closure has the gradient steps in it."""
        return closure() if closure else None


class PINN(pl.LightningModule):
    """Physics-informed networks, S of them, trained on full batches by manual optimization.

    One `training_step` is a chunk of gradient steps; `gradient_step` counts them and `flow_time`,
    (S,), adds up their learning rates. Every `log_every` steps, and after a chunk, the members are
    measured; `rows` holds a row for every member that has not diverged, to which callbacks may add
    after a chunk. A member whose loss is not finite is frozen at its last measured parameters and
    left out; the others go on.

    The method is fitted to the networks at the start, and one that adapts again after every
    `renew_every` gradient steps; its metrics are in every row, as method/NAME.

    Args:
        collocation: residuals at float64 points; the working copy has the parameters' dtype.
        network: the network.
        parameters: the members' initial parameters, with a leading dimension S.
        optimizer: one of this project, which the driver can compile, or one that makes a torch
            optimizer of a member's parameters.
        rates: the members' learning rates.
        boundary_weight: lambda in loss = interior + lambda boundary.
        log_every: gradient steps between logged rows.
        compiled: compile the gradient steps; "auto" falls back to eager ones where that fails.
    """

    def __init__(
        self,
        collocation: Collocation,
        network: AbstractNetwork,
        parameters: Parameters,
        optimizer: AbstractOptimizer | Callable[[Iterable[nn.Parameter]], Optimizer],
        rates: LearningRates,
        boundary_weight: float,
        log_every: int,
        compiled: bool | str = False,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.theta = nn.ParameterDict(parameters)
        self.collocation = collocation
        self.network = network
        self.optimizer = optimizer
        self.rates = rates
        self.boundary_weight = boundary_weight
        self.log_every = log_every
        self.compiled = compiled
        self.gradient_step = 0
        self.flow_time = torch.zeros(self.members, dtype=torch.float64)
        self.status = "running"
        self.ended: list[int | None] = [None] * self.members
        self.last_rows: list[Metrics] = [{} for _ in range(self.members)]
        self.training_seconds = 0.0
        self.steps_taken = 0
        self._fitted_to: Parameters = {}
        self._restored: dict[str, Any] | None = None
        self._logged: list[str] = []
        self._started, self._seconds_before = time.monotonic(), 0.0

    @property
    def members(self) -> int:
        """The number of members, S."""
        return len(self.theta["coefficients"])

    @property
    def values(self) -> int:
        """Values of an array (S, M, n), of which a gradient step makes many."""
        return self.members * self.network.width * self.collocation.nodes

    @property
    def learning_rates(self) -> list[float]:
        """The learning rates that the members started with."""
        return self.rates.initial.tolist()

    @property
    def wall_seconds(self) -> float:
        """Seconds since the run began, without those between an interruption and its resumption."""
        return self._seconds_before + time.monotonic() - self._started

    @property
    def live(self) -> list[int]:
        """The members that have not diverged."""
        return [s for s, step in enumerate(self.ended) if step is None]

    @property
    def rows(self) -> dict[int, Metrics]:
        """The current row of every live member."""
        return {s: self.last_rows[s] for s in self.live}

    @cached_property
    def renew_every(self) -> int | None:
        """Gradient steps after which the method is fitted to the networks anew; None for never."""
        method = self.collocation.method
        adaptive = self._fitted().method != method
        return getattr(method, "renew_every", None) if adaptive else None

    @property
    def method_metrics(self) -> Metrics:
        """What there is to log of the method, as method/NAME."""
        return {f"method/{name}": value for name, value in self.working.method.metrics.items()}

    @property
    def working_in_float64(self) -> Collocation:
        """The collocation of the method now trained with in float64, on the parameters' device."""
        same = replace(self.collocation, method=self.working.method)
        u = self.network.field(self.parameters_in(torch.float64, self.live))
        return same.to(torch.float64, self.device).fitted(u)

    def _fitted(self, members: Sequence[int] | None = None) -> Collocation:
        """The working collocation, its method fitted to some members, or to the live ones."""
        return self._fitted_on(self.parameters_in(self.training_dtype, members or self.live))

    def _fitted_on(self, parameters: Parameters) -> Collocation:
        """The working collocation, its method fitted to parameters, which are remembered."""
        fitted = self.collocation.to(self.training_dtype, self.device).fitted(
            self.network.field(parameters)
        )
        self._fitted_to = parameters
        return fitted

    @property
    def training_dtype(self) -> torch.dtype:
        """The dtype of the parameters and of the residuals that are trained on."""
        return self.theta["coefficients"].dtype

    def parameters_in(self, dtype: torch.dtype, members: Sequence[int] | None = None) -> Parameters:
        """The parameters of all or some members in a dtype, detached."""
        which = slice(None) if members is None else list(members)
        return {name: value.detach()[which].to(dtype) for name, value in self.theta.items()}

    def configure_optimizers(self) -> Any:
        """What Lightning counts: torch optimizers, or what stands for the driver's."""
        if isinstance(self.optimizer, AbstractOptimizer):
            return ChunkCounter(self.theta.values(), self.optimizer.lr)
        views = [
            [nn.Parameter(value.data[s : s + 1]) for value in self.theta.values()]
            for s in range(self.members)
        ]
        return [self.optimizer(view) for view in views]

    def on_fit_start(self) -> None:
        """Bring the points to the device of the parameters; measure the initial networks."""
        reference = self.collocation.by_ad().to(torch.float64, self.device)
        self.reference = reference
        self.reference_parts = list(Share.of(reference).collocation.parts(self._at_once))
        if self._restored is None:
            measured = self._adopt(self._fitted())
            self._take(torch.ones(1, self.members, dtype=torch.bool), measured)
        else:
            memory = {kept: self._here(v) for kept, v in self._restored["memory"].items()}
            self._adopt(self._fitted_on(self._here(self._restored["fitted_to"])), memory)
            self._restored = None

    def _here(self, parameters: Parameters) -> Parameters:
        """Parameters on the device of the module."""
        return {name: value.to(self.device) for name, value in parameters.items()}

    @property
    def _at_once(self) -> int:
        """Interior points that are taken together."""
        return max(1, PART_VALUES // self.network.width)

    def _adopt(self, working: Collocation, memory: Memory | None = None) -> Tensor:
        """Train on this collocation from here on; what is measured of the networks by it."""
        self.working, self.share = working, Share.of(working)
        parts = self.share.collocation.parts(self._at_once)
        self.parts = list(zip(parts, self.reference_parts, strict=True))
        measured = self.measure(self.parameters_in(self.training_dtype))
        self.driver = self._driver(memory)  # last: recorded with tensors that hold no numbers
        return measured

    def _renew(self) -> None:
        """Fit the method anew where that is due."""
        if self.renew_every and self.gradient_step and self.gradient_step % self.renew_every == 0:
            fitted = self._refitted()
            if fitted.method != self.working.method:
                self._adopt(fitted, getattr(self.driver, "memory", None))

    def _refitted(self) -> Collocation:
        """The method fitted anew; members it can no longer be fitted to freeze, if not all."""
        try:
            return self._fitted()
        except FitError:
            unfit = {s: error for s in self.live if (error := self._misfit(s))}
            if len(unfit) == len(self.live):
                raise
            for s, error in unfit.items():
                self.ended[s] = self.gradient_step
                log.warning("member %d is left out from here on: method.%s", s, error)
            return self._fitted()

    def _misfit(self, member: int) -> FitError | None:
        """Why the method cannot be fitted to a member."""
        try:
            self._fitted([member])
        except FitError as error:
            return error
        return None

    def _driver(self, memory: Memory | None) -> FunctionalDriver | TorchDriver:
        optimizers: Any = self.optimizers(use_pl_optimizer=False)
        names = list(self.theta)
        measure: Measure = self.measure
        if not isinstance(self.optimizer, AbstractOptimizer):
            listed = optimizers if isinstance(optimizers, list) else [optimizers]
            return TorchDriver(self._summands(), listed, names, measure)
        problem = Problem(self._summands(), self.optimizer, measure)
        theta = {name: value.data for name, value in self.theta.items()}
        nodes = -(-self.working.nodes // processes())
        return FunctionalDriver(problem, theta, nodes, PROGRAMS, self.compiled, memory)

    def on_train_start(self) -> None:
        """Log the rows of step 0, or put back those that had been logged at the checkpoint."""
        if self.gradient_step == 0:
            self._log_rows()
            self._flush()
        for experiment, text in zip(self._csv_files(), self._logged, strict=False):
            with written_whole(Path(experiment.metrics_file_path)) as file:
                file.write(text.encode())
            experiment.metrics_keys = next(csv.reader(text.splitlines()), [])

    def losses(self, parameters: Parameters) -> Tensor:
        """interior + lambda boundary of every member, (S,)."""
        losses = self.working.losses(self.network.field(parameters))
        return losses["interior"] + self.boundary_weight * losses["boundary"]

    def _summands(self) -> tuple[Losses, ...]:
        """The loss, or this process's summands where the points are taken in parts."""
        if len(self.parts) == 1 and processes() == 1:
            return (self.losses,)
        interior = (partial(self._share, part) for part, _ in self.parts)
        return (*interior, self._boundary_share)

    def _share(self, part: Collocation, parameters: Parameters) -> Tensor:
        """What some of the interior points add to the loss, (S,)."""
        residual = part.residual(self.network.field(parameters))
        return residual.square().sum(dim=-1) / len(self.working.interior.coordinates)

    def _boundary_share(self, parameters: Parameters) -> Tensor:
        """What the boundary adds to the loss, (S,)."""
        return self.boundary_weight * self._boundary(self.network.field(parameters))

    def _boundary(self, u: Field) -> Tensor:
        """The boundary loss, (S,); this process's share of it."""
        return self.share.boundary * self.share.collocation.boundary_loss(u)

    @torch.no_grad()
    def measure(self, parameters: Parameters) -> Tensor:
        """The metrics of MEASURED, (6, S), float64."""
        u = self.network.field(parameters)
        u64 = self.network.field({name: value.double() for name, value in parameters.items()})
        sums = [part.sums_of_squares(reference, u, u64) for part, reference in self.parts]
        (totals,) = summed(torch.stack([*torch.stack(sums).sum(dim=0), self._boundary(u).double()]))
        r, r64, f, error, exact, boundary = totals
        n = len(self.working.interior.coordinates)
        interior = r / n
        values = (
            interior + self.boundary_weight * boundary,
            interior,
            boundary,
            r64 / n,
            (r / f).sqrt(),
            (error / exact).sqrt(),
        )
        return torch.stack(values)

    def training_step(self, gradient_steps: int, batch_index: int) -> None:
        """Take a chunk of gradient steps, measuring and logging on the way."""
        optimizers: Any = self.optimizers()
        one = optimizers[0] if isinstance(optimizers, list) else optimizers
        if isinstance(self.optimizer, AbstractOptimizer):
            one.step(closure=lambda: self._advance(gradient_steps))  # counts the chunk
        else:
            self._advance(gradient_steps)

    def _advance(self, gradient_steps: int) -> None:
        started = time.perf_counter()
        self._renew()
        end = self.gradient_step + gradient_steps
        theta = {name: value.detach() for name, value in self.theta.items()}
        while self.gradient_step < end and self.status == "running":
            due = (self.gradient_step // self.log_every + 1) * self.log_every
            steps = min(due, end) - self.gradient_step
            before = {name: value.clone() for name, value in theta.items()}
            rates = self._next_rates(steps)
            history, measured = self.driver.advance(rates)
            self.steps_taken += steps
            times = torch.cat([self.flow_time[None], rates.cpu()])
            self.flow_time = times.cumsum(dim=0)[-1]  # one by one: the same however it is cut
            self._take(history.isfinite().cpu(), measured, steps, before)
            if self.gradient_step < end and self.is_due(self.log_every):
                if waiting_signal(self.device):  # a signal: the chunk ends here
                    break
                self._log_rows()
        self.training_seconds += time.perf_counter() - started

    def _next_rates(self, steps: int) -> Tensor:
        """The learning rates of the next gradient steps, (steps, S); 0 for diverged members."""
        rates = self.rates.take(steps)
        if len(self.live) < self.members:
            rates = rates.clone()
            rates[:, [s for s, step in enumerate(self.ended) if step is not None]] = 0.0
        return rates.to(self.device)

    def _take(
        self,
        finite: Tensor,
        measured: Tensor,
        steps: int = 0,
        before: Parameters | None = None,
    ) -> None:
        """Count the steps, note the rows of the live members and freeze those that diverged."""
        table = measured.T.tolist()
        final = measured[0].isfinite().tolist()
        diverged = [s for s in self.live if not (final[s] and bool(finite[:, s].all()))]
        for s in diverged:
            whole = bool(finite[:, s].all())
            self.ended[s] = self.gradient_step + (
                steps if whole else int(finite[:, s].int().argmin())
            )
            if before is not None:
                self.driver.restore(s, before)
        self.gradient_step += steps
        for s in self.live:
            self.last_rows[s] = dict(zip(MEASURED, table[s], strict=True)) | self.method_metrics
        if not self.live:
            self.status = "diverged"
            self.gradient_step = max(step or 0 for step in self.ended)
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add all that the numbers of later steps depend on, and what has been logged.

        Lightning's own counters are left out: they count chunks, and a run that is resumed has a
        schedule of those that are left.
        """
        del checkpoint["loops"]
        checkpoint |= {
            "gradient_step": self.gradient_step,
            "memory": getattr(self.driver, "memory", {}),
            "rates": self.rates.state(),
            "fitted_to": self._fitted_to,
            "flow_time": self.flow_time,
            "ended": self.ended,
            "last_rows": self.last_rows,
            "steps_taken": self.steps_taken,
            "training_seconds": self.training_seconds,
            "wall_seconds": self.wall_seconds,
            "logged": [_text(experiment.metrics_file_path) for experiment in self._csv_files()],
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take over what on_save_checkpoint added; the rest when the device is known."""
        self.gradient_step = checkpoint["gradient_step"]
        self.rates.restore(checkpoint["rates"])
        self.flow_time = checkpoint["flow_time"]
        self.ended, self.last_rows = checkpoint["ended"], checkpoint["last_rows"]
        self.steps_taken = checkpoint["steps_taken"]
        self.training_seconds = checkpoint["training_seconds"]
        self._seconds_before = checkpoint["wall_seconds"]
        self._logged = checkpoint["logged"]
        self._restored = checkpoint

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_index: int) -> None:
        """Log the rows of this step where they are due; callbacks have added theirs by now."""
        if self.status == "running":
            own = len(MEASURED) + len(self.method_metrics)
            added = any(len(row) > own for row in self.rows.values())
            if self.is_due(self.log_every) or added:
                self._log_rows()
        self._flush()

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

    def solution(self) -> tuple[Tensor, Tensor, Tensor]:
        """Interior points (N, d), u (S, N) and the exact solution there, (N,), on the CPU.

        float64; NaN for members that diverged.
        """
        u = self.network.field(self.parameters_in(torch.float64))
        parts = self.reference.parts(self._at_once)
        values = torch.cat([u(part.interior.coordinates) for part in parts], dim=-1)
        values[[s for s, step in enumerate(self.ended) if step is not None]] = torch.nan
        x = self.reference.interior.coordinates
        return x.cpu(), values.cpu(), self.reference.pde.exact_solution(x).cpu()

    def _log_rows(self) -> None:
        for logger in self.loggers:
            if isinstance(logger, CSVLogger):
                for s, row in self.rows.items():
                    logger.log_metrics({"member": s, **row}, step=self.gradient_step)
            elif self.rows:
                logger.log_metrics(summarised(self.rows), step=self.gradient_step)

    def _flush(self) -> None:
        for logger in self.loggers:
            if isinstance(logger, CSVLogger):
                logger.save()

    def _csv_files(self) -> list[Any]:
        """What writes the metrics.csv of every logger that has one."""
        return [logger.experiment for logger in self.loggers if isinstance(logger, CSVLogger)]


def _text(path: str) -> str:
    return Path(path).read_bytes().decode() if Path(path).exists() else ""


def summarised(rows: dict[int, Metrics]) -> Metrics:
    """One member's row as it is; of several members the medians, and the range of the loss.

    A median is of the members that have the value.
    """
    if len(rows) == 1:
        return next(iter(rows.values()))
    listed = list(rows.values())
    values = {
        name: torch.tensor([row[name] for row in listed if name in row], dtype=torch.float64)
        for name in dict.fromkeys(name for row in listed for name in row)
    }
    medians = {name: float(value.quantile(0.5)) for name, value in values.items()}
    extremes = {"loss/min": float(values["loss"].min()), "loss/max": float(values["loss"].max())}
    return {**medians, **extremes}
