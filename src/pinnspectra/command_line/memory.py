"""What a run will need of memory at its peak, from its sizes alone.

Asked before anything is allocated: a size that cannot fit is refused by name. Estimates are rather
low, so that no run is refused that would fit: where a process holds more than half a gigabyte at
its peak, that is measured to be one to two times the estimate (tests/test_memory.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from pinnspectra.command_line.components import build
from pinnspectra.command_line.free_memory import available
from pinnspectra.command_line.settings import (
    CallbackSettings,
    RandomFeatureSettings,
    RunSettings,
    SettingsError,
    TrainSettings,
)
from pinnspectra.solvers.random_features import ENTRIES_OF_A_PART as ENTRIES_OF_A
from pinnspectra.spectra.kernel import ENTRIES_OF_A_PART as ENTRIES_OF_J
from pinnspectra.training.data import PART_VALUES

TRAINING_IMPORTS, SOLVING_IMPORTS = 2 * 10**8, 5 * 10**7
"""Bytes of the libraries that are imported after the check."""

POINT_BYTES = 72
"""For every coordinate of every point at which a field is evaluated: in float64 and the working
precision, on the whole grid and joined, and what is drawn of them."""

ROW_BYTES = 1000
"""For every row of metrics.csv, which is read as text when the run has ended."""

SYSTEM_ARRAYS, NODE_ARRAYS, FACTOR_ARRAYS = 2, 3, 3
"""Arrays of the size of a part of A, of that at every node of a stencil, and of A's triangular
factor, that are held together."""

STEP_ARRAYS, MEASURE_ARRAYS = 12, 2
"""Arrays (S, M, n) that a gradient step of one member, and measuring all of them, hold together."""

JACOBIAN_ARRAYS, LEADING_ARRAYS = {"KernelSpectrum": 4, "Theorem1": 8}, 2
"""Arrays of the size of a part of J that a callback holds together; of J for leading values."""

RECORD_BYTES = 32
"""For every eigenvalue of every record: it and its root, as noted and as written."""


@dataclass(frozen=True)
class Need:
    """What something takes, in bytes, the setting that decides it, and how to need less."""

    what: str
    bytes: int
    setting: str = ""
    less: str = ""


@dataclass(frozen=True)
class Estimate:
    """What a run needs: what it holds all the time, and one after another in its phases."""

    held: Sequence[Need]
    phases: Sequence[Need]

    @property
    def peak(self) -> int:
        """The bytes of the peak."""
        return sum(need.bytes for need in self.held) + max(need.bytes for need in self.phases)

    @property
    def largest(self) -> Need:
        """What most of it is for."""
        return max([*self.held, *self.phases], key=lambda need: need.bytes)


@dataclass(frozen=True)
class Sizes:
    """Dimension d, interior and boundary points N and N_b, width M and parameters P of a run.

    nodes: points at which a field is evaluated for each interior point.
    """

    dimension: int
    per_axis: int
    interior: int
    boundary: int
    nodes: int
    width: int
    parameters: int

    @staticmethod
    def of(settings: RunSettings) -> Sizes:
        """Those of a run, which need not fit.

        Raises:
            SettingsError: the problem or the network is refused.
        """
        pde, network = build("pde", settings.pde), build("model", settings.model)
        try:
            d, n = pde.domain.dimension, settings.points.per_axis
        except ValueError as error:
            raise SettingsError(f"pde: {error}") from error
        boundary = (n + 1) ** d - (n - 1) ** d
        P = network.parameter_count(d)
        return Sizes(d, n, n**d, boundary, _nodes(settings, d), network.width, P)

    @property
    def points(self) -> Need:
        """The points and their coordinates in all forms."""
        count = self.interior * self.nodes + self.boundary
        bytes_ = POINT_BYTES * self.dimension * count
        return Need("the points", bytes_, f"points.per_axis={self.per_axis}", "lower it")

    def of_network(self, what: str, bytes_: int) -> Need:
        """What grows with the network's width."""
        return Need(what, bytes_, f"model.width={self.width}", "lower it")


def _nodes(settings: RunSettings, dimension: int) -> int:
    """The points of a stencil for each of x; 1 where they are those of a grid, or there is none."""
    step, order = settings.method.get("step"), settings.method.get("accuracy_order")
    if not isinstance(order, int):
        return 1
    strides = step / settings.points.spacing if isinstance(step, int | float) else 0.5
    on_grid = strides >= 0.5 and abs(strides - round(strides)) < 1e-9 * strides
    return 1 if on_grid else 1 + dimension * order


def need_of_solving(settings: RandomFeatureSettings) -> Estimate:
    """What rfm_solve.py needs.

    Raises:
        SettingsError: the problem or the network is refused.
    """
    sizes = Sizes.of(settings)
    N, M = sizes.interior, sizes.width
    part = min(N * M, max(2 * M**2, ENTRIES_OF_A))
    arrays = SYSTEM_ARRAYS if sizes.nodes == 1 else NODE_ARRAYS * sizes.nodes
    entries = arrays * part + FACTOR_ARRAYS * min(N, M) ** 2
    if settings.boundary_rows:
        entries += 2 * sizes.boundary * M
    return Estimate(
        [Need("the program", SOLVING_IMPORTS), sizes.points],
        [sizes.of_network("the system matrix", 8 * entries)],
    )


def need_of_training(settings: TrainSettings) -> Estimate:
    """What train.py needs.

    Raises:
        SettingsError: the problem or the network is refused.
    """
    sizes, item = Sizes.of(settings), 4 if settings.precision == "float32" else 8
    S = _members(settings)
    at_once = min(sizes.interior * sizes.width, PART_VALUES)
    rows = S * (settings.max_steps // settings.log_every)
    copies = 4 + _kept_by_the_optimizer(settings)

    def of_members(what: str, bytes_: int) -> Need:
        if S == 1:
            return sizes.of_network(what, bytes_)
        return Need(what, bytes_, f"ensemble.size={settings.ensemble.size}", "lower it")

    held = [
        Need("the program", TRAINING_IMPORTS),
        sizes.points,
        of_members("the parameters", S * sizes.parameters * (12 + item * copies)),
        Need("metrics.csv", ROW_BYTES * rows, f"log_every={settings.log_every}", "raise it"),
    ]
    phases = [
        sizes.of_network("a gradient step", STEP_ARRAYS * item * at_once),
        of_members("the losses of all members", MEASURE_ARRAYS * 8 * S * at_once),
    ]
    for name, callback in settings.callbacks.items():
        kind = callback.target.rpartition(".")[2]
        if kind in JACOBIAN_ARRAYS:
            leading = settings.spectrum.leading if kind == "KernelSpectrum" else None
            arrays = LEADING_ARRAYS if leading else JACOBIAN_ARRAYS[kind]
            phases.append(_of_jacobian(name, settings, sizes, arrays, leading))
            held.append(_of_records(name, callback, settings, sizes, leading))
    return Estimate(held, phases)


def _members(settings: TrainSettings) -> int:
    """S, without a list of them, which need not fit."""
    return settings.ensemble.size * len(settings.ensemble.lr or [0])


def _kept_by_the_optimizer(settings: TrainSettings) -> int:
    """Arrays of the size of the parameters: L-BFGS keeps two for every step of its history."""
    if settings.optimizer.target.endswith(".LBFGS"):
        history = settings.optimizer.section.get("history_size", 100)
        return 2 * history if isinstance(history, int) else 2
    return 2


def _of_jacobian(
    name: str, settings: TrainSettings, sizes: Sizes, arrays: int, leading: int | None
) -> Need:
    """A part of J, or all of it where only its leading values are wanted (kernel.py)."""
    N, P, S = sizes.interior, sizes.parameters, _members(settings)
    rows = N if leading else min(N, max(2 * P, ENTRIES_OF_J // (S * P)))
    many = f"ensemble.size={settings.ensemble.size}"
    return Need(
        f"callbacks.{name}",
        8 * S * P * rows * arrays,
        many if S > 1 else f"model.width={sizes.width}",
        f"lower it or leave {name} out of callbacks",
    )


def _of_records(
    name: str,
    callback: CallbackSettings,
    settings: TrainSettings,
    sizes: Sizes,
    leading: int | None,
) -> Need:
    """The spectra of all records."""
    every = callback.every or settings.max_steps
    values = min(sizes.interior, sizes.parameters)
    values = min(values, leading or values)
    bytes_ = RECORD_BYTES * _members(settings) * values * (settings.max_steps // every + 2)
    return Need("the spectra of all steps", bytes_, f"callbacks.{name}.every={every}", "raise it")


def need_of_advice(settings: TrainSettings) -> Estimate:
    """What pinnspectra.advise needs: one network, trained on a few of the points.

    Raises:
        SettingsError: the problem or the network is refused.
    """
    sizes = Sizes.of(settings)
    held = [Need("the program", TRAINING_IMPORTS), sizes.points]
    return Estimate(held, [sizes.of_network("the parameters", 64 * sizes.parameters)])


def require(estimate: Estimate, on_accelerator: bool = False) -> None:
    """Refuse what cannot fit.

    Args:
        estimate: what is needed.
        on_accelerator: of its memory; what is held all the time, of the computer's too.

    Raises:
        SettingsError: there is less memory than that.
    """
    limits = [(estimate.peak, available())]
    if on_accelerator:
        held = sum(need.bytes for need in estimate.held)
        limits = [(held, available()), (estimate.peak, torch.cuda.mem_get_info()[0])]
    for needed, free in limits:
        if needed > free:
            raise SettingsError(_refusal(needed, free, estimate.largest))


def _refusal(needed: int, free: int, largest: Need) -> str:
    key, _, value = largest.setting.partition("=")
    given = value if len(value) <= 20 else f"{value[:17]}..."
    return (
        f"{key}={given}: the run needs at least {_size(needed)} of memory, most of it for "
        f"{largest.what}, and {_size(free)} are free: {largest.less}"
    )


def _size(bytes_: int) -> str:
    """Bytes in the unit that suits them."""
    for power, unit in enumerate(("bytes", "kB", "MB", "GB", "TB", "PB")):
        if bytes_ < 1000 ** (power + 1):
            return f"{bytes_ / 1000**power:.3g} {unit}"
    return "1000 PB"
